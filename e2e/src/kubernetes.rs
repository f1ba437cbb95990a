//! A real Kubernetes API server with its etcd, as child processes on loopback ports: no root, no
//! Docker. Nothing but the API: no scheduler, no controllers, no nodes.
//!
//! The programs are built once from their Go modules (`e2e/kubernetes/`). A request goes through
//! `kubectl proxy`, which speaks TLS and credentials for us, or through kubectl itself.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::need::{self, Tool};
use crate::process::{Process, pause};
use crate::suite::Scratch;
use crate::{cache, port};

pub(crate) mod certificates;
mod http;
mod programs;

pub use http::{Answer, Api};
pub use programs::programs;

/// What must be there to build and start an API server.
pub const TOOLS: &[Tool] = &[Tool::Go, Tool::Openssl];

/// How long a start may take, at most; it takes some seconds on an idle machine.
const START: Duration = Duration::from_mins(2);

/// A running API server. Everything it started ends with it; its data is gone then.
#[derive(Debug)]
pub struct ApiServer {
    // in this order: the client side ends before what it talks to
    proxy: Process,
    server: Process,
    etcd: Process,
    api: Api,
    programs: PathBuf,
    scratch: Scratch,
}

impl std::ops::Deref for ApiServer {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// How kubectl ended, and what it printed.
#[derive(Debug)]
pub struct Printed {
    /// Whether it ended well.
    pub ok: bool,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl From<Output> for Printed {
    fn from(output: Output) -> Printed {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (out, err) = (text(output.stdout), text(output.stderr));
        Printed { ok: output.status.success(), out, err }
    }
}

impl ApiServer {
    /// Starts etcd and an API server, and waits until it is ready.
    pub fn start(name: &str) -> Result<ApiServer> {
        let programs = programs()?;
        let scratch = Scratch::new(name)?;
        let folder = scratch.path().to_owned();
        certificates::authority(&folder)?;
        certificates::server(&folder, "IP:127.0.0.1,DNS:localhost")?;
        certificates::client(&folder, "admin", certificates::ADMIN)?;
        let (etcd, client) = etcd(&programs, &folder)?;
        let (server, port) = server(&programs, &folder, client)?;
        fs::write(folder.join("kubeconfig"), kubeconfig(&folder, port))?;
        let (proxy, address) = proxy(&programs, &folder)?;
        let mut started =
            ApiServer { proxy, server, etcd, api: Api { address }, programs, scratch };
        started.wait_until_ready()?;
        Ok(started)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            for process in [&mut self.etcd, &mut self.server, &mut self.proxy] {
                process.check_alive()?;
            }
            // before it listens the proxy answers 502
            if self.api.get("/readyz")?.status == 200 {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "the API server is not ready after {START:?}; its log ends:\n{}",
                self.server.tail()
            );
            pause();
        }
    }

    /// Runs kubectl, as an administrator of the cluster.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Printed> {
        self.run("kubectl", arguments)
    }

    /// Runs helm, as an administrator of the cluster.
    pub fn helm(&self, arguments: &[&str]) -> Result<Printed> {
        self.run("helm", arguments)
    }

    /// The file that says how to reach it, as an administrator of the cluster.
    pub fn kubeconfig(&self) -> PathBuf {
        self.scratch.path().join("kubeconfig")
    }

    /// Writes a file that goes with the server, for programs that read one.
    pub fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.scratch.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Printed> {
        let output = command(&self.programs, program, self.scratch.path())
            .args(arguments)
            .output()
            .with_context(|| format!("cannot start {program}"))?;
        Ok(output.into())
    }

    /// Applies the custom resource definitions and waits until their objects are served.
    pub fn define(&self) -> Result<()> {
        let folder = cache::e2e().join("../crds/yaml");
        let folder = folder.to_str().context("the folder's name is not UTF-8")?;
        let printed = self.kubectl(&["apply", "--server-side", "-f", folder])?;
        ensure!(printed.ok, "the definitions were refused:\n{}", printed.err);
        let wait = ["wait", "--for=condition=Established", "--timeout=60s", "crd"];
        let names = ["kafkaclusters", "kafkatopics", "kafkausers"];
        let names = names.map(|name| format!("{name}.kastellan.dev"));
        let arguments: Vec<&str> =
            wait.into_iter().chain(names.iter().map(String::as_str)).collect();
        let printed = self.kubectl(&arguments)?;
        ensure!(printed.ok, "the definitions are not established:\n{}", printed.err);
        Ok(())
    }
}

/// One of the programs, with nothing of the caller's configuration of Kubernetes.
fn command(programs: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs.join(name));
    command.env("EXIT_WITH_PARENT", "1");
    command.env("KUBECONFIG", folder.join("kubeconfig"));
    command.env("HOME", folder).env_remove("KUBECTL_EXTERNAL_DIFF");
    command.current_dir(folder);
    command
}

/// etcd without fsync: what it keeps need not outlive the test.
fn etcd(programs: &Path, folder: &Path) -> Result<(Process, u16)> {
    let (client, peer) = (port::free()?, port::free()?);
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let mut command = command(programs, "etcd", folder);
    command
        .args(["--data-dir", "etcd", "--unsafe-no-fsync", "--log-level", "warn"])
        .args(["--listen-client-urls", &url(client), "--advertise-client-urls", &url(client)])
        .args(["--listen-peer-urls", &url(peer), "--initial-advertise-peer-urls", &url(peer)])
        .args(["--initial-cluster", &format!("default={}", url(peer))]);
    let mut process = Process::start(&mut command, &folder.join("etcd.log"))?;
    process.wait_for(SocketAddr::from(([127, 0, 0, 1], client)), START)?;
    Ok((process, client))
}

fn server(programs: &Path, folder: &Path, etcd: u16) -> Result<(Process, u16)> {
    let port = port::free()?;
    let mut command = command(programs, "kube-apiserver", folder);
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
        .arg(format!("--secure-port={port}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .args(["--tls-cert-file=server.crt", "--tls-private-key-file=server.key"])
        .args(["--client-ca-file=ca.crt", "--authorization-mode=RBAC"])
        .args(["--service-account-key-file=accounts.pub"])
        .args(["--service-account-signing-key-file=accounts.key"])
        .args(["--service-account-issuer=https://kubernetes.default.svc"])
        .args(["--service-cluster-ip-range=10.96.0.0/16"])
        // nobody runs pods here: the account that each would get is made by a controller, and what
        // keeps a claim while a pod uses it is taken away by one
        .args(["--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection"]);
    let mut process = Process::start(&mut command, &folder.join("kube-apiserver.log"))?;
    process.wait_for(SocketAddr::from(([127, 0, 0, 1], port)), START)?;
    Ok((process, port))
}

fn proxy(programs: &Path, folder: &Path) -> Result<(Process, SocketAddr)> {
    let address = SocketAddr::from(([127, 0, 0, 1], port::free()?));
    let mut command = command(programs, "kubectl", folder);
    command.args(["proxy", "--port", &address.port().to_string()]);
    let mut process = Process::start(&mut command, &folder.join("proxy.log"))?;
    process.wait_for(address, START)?;
    Ok((process, address))
}

fn kubeconfig(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: local\n\
         clusters: [{{name: local, cluster: {{server: \"https://127.0.0.1:{port}\", \
         certificate-authority: {folder}/ca.crt}}}}]\n\
         users: [{{name: admin, user: {{client-certificate: {folder}/admin.crt, \
         client-key: {folder}/admin.key}}}}]\n\
         contexts: [{{name: local, context: {{cluster: local, user: admin}}}}]\n"
    )
}

/// Whether `suite` can run here: see [`need::ready`].
pub fn ready(suite: &str) -> Result<bool> {
    if !need::ready(suite, TOOLS)? {
        return Ok(false);
    }
    if let Err(why) = programs() {
        bail!("{suite}: etcd and kube-apiserver cannot be built: {why:#}");
    }
    Ok(true)
}
