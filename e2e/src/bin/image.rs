//! `image PROGRAM FOLDER`: packs a static program as the image `kastellan:<version>`, also called
//! `localhost/kastellan:<digest>`, into `FOLDER/kastellan.tar`, and prints the latter name. See
//! [`kastellan_e2e::image`]. With `--linked` the program need not be static: the libraries that it
//! loads here are packed with it, for a test that has no time to build another one.
#![expect(clippy::print_stdout, reason = "its name is what a script wants of it")]

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::keep;
use kastellan_e2e::image::{Archive, Entry, linked};

/// What the tests ask for: never an older one that is there already.
const DIGEST: &str = "localhost/kastellan:{}";
/// What the chart asks for: `kastellan:0.1.0` in full.
const VERSION: &str = concat!("docker.io/library/kastellan:", env!("CARGO_PKG_VERSION"));

fn main() -> Result<()> {
    let linked_too = env::args_os().nth(1).is_some_and(|first| first == "--linked");
    let mut arguments = env::args_os().skip(1 + usize::from(linked_too)).map(PathBuf::from);
    let usage = "image [--linked] PROGRAM FOLDER";
    let (program, folder) = (arguments.next().context(usage)?, arguments.next().context(usage)?);
    let bytes = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    let mut entries = Vec::new();
    if linked_too {
        entries = linked(&program)?;
    } else {
        ensure!(is_static(&bytes), "{} is not a static program", program.display());
    }
    entries.push(Entry::program("kastellan", bytes));
    let archive = Archive::new(&[DIGEST, VERSION], &["/kastellan"], &entries)?;
    fs::create_dir_all(&folder)?;
    archive.write(&folder.join("kastellan.tar"))?;
    fs::write(folder.join("name"), archive.name())?;
    if !linked_too {
        keep(&folder.join("kastellan.tar"), archive.name())?;
    }
    println!("{} {}", archive.name(), archive.digest());
    Ok(())
}

/// Whether an ELF program asks for no interpreter (program header `PT_INTERP`, 3): the image has
/// none.
fn is_static(program: &[u8]) -> bool {
    let number = |at: usize, length: usize| -> Option<usize> {
        let bytes = program.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)))
    };
    let interpreter = || -> Option<bool> {
        let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let kinds = (0..count).map(|header| number(table + header * size, 4));
        Some(kinds.flatten().any(|kind| kind == 3))
    };
    program.starts_with(b"\x7fELF\x02") && interpreter() == Some(false)
}
