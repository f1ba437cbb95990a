//! Which replica a consumer should read from (KIP-392).

use crate::id::{BrokerId, Offset};

/// The replica in `rack`, the consumer's, that has `offset` and is furthest along; `None` where the
/// leader is as near, or no other is.
///
/// `followers`: those in sync, each with its rack and its log's end as the leader knows it.
pub fn preferred<'a>(
    rack: &str,
    offset: Offset,
    leader: Option<&str>,
    followers: impl Iterator<Item = (BrokerId, Option<&'a str>, Offset)>,
) -> Option<BrokerId> {
    if rack.is_empty() || leader == Some(rack) {
        return None;
    }
    let near = followers.filter(|(_, of, end)| *of == Some(rack) && *end >= offset);
    // of two that are level the lower id, so that all consumers of a rack share its page cache
    near.max_by_key(|(id, _, end)| (*end, -id.0)).map(|(id, _, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_that_is_furthest_along() {
        let followers = [(1, Some("a"), 10), (2, Some("b"), 10), (3, Some("b"), 12), (4, None, 12)];
        let choose = |rack, offset, leader| {
            let followers = followers.iter().map(|(id, of, end)| (BrokerId(*id), *of, *end));
            preferred(rack, offset, leader, followers).map(|id| id.0)
        };
        assert_eq!(choose("b", 5, Some("c")), Some(3));
        assert_eq!(choose("a", 11, Some("c")), None, "it has not got there");
        assert_eq!(choose("b", 5, Some("b")), None, "the leader is as near");
        assert_eq!(choose("", 5, None), None);
        assert_eq!(choose("z", 5, None), None);
    }
}
