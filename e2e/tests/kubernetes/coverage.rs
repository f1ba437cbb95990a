//! The table of `README.md` beside this file says which test plays which scenario: those tests
//! exist, and every scenario is in it, if only to say that nothing plays it.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, ensure};
use kastellan_e2e::{cache, covered};

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
        covered::tests_exist(&folder, tests)?;
        ensure!(rows.insert(number), "scenario {number} is there twice");
    }
    ensure!(rows.iter().copied().eq(1..=30), "not one row for each scenario: {rows:?}");
    Ok(())
}
