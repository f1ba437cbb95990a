//! A decoded message as a list of `path = value` lines, whatever its type.
//!
//! The message types of `kafka-protocol` print every field with `{:#?}`; taking that text apart
//! gives a comparison for all APIs and versions without a line of code for each.

/// One scalar of a message: where it is, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Field names and list places from the root, joined by dots:
    /// `topics.0.partitions.1.error_code`.
    pub path: String,
    /// The value as printed.
    pub value: String,
}

impl Leaf {
    /// The path without list places: `topics.partitions.error_code`.
    pub fn field(&self) -> String {
        let names: Vec<&str> =
            self.path.split('.').filter(|part| part.parse::<usize>().is_err()).collect();
        names.join(".")
    }
}

/// What a pretty-printed value is made of, one open bracket each.
enum Level {
    /// A struct, or a wrapper such as `Some(`: adds nothing to the path by itself.
    Named { pushed: bool },
    /// A list or map: its elements are numbered.
    List { pushed: bool, next: usize },
}

/// The scalars of `message` in order.
pub fn leaves(message: &impl std::fmt::Debug) -> Vec<Leaf> {
    let text = format!("{message:#?}");
    let mut path: Vec<String> = Vec::new();
    let mut levels: Vec<Level> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if matches!(line, "}" | "]" | ")" | "}," | "]," | "),") {
            if let Some(Level::Named { pushed: true } | Level::List { pushed: true, .. }) =
                levels.pop()
            {
                path.pop();
            }
            continue;
        }
        let (name, rest) = match line.split_once(": ") {
            Some((name, rest)) if is_name(name) => (Some(name.to_owned()), rest),
            _ => (None, line),
        };
        // An element of a list has its place as name.
        let name = name.or_else(|| match levels.last_mut() {
            Some(Level::List { next, .. }) => {
                *next += 1;
                Some((*next - 1).to_string())
            }
            _ => None,
        });
        let pushed = name.is_some();
        path.extend(name);
        match rest.chars().last() {
            Some('{') if rest.ends_with(" {") && rest != "{" => {
                levels.push(Level::Named { pushed });
            }
            Some('(') => levels.push(Level::Named { pushed }),
            Some('[' | '{') => levels.push(Level::List { pushed, next: 0 }),
            _ => {
                let value = rest.strip_suffix(',').unwrap_or(rest);
                found.push(Leaf { path: path.join("."), value: value.to_owned() });
                if pushed {
                    path.pop();
                }
            }
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::leaves;

    #[derive(Debug)]
    #[expect(dead_code, reason = "only printed")]
    struct Inner {
        index: i32,
        name: Option<String>,
        nothing: Option<i32>,
        empty: Vec<i32>,
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "only printed")]
    struct Outer {
        code: i16,
        list: Vec<Inner>,
        numbers: Vec<i32>,
    }

    #[test]
    fn every_scalar_of_a_message_gets_its_path() {
        let inner =
            |index| Inner { index, name: Some("a: b".into()), nothing: None, empty: vec![] };
        let found = leaves(&Outer { code: 3, list: vec![inner(0), inner(1)], numbers: vec![7, 8] });
        let lines: Vec<String> =
            found.iter().map(|leaf| format!("{}={}", leaf.path, leaf.value)).collect();
        assert_eq!(
            lines,
            [
                "code=3",
                "list.0.index=0",
                "list.0.name=\"a: b\"",
                "list.0.nothing=None",
                "list.0.empty=[]",
                "list.1.index=1",
                "list.1.name=\"a: b\"",
                "list.1.nothing=None",
                "list.1.empty=[]",
                "numbers.0=7",
                "numbers.1=8",
            ]
        );
        assert_eq!(found.get(2).map(super::Leaf::field).as_deref(), Some("list.name"));
    }
}
