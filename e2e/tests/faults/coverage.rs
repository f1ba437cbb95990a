//! The tables of `README.md` beside this file say which test has which fault: those tests exist.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cache;

/// What has to have a test: faults, and what the judge looks for.
const WANTED: [&str; 22] = [
    "F1", "F2", "F3", "F4", "F6", "F7", "F10", "F11", "F15", "D7", "C1", "C2", "C3", "C4", "C5",
    "C6", "C7", "C8", "C10", "C11", "C13", "C16",
];

#[test]
fn every_fault_and_every_rule_has_a_test_that_exists() -> Result<()> {
    let folder = cache::e2e();
    let text = fs::read_to_string(folder.join("tests/faults/README.md"))?;
    let mut rows = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| ") && line.contains("::")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [id, _, tests] = cells.as_slice() else { anyhow::bail!("not three cells: {line}") };
        for test in tests.split('`').filter(|part| part.contains("::")) {
            let (file, name) = test.split_once("::").context(line.to_owned())?;
            let source = fs::read_to_string(folder.join(file)).context(file.to_owned())?;
            let (before, _) = source
                .split_once(&format!("fn {name}("))
                .with_context(|| format!("{file} has no {name}"))?;
            // the attribute, and perhaps another one, right above
            let above = before.lines().rev().take(3).any(|line| line.trim() == "#[test]");
            ensure!(above, "{name} of {file} is no test");
        }
        rows.insert(id.trim_start_matches("| ").to_owned());
    }
    let missing: Vec<&&str> = WANTED.iter().filter(|id| !rows.contains(**id)).collect();
    ensure!(missing.is_empty(), "no test has {missing:?}");
    Ok(())
}
