//! The files that `up` was given: a file is itself, a directory is its `*.yaml` and `*.yml`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::fleet::manifest::{Source, read};
use crate::fleet::problem::{Place, Problem};
use crate::fleet::{Fleet, build};

/// What the files ask for, and what of theirs is left alone.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) fleet: Fleet,
    /// Objects of other API groups: what and where.
    pub(super) skipped: Vec<(String, Place)>,
    /// What only Kubernetes could give.
    pub(super) ignored: Vec<Problem>,
}

/// The text of all files, in the order of their names.
pub(super) fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<Problem>> {
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        match files(path) {
            Ok(files) => {
                for file in files {
                    match std::fs::read_to_string(&file) {
                        Ok(text) => {
                            sources.push(Source { file: file.display().to_string(), text });
                        }
                        Err(why) => problems.push(unreadable(&file, &why)),
                    }
                }
            }
            Err(why) => problems.push(unreadable(path, &why)),
        }
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

/// Parses and checks what was read.
pub(super) fn asked(sources: &[Source]) -> Result<Asked, Vec<Problem>> {
    let manifests = read(sources)?;
    let fleet = build::fleet(&manifests)?;
    let ignored = build::ignored(&manifests);
    Ok(Asked { fleet, skipped: manifests.skipped, ignored })
}

fn unreadable(path: &Path, why: &std::io::Error) -> Problem {
    Problem::overall(format!("read {}: {why}", path.display()))
}

/// Whether a file of a directory is a manifest.
pub(super) fn is_manifest(name: &OsStr) -> bool {
    let hidden = name.as_encoded_bytes().starts_with(b".");
    let extension = Path::new(name).extension();
    !hidden && extension.is_some_and(|ending| ending == "yaml" || ending == "yml")
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if is_manifest(&entry.file_name()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
