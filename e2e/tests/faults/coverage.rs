//! The tables of `README.md` beside this file say which test has which fault: those tests exist.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, ensure};
use kastellan_e2e::{cache, covered};

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
        covered::tests_exist(&folder, tests)?;
        rows.insert(id.trim_start_matches("| ").to_owned());
    }
    let missing: Vec<&&str> = WANTED.iter().filter(|id| !rows.contains(**id)).collect();
    ensure!(missing.is_empty(), "no test has {missing:?}");
    Ok(())
}
