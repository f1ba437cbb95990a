//! Tables that say which test shows what: the tests exist.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Looks for every test that is named in `cell` as `file::name`, the file below `folder`.
pub fn tests_exist(folder: &Path, cell: &str) -> Result<()> {
    for test in cell.split('`').filter(|part| part.contains("::")) {
        let (file, name) = test.split_once("::").context(cell.to_owned())?;
        let source = fs::read_to_string(folder.join(file)).context(file.to_owned())?;
        let (before, _) = source
            .split_once(&format!("fn {name}("))
            .with_context(|| format!("{file} has no {name}"))?;
        // the attribute, and perhaps another one, right above
        let above = before.lines().rev().take(3).any(|line| line.trim() == "#[test]");
        ensure!(above, "{name} of {file} is no test");
    }
    Ok(())
}
