//! What a topic may be called.

/// The log of cluster metadata; not a topic that clients see.
pub const CLUSTER_METADATA: &str = "__cluster_metadata";
/// Committed offsets and group state.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// State of share groups.
pub const SHARE_GROUP_STATE: &str = "__share_group_state";
/// State of transactions.
pub const TRANSACTION_STATE: &str = "__transaction_state";

/// The longest topic name: a partition's directory, name and index, has to fit in 255 bytes.
const MAX_CHARACTERS: usize = 249;

/// Why a topic cannot be called that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No name at all.
    #[error("a topic name must not be empty")]
    Empty,
    /// `.` or `..`, which are directories of their own.
    #[error("a topic cannot be called \".\" or \"..\"")]
    Dots,
    /// Too long for a directory.
    #[error("a topic name has at most {MAX_CHARACTERS} characters, this one has {0}")]
    TooLong(usize),
    /// A character outside the allowed ones.
    #[error("a topic name consists of letters, digits, \".\", \"_\" and \"-\", not {0:?}")]
    Character(char),
}

/// Checks that `name` can be a topic's.
pub fn validate_name(name: &str) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name == "." || name == ".." {
        return Err(InvalidName::Dots);
    }
    let count = name.chars().count();
    if count > MAX_CHARACTERS {
        return Err(InvalidName::TooLong(count));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.chars().find(|c| !allowed(*c)).map_or(Ok(()), |c| Err(InvalidName::Character(c)))
}

/// Whether the broker itself keeps its state in the topic.
pub fn is_internal(name: &str) -> bool {
    matches!(name, CONSUMER_OFFSETS | SHARE_GROUP_STATE | TRANSACTION_STATE)
}

/// The form in which two names must not be equal: metric names turn `.` into `_`. `None` for names
/// that have neither.
pub(super) fn collision_form(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit_a_directory_are_taken() {
        for name in ["a", "rider-updates", "A.b_c-9", "...", &"x".repeat(249)] {
            assert_eq!(validate_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_would_escape_or_break_a_directory_are_refused() {
        assert_eq!(validate_name(""), Err(InvalidName::Empty));
        assert_eq!(validate_name("."), Err(InvalidName::Dots));
        assert_eq!(validate_name(".."), Err(InvalidName::Dots));
        assert_eq!(validate_name(&"x".repeat(250)), Err(InvalidName::TooLong(250)));
        for bad in ["a/b", "a\0", "a b", "caf\u{e9}", "a\\b", "a:b"] {
            assert!(matches!(validate_name(bad), Err(InvalidName::Character(_))), "{bad:?}");
        }
    }

    #[test]
    fn only_names_with_dots_or_underscores_can_collide() {
        assert_eq!(collision_form("a.b"), collision_form("a_b"));
        assert_eq!(collision_form("a-b"), None);
    }
}
