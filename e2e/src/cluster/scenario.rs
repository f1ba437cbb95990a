//! The frame of a test on the cluster: a namespace of its own, and on failure what there was to
//! see.
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for what it does not have")]

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use super::provider::{Node, Provider, chosen};
use super::{IMAGE, Namespace, client, command, say};
use crate::kubernetes::{Api, Printed};
use crate::port;
use crate::process::{Process, pause};

/// Scenarios run side by side; one that takes nodes away runs alone.
static NODES: RwLock<()> = RwLock::new(());

/// The cluster that `make e2e` started.
#[derive(Debug)]
pub struct Cluster {
    provider: Box<dyn Provider>,
    /// The API server, without TLS.
    pub api: Api,
    /// The name of the image under test, as in a pod's `image`.
    pub image: String,
    /// The name of the image with foreign clients.
    pub(super) client: String,
}

impl Cluster {
    /// The cluster, and the calling thread in its network.
    fn get() -> Result<Cluster> {
        let folder = env::var_os(IMAGE).context("no cluster: make e2e starts one")?;
        let provider = chosen()?;
        provider.enter()?;
        let name = Path::new(&folder).join("name");
        let image = match env::var("E2E_IMAGE") {
            Ok(image) => image,
            Err(_) => fs::read_to_string(name).context("no image: run make image")?,
        };
        let api = Api { address: proxy(&*provider)? };
        Ok(Cluster { provider, api, image, client: client::image()?.1 })
    }

    /// One of the programs, as an administrator of the cluster.
    pub fn program(&self, name: &str) -> Result<Command> {
        command(&*self.provider, name.as_ref())
    }

    /// Runs `helm` to its end, wherever it was called.
    pub fn helm(&self, arguments: &[&str]) -> Result<Printed> {
        let mut helm = self.program("helm")?;
        // nothing of the caller's own charts and settings
        helm.env("HELM_DRIVER", "secret").args(arguments);
        Ok(helm.output().context("cannot start helm")?.into())
    }

    /// Runs `kubectl` to its end; fails when kubectl does.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = self.program("kubectl")?.args(arguments).output();
        let printed: Printed = output.context("cannot start kubectl")?.into();
        ensure!(printed.ok, "kubectl {}: {}", arguments.join(" "), printed.err);
        Ok(printed.out)
    }

    /// The nodes that take pods.
    pub fn nodes(&self) -> Result<Vec<Node>> {
        let list = self.api.get("/api/v1/nodes")?.body;
        let items = list["items"].as_array().context("no list of nodes")?;
        let workers = items.iter().filter(|node| node["spec"]["taints"].is_null());
        let node = |node: &serde_json::Value| {
            let addresses = node["status"]["addresses"].as_array()?;
            let address = addresses.iter().find(|one| one["type"] == "InternalIP")?;
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            let (name, address) = (&node["metadata"]["name"], &address["address"]);
            Some(Node { name: text(name)?, address: text(address)? })
        };
        Ok(workers.filter_map(node).collect())
    }

    /// A new namespace beside the scenario's own.
    pub fn namespace(&self, name: &str) -> Result<Namespace<'_>> {
        Namespace::new(self, name)
    }

    /// Who runs the nodes.
    pub fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    /// Sends a signal to the first process of a container, as the kernel's own killer would.
    pub fn kill(&self, node: &str, container: &str, signal: &str) -> Result<()> {
        let mut ctr = self.provider.ctr(node)?;
        let id = container.trim_start_matches("containerd://");
        let printed: Printed = ctr.args(["tasks", "kill", "--signal", signal, id]).output()?.into();
        ensure!(printed.ok, "ctr tasks kill: {}", printed.err);
        Ok(())
    }
}

/// Where a `kubectl proxy` of this process answers; it is started once.
fn proxy(provider: &dyn Provider) -> Result<SocketAddr> {
    static PROXY: OnceLock<std::result::Result<(Process, SocketAddr), String>> = OnceLock::new();
    let start = || -> Result<(Process, SocketAddr)> {
        let address = SocketAddr::from(([127, 0, 0, 1], port::free()?));
        let log: PathBuf = env::temp_dir().join(format!("kastellan-proxy-{}", address.port()));
        let mut kubectl = command(provider, "kubectl".as_ref())?;
        kubectl.env("EXIT_WITH_PARENT", "1");
        kubectl.args(["proxy", "--port", &address.port().to_string()]);
        let mut process = Process::start(&mut kubectl, &log)?;
        process.wait_for(address, Duration::from_secs(30))?;
        fs::remove_file(log)?;
        Ok((process, address))
    };
    match PROXY.get_or_init(|| start().map_err(|error| format!("{error:#}"))) {
        Ok((_, address)) => Ok(*address),
        Err(error) => bail!("no kubectl proxy: {error}"),
    }
}

/// Runs `body` in a new namespace, beside others. The namespace is deleted afterwards; after a
/// failure the error tells what was in it (and `E2E_KEEP=1` keeps it).
pub fn scenario(name: &str, body: impl FnOnce(&Namespace<'_>) -> Result<()>) -> Result<()> {
    let _shared = NODES.read().unwrap_or_else(PoisonError::into_inner);
    within(name, body)
}

/// A [`scenario`] that hurts nodes: it runs while no other does.
pub fn fault(name: &str, body: impl FnOnce(&Namespace<'_>) -> Result<()>) -> Result<()> {
    let _alone = NODES.write().unwrap_or_else(PoisonError::into_inner);
    within(name, body)
}

fn within(name: &str, body: impl FnOnce(&Namespace<'_>) -> Result<()>) -> Result<()> {
    let cluster = Cluster::get()?;
    let begin = Instant::now();
    let namespace = Namespace::new(&cluster, name)?;
    let result = body(&namespace).with_context(|| format!("\n{}", namespace.report()));
    if result.is_ok() || env::var_os("E2E_KEEP").is_none() {
        namespace.delete()?;
    }
    say(&format!("{name}: {:.1} s", begin.elapsed().as_secs_f32()))?;
    result
}

/// Asks `look` again and again until it has an answer.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(begin.elapsed() < limit, "waited {limit:?} for {what}");
        // each look is a request to the API server
        for _ in 0..10 {
            pause();
        }
    }
}

/// A namespace in which only pods without any privilege are let in.
pub(super) fn restricted(name: &str) -> serde_json::Value {
    let labels = json!({
        "pod-security.kubernetes.io/enforce": "restricted",
        "kastellan.dev/e2e": "true",
    });
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } })
}
