//! The release before this one: its image, kept when it was made, and its chart, from git.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::cache;

/// The newest so many images are kept, 13 MB each.
const KEPT: usize = 8;
/// A release is looked for among so many commits before this one.
const BACK: &str = "20";

/// A release of an earlier commit.
#[derive(Debug, Clone)]
pub struct Previous {
    /// The commit, in full.
    pub commit: String,
    /// Its image, as in a pod's `image`.
    pub image: String,
    /// The archive of the image.
    pub archive: PathBuf,
}

impl Previous {
    /// The last commit before this one whose image was kept; `None` where there is no such, or
    /// no git.
    pub fn find() -> Result<Option<Previous>> {
        let arguments = ["rev-list", "--first-parent", "--max-count", BACK, "--skip", "1", "HEAD"];
        let commits = git(&arguments)?.unwrap_or_default();
        for commit in commits.lines() {
            let folder = folder()?.join(commit);
            // the name is written last
            let Ok(image) = fs::read_to_string(folder.join("name")) else { continue };
            let archive = folder.join("kastellan.tar");
            return Ok(Some(Previous { commit: commit.to_owned(), image, archive }));
        }
        Ok(None)
    }

    /// Puts the chart of that commit, with the definitions in it, into `folder`; its path.
    pub fn chart(&self, folder: &Path) -> Result<PathBuf> {
        let archive = folder.join("chart.tar");
        let output = format!("--output={}", archive.display());
        let arguments = ["archive", &output, &self.commit, "charts/kastellan"];
        // git knows the paths from its top
        let top = git(&["rev-parse", "--show-toplevel"])?.context("no git")?;
        let done = Command::new("git").args(["-C", top.trim()]).args(arguments).output()?;
        ensure!(done.status.success(), "git: {}", String::from_utf8_lossy(&done.stderr));
        tar::Archive::new(fs::File::open(archive)?).unpack(folder)?;
        Ok(folder.join("charts/kastellan"))
    }
}

/// Keeps an image under the commit that it was made of, unless the work tree differs from that.
pub fn keep(archive: &Path, image: &str) -> Result<()> {
    let changes = git(&["status", "--porcelain"])?;
    let commit = git(&["rev-parse", "HEAD"])?.unwrap_or_default();
    if changes.is_none_or(|changes| !changes.is_empty()) || commit.is_empty() {
        return Ok(());
    }
    let folder = folder()?.join(commit.trim());
    fs::create_dir_all(&folder)?;
    fs::copy(archive, folder.join("kastellan.tar"))?;
    fs::write(folder.join("name"), image)?;
    forget()
}

/// Takes away the oldest.
fn forget() -> Result<()> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder()?)? {
        let path = entry?.path();
        if let Ok(made) = fs::metadata(path.join("name")).and_then(|name| name.modified()) {
            all.push((made, path));
        }
    }
    all.sort();
    let old = all.len().saturating_sub(KEPT);
    all.iter().take(old).try_for_each(|(_, path)| Ok(fs::remove_dir_all(path)?))
}

fn folder() -> Result<PathBuf> {
    Ok(cache::root()?.join("images"))
}

/// What git says; `None` where it says no, or is not there.
fn git(arguments: &[&str]) -> Result<Option<String>> {
    let git = Command::new("git").arg("-C").arg(cache::e2e()).args(arguments).output();
    let Ok(output) = git else { return Ok(None) };
    Ok(output.status.success().then(|| String::from_utf8(output.stdout)).transpose()?)
}
