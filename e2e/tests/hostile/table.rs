//! Rows of bad input and the answers they must get; every row is played, then the table is judged.

use std::fmt;
use std::io::{Write as _, stderr};

use anyhow::{Result, bail};
use kastellan_e2e::judged;

use super::stage::Stage;

/// What came of bad input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    /// The connection was closed without an answer.
    Closed,
    /// An answer, whatever it says.
    Answered,
    /// An answer with this error code.
    Code(i16),
    /// Nothing came at all.
    Silence,
    /// As described by the row: for those that look at more than one answer.
    Kept,
}

/// One kind of bad input.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// What is sent.
    pub(crate) input: &'static str,
    /// What must come of it.
    pub(crate) answer: Is,
    /// What comes of it at Apache Kafka, where that is something else.
    pub(crate) kafka: Option<Is>,
    /// Sends it.
    pub(crate) send: fn(&mut Stage) -> Result<Is>,
}

impl Row {
    pub(crate) const fn new(
        input: &'static str,
        answer: Is,
        send: fn(&mut Stage) -> Result<Is>,
    ) -> Row {
        Row { input, answer, kafka: None, send }
    }

    /// The same, where Apache Kafka answers otherwise.
    pub(crate) const fn kafka(mut self, answer: Is) -> Row {
        self.kafka = Some(answer);
        self
    }

    fn expected(&self) -> Is {
        self.kafka.filter(|_| judged::is_kafka()).unwrap_or(self.answer)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {:?}", self.input, self.expected())
    }
}

/// What came of several rows.
#[derive(Debug, Default)]
pub(crate) struct Said {
    rows: usize,
    wrong: Vec<String>,
}

/// Sends every row; after each the broker must serve those who did nothing wrong.
pub(crate) fn play(stage: &mut Stage, rows: &[Row]) -> Said {
    let mut said = Said { rows: rows.len(), wrong: Vec::new() };
    for row in rows {
        let came = (row.send)(stage).and_then(|came| stage.is_healthy().map(|()| came));
        match came {
            Ok(came) if came == row.expected() => {}
            Ok(came) => said.wrong.push(format!("{row:?}, but {came:?}")),
            Err(error) => said.wrong.push(format!("{row:?}, but {error:#}")),
        }
    }
    said
}

impl Said {
    /// Takes in what came of others.
    pub(crate) fn add(&mut self, other: Said) {
        self.rows += other.rows;
        self.wrong.extend(other.wrong);
    }

    /// Says that some rows are not put to this broker.
    pub(crate) fn leave_out(&self, rows: &[Row], why: &str) -> Result<()> {
        let (left, more) = (rows.len(), self.rows);
        Ok(writeln!(stderr(), "SKIPPED: {left} rows besides the {more} played: {why}")?)
    }

    /// Prints how many of them hold; an error with those that do not.
    pub(crate) fn judge(self, name: &str) -> Result<()> {
        let held = self.rows - self.wrong.len();
        writeln!(stderr(), "{name}: {held} of {}", self.rows)?;
        if self.wrong.is_empty() && self.rows > 0 {
            return Ok(());
        }
        bail!("{name}: {held} of {}\n{}", self.rows, self.wrong.join("\n"))
    }
}
