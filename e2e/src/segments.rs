//! What Apache Kafka's DumpLogSegments says of a broker's files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::{peer, suite};

/// The files of a partition's folder with one of the endings, oldest first.
pub fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = endings.iter().any(|ending| name.ends_with(ending));
        // a segment's files begin with its offset; Kafka's tool does not know others
        if known && name.starts_with('0') && path.metadata()?.len() > 0 {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Runs DumpLogSegments and gives what it printed; fails on anything it finds wrong.
pub fn dump(files: &[PathBuf], options: &[&str], scratch: &Path) -> Result<String> {
    let list: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let mut command = peer::java(&peer::jars()?);
    command.args(["-XX:TieredStopAtLevel=1", "org.apache.kafka.tools.DumpLogSegments"]);
    command.args(options).args(["--files", &list.join(",")]);
    let output = suite::run(&mut command, &scratch.join("dump.log"), Duration::from_mins(1))?;
    let wrong = [
        "Exception",
        "rror",
        "Mismatch",
        "mismatch",
        "Non-consecutive",
        "out of",
        "not found",
        "Could not",
        "isvalid: false",
        "isvalid=false",
        "Found invalid",
        "WARN",
    ];
    // The tool begins to count at -1 in every file, so it finds a gap before any but the first.
    let harmless = |at: usize, line: &str| {
        let next = output.text.lines().nth(at + 1).unwrap_or_default();
        line.starts_with("Non-consecutive") && next.trim().starts_with("-1 is followed by")
    };
    let mut lines = output.text.lines().enumerate();
    let bad = lines
        .find(|(at, line)| wrong.iter().any(|word| line.contains(word)) && !harmless(*at, line));
    ensure!(
        output.status.success() && bad.is_none(),
        "DumpLogSegments {options:?} {list:?}: {}\n{}",
        bad.map_or("failed", |(_, line)| line),
        output.text.lines().rev().take(40).collect::<Vec<_>>().join("\n")
    );
    Ok(output.text)
}

/// The offsets of the records in what a deep dump printed, in order.
pub fn offsets(text: &str) -> Vec<i64> {
    let record = |line: &str| line.strip_prefix("| offset: ")?.split(' ').next()?.parse().ok();
    text.lines().filter_map(record).collect()
}
