//! A file's documents, and where in the file each of their fields stands.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Parser};

/// A line and a column, both from 1.
pub(super) type Position = (u64, u64);

/// One document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// Its text below as many empty lines as precede it in the file, so that every line number that
    /// the parser reports is one of the file.
    pub(super) text: String,
    /// Where it begins.
    pub(super) start: Position,
}

/// Cuts a file at its `---` and `...` lines; pieces of nothing but comments are left out.
///
/// YAML lets no scalar hold such a line, so the cut needs no parser, and a broken document does not
/// take the ones behind it along.
pub(super) fn split(file: &str) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut piece = Piece::default();
    for (number, line) in file.split_inclusive('\n').enumerate() {
        if let Some(rest) = mark(line) {
            documents.extend(piece.finish());
            piece = Piece { text: "\n".repeat(number), start: None };
            piece.push(number, &format!("   {rest}"));
        } else {
            piece.push(number, line);
        }
    }
    documents.extend(piece.finish());
    documents
}

/// What follows the mark on a line that separates documents.
fn mark(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."))?;
    rest.chars().next().is_none_or(char::is_whitespace).then_some(rest)
}

#[derive(Default)]
struct Piece {
    text: String,
    start: Option<Position>,
}

impl Piece {
    fn push(&mut self, number: usize, line: &str) {
        let content = line.trim_start();
        if self.start.is_none() && !content.is_empty() && !content.starts_with(['#', '%']) {
            let column = line.len() - content.len() + 1;
            self.start = Some((number as u64 + 1, column as u64));
        }
        self.text.push_str(line);
    }

    fn finish(self) -> Option<Document> {
        self.start.map(|start| Document { text: self.text, start })
    }
}

/// The fields of one document: where each begins, and the text of those that are no map or list.
#[derive(Debug, Default)]
pub(super) struct Fields {
    by_path: BTreeMap<String, Position>,
    by_position: BTreeMap<Position, Field>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// As in `spec.listeners[0].port`.
    pub(super) path: String,
    /// The value as written, for a scalar.
    pub(super) text: Option<String>,
}

impl Fields {
    /// Finds the fields; as many as there are before a syntax error.
    pub(super) fn of(document: &Document) -> Self {
        let mut walk = Walk::default();
        for item in Parser::new_from_str(&document.text) {
            let Ok((event, span)) = item else { break };
            walk.event(&event, (span.start.line() as u64, span.start.col() as u64 + 1));
        }
        walk.fields
    }

    /// Where the value of `path` begins.
    pub(super) fn position(&self, path: &str) -> Option<Position> {
        self.by_path.get(path).copied()
    }

    /// The field whose value begins at `position`.
    pub(super) fn at(&self, position: Position) -> Option<&Field> {
        self.by_position.get(&position)
    }
}

/// Where the walk stands in one map or list.
enum Level {
    /// In a map, before a key.
    Key,
    /// In a map, behind this key.
    Value(String),
    /// In a list, before this element.
    Element(usize),
}

#[derive(Default)]
struct Walk {
    levels: Vec<Level>,
    fields: Fields,
}

impl Walk {
    fn event(&mut self, event: &Event<'_>, position: Position) {
        match event {
            Event::Scalar(text, ..) => self.scalar(text, position),
            Event::Alias(_) => self.node(None, position),
            Event::MappingStart(..) => {
                self.node(None, position);
                self.levels.push(Level::Key);
            }
            Event::SequenceStart(..) => {
                self.node(None, position);
                self.levels.push(Level::Element(0));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.levels.pop();
                self.advance();
            }
            _ => {}
        }
    }

    fn scalar(&mut self, text: &str, position: Position) {
        if let Some(level @ Level::Key) = self.levels.last_mut() {
            *level = Level::Value(text.to_owned());
            // some errors point at the key
            let field = Field { path: self.path(), text: None };
            self.fields.by_position.entry(position).or_insert(field);
        } else {
            self.node(Some(text.to_owned()), position);
            self.advance();
        }
    }

    /// Notes a value at the path that the levels spell.
    fn node(&mut self, text: Option<String>, position: Position) {
        let path = self.path();
        self.fields.by_path.entry(path.clone()).or_insert(position);
        self.fields.by_position.entry(position).or_insert(Field { path, text });
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::Key => {}
                Level::Value(key) if path.is_empty() => path.push_str(key),
                Level::Value(key) => {
                    path.push('.');
                    path.push_str(key);
                }
                Level::Element(index) => {
                    path.push('[');
                    path.push_str(&index.to_string());
                    path.push(']');
                }
            }
        }
        path
    }

    /// A value is complete: on to the next key or element.
    fn advance(&mut self) {
        match self.levels.last_mut() {
            Some(level @ Level::Value(_)) => *level = Level::Key,
            Some(Level::Element(index)) => *index += 1,
            Some(Level::Key) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_at_its_marks_and_lines_keep_their_numbers() {
        let file = "# head\n---\na: 1\n---\n# nothing\n--- {b: 2}\n...\n---x: 3\n";
        let documents = split(file);
        let starts: Vec<Position> = documents.iter().map(|document| document.start).collect();
        assert_eq!(starts, [(3, 1), (6, 5), (8, 1)]);
        assert_eq!(documents[0].text, "\n   \na: 1\n");
        assert_eq!(Fields::of(&documents[1]).position("b"), Some((6, 9)));
    }

    #[test]
    fn every_field_is_found_by_path_and_by_position() {
        let text = "kind: K\nspec:\n  list:\n  - {port: 1}\n  - port: two\n    name: n\n  end: x\n";
        let fields = Fields::of(&split(text)[0]);
        assert_eq!(fields.position("kind"), Some((1, 7)));
        assert_eq!(fields.position("spec.list[0].port"), Some((4, 12)));
        assert_eq!(fields.position("spec.list[1].name"), Some((6, 11)));
        assert_eq!(fields.position("spec.end"), Some((7, 8)));
        let port = fields.at((5, 11)).unwrap();
        assert_eq!((port.path.as_str(), port.text.as_deref()), ("spec.list[1].port", Some("two")));
    }

    #[test]
    fn a_broken_document_gives_the_fields_before_the_break() {
        let fields = Fields::of(&split("a: 1\nb: {c: 2\n")[0]);
        assert_eq!(fields.position("a"), Some((1, 4)));
    }
}
