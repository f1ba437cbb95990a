//! Apache's command-line tools in scripts: what they print about two brokers, beside each other.
//!
//! `e2e/clients/tools/Tools.java` runs the scripts in one JVM; here its notes are compared, and
//! what differs must be explained by a row of a table.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, bail, ensure};
use serde_json::Value;

use crate::findings::{self, matches};
use crate::{cache, peer, suite};

/// How long all scripts may take together.
const LIMIT: Duration = Duration::from_mins(5);

/// One command, and what it printed about both brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The script's name.
    pub script: String,
    /// The command as it stands in the script.
    pub command: String,
    /// Whether the script says that it must fail.
    pub refused: bool,
    /// How it ended, and what it printed with what may differ replaced: Apache Kafka first.
    pub outcomes: [(i64, String); 2],
}

/// One line that a command prints about one of the brokers only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The script's name.
    pub script: String,
    /// The command as it stands in the script.
    pub command: String,
    /// `kafka` or `ours`: about whom the tool says it.
    pub about: &'static str,
    /// The line; `(status N)` when the command ended otherwise, `(order)` when only the order of
    /// the lines differs.
    pub line: String,
}

/// A row of the table of accepted differences.
#[derive(Debug, Clone)]
pub struct Finding {
    row: usize,
    script: String,
    command: String,
    about: String,
    line: String,
}

impl fmt::Display for Difference {
    /// As a row of the table, so that a new finding can be copied there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { script, command, about, line } = self;
        write!(f, "| {script} | {command} | {about} | {line} | ? |")
    }
}

/// The scripts, in the order in which they run: what one leaves behind, the next may see.
pub fn scripts() -> Vec<PathBuf> {
    let folder = cache::e2e().join("clients/tools/scripts");
    ["topics", "configs", "groups", "records", "layout", "cluster", "work"]
        .map(|name| folder.join(format!("{name}.script")))
        .to_vec()
}

/// Those that ask brokers with an authorizer.
pub fn guarded() -> Vec<PathBuf> {
    vec![cache::e2e().join("clients/tools/scripts/acls.script")]
}

/// Runs `scripts` against both brokers with the tools in `jars`; what the JVM needs lies in
/// `folder`.
pub fn play(
    folder: &Path,
    (kafka, ours): (SocketAddr, SocketAddr),
    scripts: &[PathBuf],
) -> Result<Vec<Note>> {
    let jars = peer::jars()?;
    let mut command = peer::java(&jars);
    command
        .args(["--add-opens", "java.base/java.lang=ALL-UNNAMED", "-Xmx256m", "-XX:+UseSerialGC"])
        .arg("-XX:TieredStopAtLevel=1")
        .arg(cache::e2e().join("clients/tools/Tools.java"))
        .arg(folder)
        .args([kafka.to_string(), ours.to_string()])
        .args(scripts);
    run(&mut command, folder)
}

fn run(command: &mut Command, folder: &Path) -> Result<Vec<Note>> {
    let output = suite::run(command, &folder.join("tools.log"), LIMIT)?;
    let notes: Result<Vec<Note>> =
        output.text.lines().filter(|line| line.starts_with('{')).map(note).collect();
    let notes = notes?;
    if !output.status.success() {
        let last = notes.last().map_or("nothing", |note| note.command.as_str());
        let rest: Vec<&str> = output.text.lines().filter(|line| !line.starts_with('{')).collect();
        bail!("the tools ended with {} after {last}:\n{}", output.status, rest.join("\n"));
    }
    Ok(notes)
}

fn note(line: &str) -> Result<Note> {
    let value: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
    let at =
        |pointer: &str| value.pointer(pointer).with_context(|| format!("no {pointer}: {line}"));
    let text = |pointer: &str| Ok::<_, Error>(at(pointer)?.as_str().unwrap_or_default().to_owned());
    let status = |pointer: &str| Ok::<_, Error>(at(pointer)?.as_i64().unwrap_or(-1));
    Ok(Note {
        script: text("/script")?,
        command: text("/command")?,
        refused: at("/refused")?.as_bool().unwrap_or(false),
        outcomes: [
            (status("/status/0")?, text("/text/0")?),
            (status("/status/1")?, text("/text/1")?),
        ],
    })
}

/// The lines that differ. An error when a command did not end, or ended about Apache Kafka
/// otherwise than its script says: then the script is wrong.
pub fn differences(notes: &[Note]) -> Result<Vec<Difference>> {
    let mut found = Vec::new();
    for note in notes {
        let Note { script, command, refused, outcomes: [(status, kafka), (other, ours)] } = note;
        ensure!(
            (*status != 0) == *refused && *status >= 0,
            "{script}: `{command}` ended with {status} about Apache Kafka:\n{kafka}"
        );
        let mut differs = |about, line: String| {
            found.push(Difference {
                script: script.clone(),
                command: command.replace('|', "/"),
                about,
                line: line.replace('|', "/"),
            });
        };
        if status != other {
            differs("kafka", format!("(status {status})"));
            differs("ours", format!("(status {other})"));
        }
        let before = found_lines(kafka, ours, &mut differs);
        if before == 0 && kafka != ours {
            differs("ours", "(order)".to_owned());
        }
    }
    Ok(found)
}

/// Reports the lines that one of the texts has more often, and says how many those are.
fn found_lines(kafka: &str, ours: &str, differs: &mut impl FnMut(&'static str, String)) -> usize {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    let lines = |text: &'_ str| text.lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    let (kafka, ours) = (lines(kafka), lines(ours));
    for line in &kafka {
        *counts.entry(line).or_default() += 1;
    }
    for line in &ours {
        *counts.entry(line).or_default() -= 1;
    }
    let mut reported = 0;
    for (line, count) in counts {
        let about = if count > 0 { "kafka" } else { "ours" };
        for _ in 0..count.abs() {
            let line = if line.is_empty() { "(an empty line)" } else { line };
            differs(about, line.to_owned());
            reported += 1;
        }
    }
    reported
}

/// The rows of the table of findings in a Markdown text.
pub fn findings(text: &str) -> Result<Vec<Finding>> {
    let rows = findings::rows(text, "script")?.into_iter();
    let finding = |(row, [script, command, about, line, _why]): (usize, [&str; 5])| Finding {
        row,
        script: script.to_owned(),
        command: command.to_owned(),
        about: about.to_owned(),
        line: line.to_owned(),
    };
    Ok(rows.map(finding).collect())
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} {}", self.row, self.command, self.line)
    }
}

impl Finding {
    fn explains(&self, difference: &Difference) -> bool {
        matches(&self.about, difference.about)
            && matches(&self.script, &difference.script)
            && matches(&self.command, &difference.command)
            && matches(&self.line, &difference.line)
    }
}

/// Fails with every difference that no finding explains and every finding that explains nothing.
pub fn judge(differences: &[Difference], found: &[Finding]) -> Result<()> {
    let what = "lines differ without a reason (script, command, about, line)";
    findings::judge(what, differences, found, Finding::explains)
}

#[cfg(test)]
mod tests {
    use super::{Note, differences, findings, judge};

    fn note(status: [i64; 2], texts: [&str; 2], refused: bool) -> Note {
        let [kafka, ours] = texts.map(str::to_owned);
        Note {
            script: "topics".into(),
            command: "kafka-topics --list".into(),
            refused,
            outcomes: [(status[0], kafka), (status[1], ours)],
        }
    }

    #[test]
    fn a_line_of_one_side_needs_a_row_and_a_row_needs_its_line() {
        let found = differences(&[note([0, 0], ["a\nb\n", "b\nc\n"], false)]).unwrap();
        assert_eq!(found.len(), 2);
        assert!(judge(&found, &[]).is_err());
        let rows = "| script | command | about | line | why |\n|---|---|---|---|---|\n\
                    | topics | kafka-topics* | kafka | a | because it is so |\n\
                    | * | * | ours | c | because it is so |";
        let rows = findings(rows).unwrap();
        assert!(judge(&found, &rows).is_ok());
        assert!(judge(&found[..1], &rows).is_err());
    }

    #[test]
    fn statuses_and_the_order_of_lines_count() {
        let found = differences(&[note([0, 1], ["a\nb", "b\na"], false)]).unwrap();
        let lines: Vec<&str> = found.iter().map(|difference| difference.line.as_str()).collect();
        assert_eq!(lines, ["(status 0)", "(status 1)", "(order)"]);
    }

    #[test]
    fn a_script_that_is_wrong_about_kafka_is_refused() {
        assert!(differences(&[note([1, 1], ["", ""], false)]).is_err());
        assert!(differences(&[note([0, 0], ["", ""], true)]).is_err());
        assert!(differences(&[note([-1, 0], ["", ""], true)]).is_err());
        assert!(differences(&[note([1, 1], ["", ""], true)]).is_ok());
    }
}
