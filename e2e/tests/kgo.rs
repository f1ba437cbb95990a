//! franz-go's own tests, compiled from its module, pass against the broker.
//!
//! With `KASTELLAN_JUDGE=kafka` they run against Apache Kafka instead, which proves the table of
//! what is left out.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cache;
use kastellan_e2e::foreign::{self, Verdict};
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need::Tool;
use kastellan_e2e::suite::{self, Scratch};

const PACKAGE: &str = "github.com/twmb/franz-go/pkg/kgo";
/// How many records the tests produce that produce many, unless `KGO_TEST_RECORDS` says it; half a
/// million by themselves.
const RECORDS: &str = "5000";
/// How many tests must pass at least: what passes today, with their parts counted.
const LEAST: usize = 440;

#[test]
fn franz_gos_tests_pass() -> Result<()> {
    if !judged::ready("kgo", &[Tool::Go])? {
        return Ok(());
    }
    let source = cache::e2e().join("clients/kgo");
    let program = compiled(&source)?;
    let rows = foreign::left_out(&fs::read_to_string(source.join("FINDINGS.md"))?)?;
    let excluded: Vec<String> =
        rows.iter().filter(|row| row.excluded).map(|row| format!("^{}$", row.test)).collect();

    let scratch = Scratch::new("kgo")?;
    let mut broker = Judged::start(scratch.path(), &[("group.initial.rebalance.delay.ms", "0")])?;
    let mut command = Command::new(program.join("kgo.test"));
    command
        // one of them reads its own package's source
        .current_dir(folder_of_package(&source)?)
        .env("KGO_SEEDS", broker.address().to_string())
        .env("KGO_TEST_RF", "1")
        .env("KGO_TEST_RECORDS", env::var("KGO_TEST_RECORDS").unwrap_or(RECORDS.to_owned()))
        .env("KGO_LOG_LEVEL", "none")
        .args(["-test.v", "-test.timeout", "280s", "-test.skip", &excluded.join("|")]);
    let output = suite::run(&mut command, &scratch.path().join("kgo.log"), Duration::from_mins(5))?;
    let verdicts: Vec<(String, Verdict)> = output.text.lines().filter_map(verdict).collect();
    let judged = foreign::judge(&verdicts, &rows, LEAST).and_then(|counts| {
        ensure!(output.status.success(), "the tests ended with {}", output.status);
        Ok(counts)
    });
    let (passed, skipped) = judged.with_context(|| {
        let broker = broker.process().map_or_else(|error| error.to_string(), |it| it.tail());
        format!("{}\nthe broker's log ends:\n{broker}", failures(&output.text))
    })?;
    println!("{passed} passed, {skipped} skipped themselves, {} excluded", excluded.len());
    broker.process()?.check_alive()
}

fn compiled(source: &std::path::Path) -> Result<PathBuf> {
    let keys = [source.join("go.mod"), source.join("go.sum")];
    cache::prepared("kgo", &keys, |folder| {
        let program = folder.join("kgo.test");
        cache::run(
            Command::new("go")
                .args(["test", "-c", "-o"])
                .arg(program)
                .arg(PACKAGE)
                .current_dir(source),
        )
    })
}

fn folder_of_package(source: &std::path::Path) -> Result<PathBuf> {
    let output = Command::new("go")
        .args(["list", "-f", "{{.Dir}}", PACKAGE])
        .current_dir(source)
        .output()?;
    ensure!(output.status.success(), "go list: {}", String::from_utf8_lossy(&output.stderr));
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// What a line like `    --- PASS: TestGroupETL/range (5.42s)` says.
fn verdict(line: &str) -> Option<(String, Verdict)> {
    let (how, rest) = line.trim_start().strip_prefix("--- ")?.split_once(": ")?;
    let verdict = match how {
        "PASS" => Verdict::Passed,
        "FAIL" => Verdict::Failed,
        "SKIP" => Verdict::Skipped,
        _ => return None,
    };
    Some((rest.split(" (").next()?.to_owned(), verdict))
}

/// The lines around what failed: the whole log is megabytes.
fn failures(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let around = |at: usize| lines.get(at.saturating_sub(15)..(at + 10).min(lines.len()));
    let found: Vec<String> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.contains("--- FAIL") || line.starts_with("panic:"))
        .filter_map(|(at, _)| around(at))
        .map(|lines| lines.join("\n"))
        .collect();
    found.join("\n...\n")
}
