//! Tables in Markdown of what we accept, each row with its reason, and what they have to explain.

use std::fmt::Display;

use anyhow::{Result, bail, ensure};

/// The rows of the table in `text` whose first column is called `title`: the line and the cells of
/// each. The last cell is the reason, and has to be one.
pub(crate) fn rows<'a, const N: usize>(
    text: &'a str,
    title: &str,
) -> Result<Vec<(usize, [&'a str; N])>> {
    let mut rows = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let Some(inner) = line.strip_prefix("| ").and_then(|rest| rest.strip_suffix(" |")) else {
            continue;
        };
        let cells: Vec<&str> = inner.split(" | ").map(str::trim).collect();
        let Ok(cells) = <[&str; N]>::try_from(cells.as_slice()) else {
            bail!("line {}: {} cells instead of {N}", place + 1, cells.len());
        };
        let why = cells.last().copied().unwrap_or_default();
        if cells.first() == Some(&title) && why == "why" {
            continue;
        }
        ensure!(why.len() > 10, "line {}: the reason is missing", place + 1);
        rows.push((place + 1, cells));
    }
    Ok(rows)
}

/// Fails with every difference that no finding explains and every finding that explains nothing.
/// `what` says what differs, and in which columns.
pub(crate) fn judge<D: Display, F: Display>(
    what: &str,
    differences: &[D],
    findings: &[F],
    explains: impl Fn(&F, &D) -> bool,
) -> Result<()> {
    let unexplained: Vec<String> = differences
        .iter()
        .filter(|difference| !findings.iter().any(|finding| explains(finding, difference)))
        .map(ToString::to_string)
        .collect();
    let stale: Vec<String> = findings
        .iter()
        .filter(|finding| !differences.iter().any(|difference| explains(finding, difference)))
        .map(ToString::to_string)
        .collect();
    ensure!(
        unexplained.is_empty() && stale.is_empty(),
        "{} {what}:\n{}\n{} findings that no longer occur:\n{}",
        unexplained.len(),
        unexplained.join("\n"),
        stale.len(),
        stale.join("\n")
    );
    Ok(())
}

/// Whether `text` is `pattern`, in which each `*` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| text.get(at..).is_some_and(|tail| matches(rest, tail)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{matches, rows};

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("*", "") && matches("a*c", "abc") && matches("topics[*].x", "topics[a].x"));
        assert!(!matches("a*c", "abd") && !matches("a", "ab"));
    }

    #[test]
    fn a_row_has_every_cell_and_a_reason() {
        let table = "| test | why |\n|---|---|\n| a* | because it is so |";
        assert_eq!(rows::<2>(table, "test").unwrap(), [(3, ["a*", "because it is so"])]);
        assert!(rows::<3>(table, "test").is_err());
        assert!(rows::<2>("| a | why |", "test").is_err());
    }
}
