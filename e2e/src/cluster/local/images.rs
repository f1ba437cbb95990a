//! Images on the nodes, by `ctr` and a node's own containerd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::cache;
use crate::image::{Archive, Entry};

/// `ctr` of a node. It talks to containerd through its socket, so it needs none of its namespaces.
pub(super) fn ctr(state: &Path, node: &str) -> Command {
    let mut command = Command::new("ctr");
    command.arg("--address").arg(state.join(node).join("containerd.sock"));
    command.args(["--namespace", "k8s.io"]);
    command
}

pub(super) fn import(state: &Path, node: &str, archive: &Path) -> Result<()> {
    cache::run(ctr(state, node).args(["images", "import"]).arg(archive))
}

/// The archive of the image that holds a pod's namespaces.
pub(super) fn pause() -> Result<PathBuf> {
    let source = cache::e2e().join("kubernetes/pause.c");
    let folder = cache::prepared("pause", std::slice::from_ref(&source), |folder| {
        let program = folder.join("pause");
        cache::run(
            Command::new("cc").args(["-static", "-Os", "-s", "-o"]).arg(&program).arg(&source),
        )?;
        let entries = [Entry::program("pause", fs::read(program)?)];
        Archive::new(&["localhost/pause:1"], &["/pause"], &entries)?
            .write(&folder.join("pause.tar"))
    })?;
    Ok(folder.join("pause.tar"))
}
