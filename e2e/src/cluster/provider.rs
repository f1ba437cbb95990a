//! What a cluster for tests has to be able to do, whoever runs its nodes.

use std::env;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::existing::Existing;
use super::kind::Kind;
use super::local::Local;

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name in Kubernetes.
    pub name: String,
    /// Where its node ports answer.
    pub address: String,
}

/// Runs a cluster's nodes. Everything else goes through the API server, the same for all.
pub trait Provider: Debug + Send + Sync {
    /// The name in `E2E_PROVIDER`.
    fn name(&self) -> &'static str;

    /// What this machine lacks for it, each with what to do about it; empty when it can run.
    fn missing(&self) -> Vec<String>;

    /// Starts the cluster unless it runs already, and waits until its nodes are Ready. What does
    /// not stay ends with this process, if it can, however that ends.
    fn up(&self, stays: bool) -> Result<()>;

    /// Ends the cluster and takes away everything that was made for it.
    fn down(&self) -> Result<()>;

    /// Puts the images of an OCI archive onto every node.
    fn load(&self, archive: &Path) -> Result<()>;

    /// The file that says how to reach the API server.
    fn kubeconfig(&self) -> PathBuf;

    /// Puts the calling thread, and what it starts from now on, where nodes, Services and pods can
    /// be reached.
    fn enter(&self) -> Result<()>;

    /// `ctr` of that node, in the namespace of Kubernetes' containers.
    fn ctr(&self, node: &str) -> Result<Command>;

    /// Makes the node disappear as a machine does that hangs without a network: nothing on it runs
    /// any more, pods included.
    fn stop(&self, node: &str) -> Result<()>;

    /// Brings it back as it was.
    fn start(&self, node: &str) -> Result<()>;
}

/// The provider that `E2E_PROVIDER` names. Without it: kind where Docker or Podman runs, else
/// local.
pub fn chosen() -> Result<Box<dyn Provider>> {
    let kind = Kind::new();
    let asked = env::var("E2E_PROVIDER").unwrap_or_default();
    Ok(match asked.as_str() {
        "kind" => Box::new(kind),
        "existing" => Box::new(Existing::new()?),
        "" if kind.missing().is_empty() => Box::new(kind),
        "" | "local" => Box::new(Local::new()?),
        other => bail!("E2E_PROVIDER={other}: it is one of local, kind, existing"),
    })
}
