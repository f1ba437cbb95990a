//! The table of `README.md` beside this file says which test plays which scenario: those tests
//! exist, and every scenario is in it, if only to say that nothing plays it.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cache;

#[test]
fn every_scenario_has_tests_that_exist_or_is_said_to_have_none() -> Result<()> {
    let folder = cache::e2e().join("tests/kubernetes");
    let text = fs::read_to_string(folder.join("README.md"))?;
    let mut rows = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", number, _, tests, open, ""] = cells.as_slice() else {
            anyhow::bail!("not four cells: {line}")
        };
        let Ok(number) = number.parse::<u32>() else { continue };
        ensure!(!(tests.is_empty() && open.is_empty()), "scenario {number} says nothing");
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
        ensure!(rows.insert(number), "scenario {number} is there twice");
    }
    ensure!(rows.iter().copied().eq(1..=30), "not one row for each scenario: {rows:?}");
    Ok(())
}
