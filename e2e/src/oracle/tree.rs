//! A decoded message as a tree of named fields, whatever its type.
//!
//! The message types of `kafka-protocol` print every field with `{:#?}`; taking that text apart
//! gives a comparison for all APIs and versions without a line of code for each.

use std::fmt::Debug;

/// A value of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A scalar, as printed.
    Leaf(String),
    /// The fields of a struct in order.
    Fields(Vec<(String, Node)>),
    /// The elements of a list or map.
    List(Vec<Node>),
}

impl Node {
    /// The tree of `message`.
    pub fn of(message: &impl Debug) -> Node {
        let text = format!("{message:#?}");
        let mut lines = text.lines().map(str::trim);
        lines.next().map_or(Node::Leaf(String::new()), |first| value(first, &mut lines))
    }

    /// The fields of a struct; none for others.
    pub fn fields(&self) -> &[(String, Node)] {
        match self {
            Node::Fields(fields) => fields,
            _ => &[],
        }
    }

    /// One line for error messages and the table of findings.
    pub fn short(&self) -> String {
        match self {
            Node::Leaf(text) => text.clone(),
            Node::List(list) if list.is_empty() => "[]".to_owned(),
            Node::List(list) => {
                let all: Vec<String> = list.iter().map(Node::short).collect();
                format!("[{}]", all.join(", "))
            }
            Node::Fields(fields) => {
                let all: Vec<String> =
                    fields.iter().map(|(name, node)| format!("{name}={}", node.short())).collect();
                format!("{{{}}}", all.join(" "))
            }
        }
    }
}

/// The value that begins with `line`, the rest of which `lines` has.
fn value<'a>(line: &'a str, lines: &mut impl Iterator<Item = &'a str>) -> Node {
    let line = line.strip_suffix(',').unwrap_or(line);
    if line.ends_with('(') {
        // A wrapper such as `Some(` or `TopicName(`: what it holds is what counts.
        let inner = lines.next().map_or(Node::Leaf(String::new()), |first| value(first, lines));
        lines.next();
        return inner;
    }
    if line.ends_with('[') || line == "{" {
        return Node::List(list(lines));
    }
    if line.ends_with(" {") {
        return Node::Fields(fields(lines));
    }
    Node::Leaf(
        line.strip_prefix("Some(")
            .and_then(|rest| rest.strip_suffix(')'))
            .unwrap_or(line)
            .to_owned(),
    )
}

fn is_end(line: &str) -> bool {
    matches!(line.strip_suffix(',').unwrap_or(line), "}" | "]" | ")")
}

fn list<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<Node> {
    let mut found = Vec::new();
    while let Some(line) = lines.next().filter(|line| !is_end(line)) {
        found.push(value(line, lines));
    }
    found
}

fn fields<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<(String, Node)> {
    let mut found = Vec::new();
    while let Some(line) = lines.next().filter(|line| !is_end(line)) {
        let (name, rest) = line.split_once(": ").unwrap_or((line, ""));
        found.push((name.to_owned(), value(rest, lines)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Node;

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
        numbers: Option<Vec<i32>>,
    }

    #[test]
    fn every_value_of_a_message_is_in_its_tree() {
        let inner =
            |index| Inner { index, name: Some("a: b {".into()), nothing: None, empty: vec![] };
        let outer = Outer { code: 3, list: vec![inner(0), inner(1)], numbers: Some(vec![7, 8]) };
        assert_eq!(
            Node::of(&outer).short(),
            "{code=3 list=[{index=0 name=\"a: b {\" nothing=None empty=[]}, \
             {index=1 name=\"a: b {\" nothing=None empty=[]}] numbers=[7, 8]}"
        );
    }
}
