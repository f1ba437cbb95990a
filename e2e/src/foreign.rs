//! Test suites of client libraries, run as they are: which of their tests are left out, and why.
//!
//! A suite has a table in Markdown (`| test | how | why |`): `excluded` tests are not run, tests
//! that `skips itself` do so for a reason we know, and every other test must pass.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};

use crate::findings::{self, matches};
use crate::judged;

/// A row of a suite's table. A `*` in the name stands for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The test as its suite names it.
    pub test: String,
    /// Whether we leave it out; otherwise it skips itself.
    pub excluded: bool,
}

/// What became of one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after what test runners say")]
pub enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// The rows of a suite's table.
pub fn left_out(table: &str) -> Result<Vec<LeftOut>> {
    let mut left_out = Vec::new();
    for (line, [test, how, _why]) in findings::rows(table, "test")? {
        let excluded = match how {
            "excluded" => true,
            "skips itself" => false,
            other => bail!("line {line}: {other:?} is neither excluded nor skips itself"),
        };
        left_out.push(LeftOut { test: test.to_owned(), excluded });
    }
    Ok(left_out)
}

/// Judges a run: at least `least` tests passed, none failed, and what skipped itself is in `rows`.
/// A row whose test no longer skips itself is stale, except where Apache Kafka stands in, which
/// serves more. Returns how many passed and skipped themselves.
pub fn judge(
    verdicts: &[(String, Verdict)],
    rows: &[LeftOut],
    least: usize,
) -> Result<(usize, usize)> {
    let named = |wanted: Verdict| {
        let tests = verdicts.iter().filter(move |(_, verdict)| *verdict == wanted);
        tests.map(|(test, _)| test.as_str()).collect::<BTreeSet<&str>>()
    };
    let (passed, failed, skipped) =
        (named(Verdict::Passed), named(Verdict::Failed), named(Verdict::Skipped));
    ensure!(failed.is_empty(), "failed: {failed:?}");
    ensure!(passed.len() >= least, "only {} tests passed, of at least {least}", passed.len());
    let unlisted: Vec<&&str> = skipped
        .iter()
        .filter(|test| !rows.iter().any(|row| !row.excluded && matches(&row.test, test)))
        .collect();
    ensure!(unlisted.is_empty(), "skip themselves without a row: {unlisted:?}");
    let stale: Vec<&str> = rows
        .iter()
        .filter(|row| !row.excluded && !skipped.iter().any(|test| matches(&row.test, test)))
        .map(|row| row.test.as_str())
        .collect();
    ensure!(judged::is_kafka() || stale.is_empty(), "rows of tests that run: {stale:?}");
    Ok((passed.len(), skipped.len()))
}

#[cfg(test)]
mod tests {
    use super::{LeftOut, Verdict, judge, left_out};

    const TABLE: &str = "| test | how | why |\n|---|---|---|\n\
                         | TestTxn | excluded | transactions are not served |\n\
                         | TestGroup/848 | skips itself | KIP-848 is not served |";

    fn verdicts(of_848: Verdict) -> Vec<(String, Verdict)> {
        vec![("TestPing".to_owned(), Verdict::Passed), ("TestGroup/848".to_owned(), of_848)]
    }

    #[test]
    fn the_rows_of_a_table_are_read() {
        let rows = left_out(TABLE).unwrap();
        let row = |test: &str, excluded| LeftOut { test: test.to_owned(), excluded };
        assert_eq!(rows, [row("TestTxn", true), row("TestGroup/848", false)]);
        assert!(left_out("| TestTxn | perhaps | nobody knows why |").is_err());
        assert!(left_out("| TestTxn | excluded | why |").is_err());
    }

    #[test]
    fn failures_unlisted_skips_and_stale_rows_are_refused() {
        let rows = left_out(TABLE).unwrap();
        assert_eq!(judge(&verdicts(Verdict::Skipped), &rows, 1).unwrap(), (1, 1));
        assert!(judge(&verdicts(Verdict::Failed), &rows, 1).is_err());
        assert!(judge(&verdicts(Verdict::Passed), &rows, 1).is_err());
        assert!(judge(&verdicts(Verdict::Skipped), &rows, 2).is_err());
        assert!(judge(&verdicts(Verdict::Skipped), &rows[..1], 1).is_err());
    }
}
