//! `--config FILE`: a broker's settings in a file, one `name=value` a line.
//!
//! A part of Java's properties format that needs no escapes: no value of a setting has a line
//! break, nor blanks at its ends. Lines that are empty or begin with `#` are for people.

use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::Failure;

/// The settings of a file.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| Failure::new(format!("--config {}: {why}", path.display())))?;
    parse(&text).map_err(|(line, why)| {
        Failure::usage(format!("--config {}:{line}: {why}", path.display()))
            .help("write one NAME=VALUE a line, as in log.retention.hours=24")
    })
}

/// The settings, or the line (from 1) where something is wrong, and what.
fn parse(text: &str) -> Result<BTreeMap<String, String>, (usize, String)> {
    let mut settings = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let (number, line) = (number + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err((number, format!("{line:?} has no '='")));
        };
        let (name, value) = (name.trim_end(), value.trim_start());
        if name.is_empty() {
            return Err((number, "a setting without a name".to_owned()));
        }
        if settings.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err((number, format!("{name} is there twice")));
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_cut_at_the_first_equals_sign() {
        let settings = parse("# ours\n\na.b = 1\nlist=x=1,y=2\nempty=\n").unwrap();
        let expected = [("a.b", "1"), ("empty", ""), ("list", "x=1,y=2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(settings, BTreeMap::from(expected));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        assert_eq!(parse("a=1\nb\n").unwrap_err(), (2, "\"b\" has no '='".to_owned()));
        assert_eq!(parse("a=1\n\na=2").unwrap_err(), (3, "a is there twice".to_owned()));
        assert_eq!(parse("=1").unwrap_err().0, 1);
    }
}
