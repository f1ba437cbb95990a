//! The notes of both sides beside each other, and the table of differences that have a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context as _, Result, bail, ensure};

use super::normal::identity;
use super::side::Note;
use super::tree::Node;
use crate::findings::{self, matches};

/// One field in which the answers differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// `scene/case`.
    pub case: String,
    /// The API's name.
    pub api: String,
    /// The version of the request.
    pub version: i16,
    /// The field, with the names of list elements in brackets.
    pub field: String,
    /// Apache Kafka's value.
    pub kafka: String,
    /// Ours.
    pub ours: String,
}

/// A row of the table of findings.
#[derive(Debug, Clone)]
pub struct Finding {
    line: usize,
    case: String,
    api: String,
    versions: (i16, i16),
    field: String,
    kafka: String,
    ours: String,
}

impl fmt::Display for Difference {
    /// As a row of the table, so that a new finding can be copied there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { case, api, version, field, kafka, ours } = self;
        write!(f, "| {case} | {api} | {version} | {field} | {kafka} | {ours} | ? |")
    }
}

/// What differs between the notes of both sides. The scenes are the same program, so the notes must
/// be about the same requests; where a scene took another way, the rest of it cannot be compared.
pub fn differences(kafka: &[Note], ours: &[Note]) -> Result<Vec<Difference>> {
    let mut found = Vec::new();
    ensure!(
        kafka.len() == ours.len(),
        "the sides were asked {} and {} times",
        kafka.len(),
        ours.len()
    );
    for (kafka, ours) in kafka.iter().zip(ours) {
        ensure!(
            (&kafka.case, &kafka.api, kafka.version) == (&ours.case, &ours.api, ours.version),
            "the sides went different ways at {} and {}",
            kafka.case,
            ours.case
        );
        if let Node::Leaf(text) = &kafka.answer
            && text.starts_with("broken")
        {
            bail!("the judge is wrong in {} v{}: {text}", kafka.case, kafka.version);
        }
        let at = Difference {
            case: kafka.case.clone(),
            api: kafka.api.clone(),
            version: kafka.version,
            field: String::new(),
            kafka: String::new(),
            ours: String::new(),
        };
        compare(&at, "", &kafka.answer, &ours.answer, &mut found);
    }
    Ok(found)
}

fn compare(at: &Difference, field: &str, kafka: &Node, ours: &Node, found: &mut Vec<Difference>) {
    let mut differs = |field: &str, kafka: String, ours: String| {
        let field = if field.is_empty() { "(answer)".to_owned() } else { field.to_owned() };
        found.push(Difference { field, kafka, ours, ..at.clone() });
    };
    match (kafka, ours) {
        (Node::Fields(kafka), Node::Fields(ours)) => {
            for ((name, kafka), (_, ours)) in kafka.iter().zip(ours) {
                let inner = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                compare(at, &inner, kafka, ours, found);
            }
        }
        (Node::List(kafka), Node::List(ours)) => {
            let (kafka, ours) = (named(kafka), named(ours));
            let names: BTreeSet<&String> = kafka.keys().chain(ours.keys()).collect();
            for name in names {
                let inner = format!("{field}[{name}]");
                match (kafka.get(name), ours.get(name)) {
                    (Some(kafka), Some(ours)) => compare(at, &inner, kafka, ours, found),
                    (kafka, ours) => {
                        let said = |node: Option<&&Node>| {
                            node.map_or("(absent)".to_owned(), |node| clip(&node.short()))
                        };
                        found.push(Difference {
                            field: inner,
                            kafka: said(kafka),
                            ours: said(ours),
                            ..at.clone()
                        });
                    }
                }
            }
        }
        (kafka, ours) if kafka == ours => {}
        (kafka, ours) => differs(field, clip(&kafka.short()), clip(&ours.short())),
    }
}

/// The elements by name; those without one, or with the same one, by place.
fn named(list: &[Node]) -> BTreeMap<String, &Node> {
    let mut elements = BTreeMap::new();
    for (place, element) in list.iter().enumerate() {
        let name = identity(element).unwrap_or_else(|| place.to_string());
        let name = if elements.contains_key(&name) { format!("{name}#{place}") } else { name };
        elements.insert(name, element);
    }
    elements
}

fn clip(text: &str) -> String {
    let text = text.replace('|', "/");
    if text.chars().count() <= 120 {
        return text;
    }
    text.chars().take(117).chain("...".chars()).collect()
}

/// The rows of the table of findings in a Markdown text.
pub fn findings(text: &str) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for (line, [case, api, versions, field, kafka, ours, _why]) in findings::rows(text, "case")? {
        let (least, greatest) = match (versions, versions.split_once('-')) {
            ("*", _) => (0, i16::MAX),
            (_, Some((least, greatest))) => (least.parse()?, greatest.parse()?),
            (one, None) => {
                let one = one.parse().with_context(|| format!("line {line}: {one:?}"))?;
                (one, one)
            }
        };
        found.push(Finding {
            line,
            case: case.to_owned(),
            api: api.to_owned(),
            versions: (least, greatest),
            field: field.to_owned(),
            kafka: kafka.to_owned(),
            ours: ours.to_owned(),
        });
    }
    Ok(found)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} {}", self.line, self.case, self.field)
    }
}

impl Finding {
    fn explains(&self, difference: &Difference) -> bool {
        (self.versions.0..=self.versions.1).contains(&difference.version)
            && matches(&self.case, &difference.case)
            && matches(&self.api, &difference.api)
            && matches(&self.field, &difference.field)
            && matches(&self.kafka, &difference.kafka)
            && matches(&self.ours, &difference.ours)
    }
}

/// Fails with every difference that no finding explains and every finding that explains nothing.
pub fn judge(differences: &[Difference], found: &[Finding]) -> Result<()> {
    let what = "differences without a reason (case, api, version, field, Kafka, ours)";
    findings::judge(what, differences, found, Finding::explains)
}

#[cfg(test)]
mod tests {
    use super::{differences, findings, judge};
    use crate::oracle::side::Note;
    use crate::oracle::tree::Node;

    fn note(code: &str) -> Note {
        let fields = vec![("error_code".to_owned(), Node::Leaf(code.to_owned()))];
        Note { case: "a/b".into(), api: "Fetch".into(), version: 4, answer: Node::Fields(fields) }
    }

    #[test]
    fn an_unlisted_difference_fails_and_so_does_a_stale_finding() {
        let found = differences(&[note("3")], &[note("5")]).unwrap();
        assert_eq!(found.len(), 1);
        assert!(judge(&found, &[]).is_err());
        let row = "| case | api | versions | field | kafka | ours | why |\n|---|---|---|---|---|---|---|\n\
                   | a/* | Fetch | 4-18 | error_code | 3 | 5 | because it is so |";
        let rows = findings(row).unwrap();
        assert!(judge(&found, &rows).is_ok());
        assert!(judge(&[], &rows).is_err());
    }
}
