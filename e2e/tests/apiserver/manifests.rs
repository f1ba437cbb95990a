//! What we tell users to apply can be applied.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cache;
use kastellan_e2e::suite::Scratch;

use crate::server;

#[test]
fn every_manifest_of_ours_and_of_the_readme_is_accepted() -> Result<()> {
    let Some(server) = server("apiserver-manifests")? else { return Ok(()) };
    let scratch = Scratch::new("readme")?;
    let mut files = manifests()?;
    ensure!(files.len() >= 3, "manifests/ has only {files:?}");
    files.extend(readme(&scratch)?);
    for file in files {
        let name = file.to_str().context("a file's name is not UTF-8")?;
        let strict = ["--validate=strict", "--server-side", "-f", name];
        for more in [&["--dry-run=server"][..], &[]] {
            let arguments: Vec<&str> =
                ["apply"].into_iter().chain(strict).chain(more.iter().copied()).collect();
            let printed = server.kubectl(&arguments)?;
            ensure!(printed.ok && printed.err.is_empty(), "{name}: {printed:?}");
        }
        // the way that most people type it, and again without a change
        for _ in 0..2 {
            let printed = server.kubectl(&["apply", "-f", name, "--dry-run=server"])?;
            ensure!(printed.ok, "{name}: {printed:?}");
        }
        let printed = server.kubectl(&["delete", "-f", name])?;
        ensure!(printed.ok, "{name}: {printed:?}");
    }
    Ok(())
}

/// The files of manifests/ that users write for a cluster.
pub(crate) fn manifests() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(cache::e2e().join("../manifests"))? {
        let path = entry?.path();
        // what is installed is tested as that (permissions.rs)
        let objects = path.file_name().is_none_or(|name| name != "install.yaml");
        if objects && path.extension().is_some_and(|end| end == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The YAML blocks of the README that are objects of ours.
fn readme(scratch: &Scratch) -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string(cache::e2e().join("../README.md"))?;
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut files = Vec::new();
    for (index, block) in blocks.enumerate().filter(|(_, text)| text.contains("kastellan.dev/")) {
        let file = scratch.path().join(format!("readme-{index}.yaml"));
        fs::write(&file, block)?;
        files.push(file);
    }
    Ok(files)
}
