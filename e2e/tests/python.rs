//! kafka-python's own integration tests, from its source distribution, pass against the broker.
//!
//! With `KASTELLAN_JUDGE=kafka` they run against Apache Kafka instead, which proves the table of
//! what is left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cache;
use kastellan_e2e::foreign::{self, Verdict};
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need::Tool;
use kastellan_e2e::suite::{self, Scratch};

/// What the brokers have that the suite starts itself: its broker is node 0, some topics are made
/// by writing to them, and some sessions are short.
const SETTINGS: &[(&str, &str)] = &[
    ("node.id", "0"),
    ("num.partitions", "4"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "100"),
];
/// How many tests must pass at least.
const LEAST: usize = 51;
/// Where the suite's own files lie.
const TESTS: &str = "test/integration";

#[test]
fn kafka_pythons_integration_tests_pass() -> Result<()> {
    if !judged::ready("python", &[Tool::Python])? {
        return Ok(());
    }
    let source = cache::e2e().join("clients/kafka-python");
    let python = cache::python(&source.join("requirements.txt"))?;
    let checkout = unpacked(&source, &python)?;
    let rows = foreign::left_out(&fs::read_to_string(source.join("FINDINGS.md"))?)?;

    let scratch = Scratch::new("python")?;
    let mut broker = Judged::start(scratch.path(), SETTINGS)?;
    let mut command = Command::new(python);
    command
        .current_dir(&checkout)
        .env("PYTHONPATH", &source)
        .env("KAFKA_URI", format!("kafka://{}", broker.address()))
        // the version that the range of our APIs means to the client
        .env("KAFKA_VERSION", if judged::is_kafka() { "4.3" } else { "4.1" })
        // must be a folder, and is not used
        .env("KAFKA_ROOT", scratch.path())
        .args(["-B", "-m", "pytest", TESTS, "-v", "--tb=native", "-p", "plugin"])
        .args(["-p", "no:cacheprovider", "-W", "ignore", "-o", "addopts="])
        .args(["--timeout=60", "-o", "timeout_method=signal", "-o", "log_level=WARNING"]);
    for row in rows.iter().filter(|row| row.excluded) {
        match row.test.strip_suffix("::*") {
            Some(file) => command.arg(format!("--ignore={TESTS}/{file}")),
            None => command.arg(format!("--deselect={TESTS}/{}", row.test)),
        };
    }
    let log = scratch.path().join("pytest.log");
    let output = suite::run(&mut command, &log, Duration::from_mins(4))?;
    let verdicts: Vec<(String, Verdict)> = output.text.lines().filter_map(verdict).collect();
    let judged = foreign::judge(&verdicts, &rows, LEAST).and_then(|counts| {
        ensure!(output.status.success(), "pytest ended with {}", output.status);
        Ok(counts)
    });
    let (passed, skipped) = judged.with_context(|| {
        let broker = broker.process().map_or_else(|error| error.to_string(), |it| it.tail());
        format!("{}\nthe broker's log ends:\n{broker}", output.text)
    })?;
    println!("{passed} passed, {skipped} skipped themselves");
    broker.process()?.check_alive()
}

/// The tests of the source distribution, with the file that it leaves out.
fn unpacked(source: &Path, python: &Path) -> Result<PathBuf> {
    let requirements = source.join("requirements.txt");
    let service = source.join("service.py");
    cache::prepared("kafka-python", &[requirements.clone(), service.clone()], |folder| {
        let text = fs::read_to_string(&requirements)?;
        let wanted = text.lines().find(|line| line.starts_with("kafka-python=="));
        cache::run(
            Command::new(python)
                .args(["-m", "pip", "download", "-q", "--disable-pip-version-check"])
                .args(["--no-deps", "--no-binary", ":all:", "-d"])
                .arg(folder)
                .arg(wanted.context("requirements.txt names kafka-python")?),
        )?;
        let archive = fs::read_dir(folder)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.extension().is_some_and(|ending| ending == "gz"))
            .context("pip downloaded no archive")?;
        let into = ["--strip-components=1", "--wildcards", "-C"];
        cache::run(
            Command::new("tar").arg("-xzf").arg(archive).args(into).arg(folder).arg("*/test/*"),
        )?;
        // without this file Python's own package of that name comes first
        fs::write(folder.join("test/__init__.py"), "")?;
        fs::copy(&service, folder.join("test/service.py"))?;
        Ok(())
    })
}

/// What a line like `test/integration/test_x.py::test_y[2] PASSED [ 50%]` says; the file stays in
/// the name, its folder does not.
fn verdict(line: &str) -> Option<(String, Verdict)> {
    let (test, rest) = line.strip_prefix(TESTS)?.strip_prefix('/')?.split_once(' ')?;
    let verdict = match rest.split_whitespace().next()? {
        "PASSED" => Verdict::Passed,
        "FAILED" | "ERROR" => Verdict::Failed,
        "SKIPPED" => Verdict::Skipped,
        _ => return None,
    };
    Some((test.to_owned(), verdict))
}
