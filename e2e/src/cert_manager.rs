//! cert-manager's controllers and the kinds that they know, built from its Go module once per
//! machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::cache;

const MODULE: &str = "github.com/cert-manager/cert-manager";

/// The program, and the folder with the definitions of its kinds.
///
/// The first build on a machine takes two minutes.
pub fn prepared() -> Result<(PathBuf, PathBuf)> {
    let source = cache::e2e().join("cert-manager");
    let keys = ["go.mod", "go.sum", "main.go"].map(|file| source.join(file));
    let folder = cache::prepared("cert-manager", &keys, |folder| {
        let program = folder.join("cert-manager");
        cache::run(
            Command::new("go")
                .current_dir(&source)
                .env("CGO_ENABLED", "0")
                .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly"])
                .args(["-ldflags", "-s -w", "-o"])
                .arg(&program)
                .arg("."),
        )?;
        definitions(&source, &folder.join("crds"))
    })?;
    Ok((folder.join("cert-manager"), folder.join("crds")))
}

/// Copies the definitions of what the tests use.
fn definitions(source: &Path, to: &Path) -> Result<()> {
    let mut go = Command::new("go");
    go.current_dir(source).args(["list", "-m", "-f", "{{.Dir}}", MODULE]);
    let output = go.output().context("cannot start go")?;
    ensure!(output.status.success(), "go list: {}", String::from_utf8_lossy(&output.stderr));
    let module = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    fs::create_dir_all(to)?;
    for kind in ["certificaterequests", "certificates", "clusterissuers", "issuers"] {
        let name = format!("cert-manager.io_{kind}.yaml");
        fs::write(to.join(&name), fs::read(module.join("deploy/crds").join(&name))?)?;
    }
    Ok(())
}
