//! A cluster that is there already: the one that `KUBECONFIG` names. Nothing is done to its nodes.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::provider::Provider;

/// The provider.
#[derive(Debug)]
pub(super) struct Existing {
    kubeconfig: PathBuf,
}

impl Existing {
    pub(super) fn new() -> Result<Existing> {
        let named = env::var_os("KUBECONFIG").filter(|named| !named.is_empty());
        let kubeconfig = named.context("E2E_PROVIDER=existing needs KUBECONFIG")?.into();
        Ok(Existing { kubeconfig })
    }
}

impl Provider for Existing {
    fn name(&self) -> &'static str {
        "existing"
    }

    fn missing(&self) -> Vec<String> {
        let there = self.kubeconfig.exists();
        let complaint = format!("KUBECONFIG: there is no file {}", self.kubeconfig.display());
        if there { Vec::new() } else { vec![complaint] }
    }

    fn up(&self, _stays: bool) -> Result<()> {
        Ok(())
    }

    fn down(&self) -> Result<()> {
        Ok(())
    }

    fn load(&self, archive: &Path) -> Result<()> {
        ensure!(
            env::var_os("E2E_IMAGE").is_some(),
            "push the image {} to a registry of the cluster's and name it in E2E_IMAGE",
            archive.display()
        );
        Ok(())
    }

    fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    fn enter(&self) -> Result<()> {
        Ok(())
    }

    fn ctr(&self, node: &str) -> Result<Command> {
        bail!("the containers of {node} are not ours to touch (E2E_PROVIDER=existing)")
    }

    fn stop(&self, node: &str) -> Result<()> {
        bail!("{node} is not ours to stop (E2E_PROVIDER=existing)")
    }

    fn start(&self, node: &str) -> Result<()> {
        bail!("{node} is not ours to start (E2E_PROVIDER=existing)")
    }
}
