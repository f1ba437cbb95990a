//! Clocks of processes that jump while those run: a library of ours that is loaded before the
//! others moves the time of day of one process. It needs one that is linked dynamically; the
//! machine's clock stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache;

/// A clock for each of several processes, by a number; none at first.
#[derive(Debug, Default)]
pub struct Clocks {
    library: PathBuf,
    files: BTreeMap<i32, PathBuf>,
}

impl Clocks {
    /// Clocks that are right, for `ids`; their files lie in `folder`.
    pub fn make(ids: &[i32], folder: &Path) -> Result<Clocks> {
        let source = cache::e2e().join("src/clocks.c");
        let built = cache::prepared("clocks", std::slice::from_ref(&source), |folder| {
            let out = folder.join("clocks.so");
            cache::run(
                Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(out).arg(&source),
            )
        })?;
        let files = ids.iter().map(|id| (*id, folder.join(format!("{id}.clock")))).collect();
        let clocks = Clocks { library: built.join("clocks.so"), files };
        for file in clocks.files.values() {
            fs::write(file, 0_i64.to_ne_bytes())?;
        }
        Ok(clocks)
    }

    /// Has what `command` starts look at its clock, where it has one.
    pub(crate) fn show(&self, id: i32, command: &mut Command) {
        if let Some(file) = self.files.get(&id) {
            command.env("LD_PRELOAD", &self.library).env("CLOCK_FILE", file);
        }
    }

    /// From now on a clock is off by so many seconds.
    pub fn set(&self, id: i32, seconds: i64) -> Result<()> {
        let file = self.files.get(&id).context("it has no clock of its own")?;
        // in place: the process has mapped these bytes
        let file = fs::File::options().write(true).open(file)?;
        Ok(file.write_all_at(&seconds.to_ne_bytes(), 0)?)
    }
}
