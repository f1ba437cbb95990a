//! The first process of the cluster's namespaces: it mounts, makes the network, starts the
//! programs, and says when the nodes are Ready. When one of the programs ends, it ends, and all
//! with it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{WaitOptions, wait};

use super::layout::{BALANCERS, CONTROL, NODES, PROGRAMS, SERVICES, STATE, node, zone};
use super::outside::READY;
use super::{cgroups, images, network};
use crate::cache;
use crate::process::pause;

/// Runs the cluster `name`, whose files are in `state`, until one of its programs ends.
pub fn run(state: &Path, programs: &Path, name: &str) -> Result<()> {
    mount(state, programs)?;
    network::make()?;
    let mut running = Running::default();
    running.control()?;
    for number in NODES {
        running.containerd(number, name)?;
    }
    for number in NODES {
        let name = node(number).name;
        running.until("containerd", || {
            Path::new(STATE).join(&name).join("containerd.sock").exists()
        })?;
        images::import(Path::new(STATE), &name, &Path::new(STATE).join("pause.tar"))?;
    }
    running.until("the API server", || kubectl("get --raw /readyz").is_ok())?;
    running.rest()?;
    for number in NODES {
        running.node(number, name)?;
    }
    kubectl(&format!("apply -f {STATE}/classes.yaml"))?;
    running.until("the nodes", || {
        kubectl("wait --for=condition=Ready node --all --timeout=1s")
            .is_ok_and(|out| out.lines().count() == NODES.len())
    })?;
    running
        .until("the default service account", || kubectl("get serviceaccount default").is_ok())?;
    fs::write(Path::new(STATE).join(READY), "")?;
    running.watch()
}

/// What a kubelet sets for the whole machine: here it writes to copies.
const KERNEL: [&str; 6] = [
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
];

/// Everything that the programs would change of the machine's files gets out of their way.
fn mount(state: &Path, programs: &Path) -> Result<()> {
    let mount = |arguments: &[&Path]| cache::run(Command::new("mount").args(arguments));
    let path = Path::new;
    // pods see what is mounted later; the machine does not
    mount(&[path("--make-rshared"), path("/")])?;
    // the two sources first: they may lie below what is hidden
    let (hidden_state, hidden_programs) = (path("/mnt"), path("/media"));
    mount(&[path("--bind"), state, hidden_state])?;
    mount(&[path("--bind"), programs, hidden_programs])?;
    mount(&[path("-t"), path("tmpfs"), path("run"), path("/run")])?;
    for (from, to) in [(hidden_state, STATE), (hidden_programs, PROGRAMS)] {
        fs::create_dir_all(to)?;
        mount(&[path("--bind"), from, path(to)])?;
    }
    for folder in ["lib", "log", "tmp", "cache"] {
        fs::create_dir_all(path(STATE).join("var").join(folder))?;
    }
    std::os::unix::fs::symlink("/run", path(STATE).join("var/run"))?;
    mount(&[path("--bind"), &path(STATE).join("var"), path("/var")])?;
    for file in KERNEL {
        let (setting, copy) = (path("/proc/sys").join(file), path(STATE).join("sysctl").join(file));
        fs::create_dir_all(copy.parent().unwrap_or(&copy))?;
        fs::write(&copy, fs::read(&setting)?)?;
        mount(&[path("--bind"), &copy, &setting])?;
    }
    Ok(())
}

/// Runs kubectl as an administrator, and gives back what it printed.
fn kubectl(arguments: &str) -> Result<String> {
    let output = program("kubectl")
        .arg(format!("--kubeconfig={STATE}/kubeconfig"))
        .args(arguments.split(' '))
        .output()?;
    ensure!(output.status.success(), "kubectl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn program(name: &str) -> Command {
    Command::new(Path::new(PROGRAMS).join(name))
}

/// The programs that run, by process id.
#[derive(Debug, Default)]
struct Running(BTreeMap<i32, String>);

impl Running {
    fn start(&mut self, log: &str, command: &mut Command) -> Result<()> {
        let out = File::create(super::log(Path::new(STATE), log))?;
        command.current_dir(STATE).stdin(Stdio::null());
        let child = command.stdout(out.try_clone()?).stderr(out).spawn();
        let child = child.with_context(|| format!("cannot start {log}"))?;
        self.0.insert(i32::try_from(child.id())?, log.to_owned());
        Ok(())
    }

    /// etcd without fsync: what it keeps need not outlive the cluster.
    fn control(&mut self) -> Result<()> {
        let (client, peer) = ("http://127.0.0.1:2379", "http://127.0.0.1:2380");
        let mut etcd = program("etcd");
        etcd.args(["--data-dir", "etcd", "--unsafe-no-fsync", "--log-level", "warn"])
            .args(["--listen-client-urls", client, "--advertise-client-urls", client])
            .args(["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer])
            .args(["--initial-cluster", &format!("default={peer}")]);
        self.start("etcd", &mut etcd)?;
        let mut server = program("kube-apiserver");
        server
            .arg(format!("--etcd-servers={client}"))
            .args([format!("--bind-address={CONTROL}"), format!("--advertise-address={CONTROL}")])
            .args(["--tls-cert-file=pki/server.crt", "--tls-private-key-file=pki/server.key"])
            .args(["--client-ca-file=pki/ca.crt", "--authorization-mode=Node,RBAC"])
            .args(["--service-account-key-file=pki/accounts.pub"])
            .args(["--service-account-signing-key-file=pki/accounts.key"])
            .args(["--service-account-issuer=https://kubernetes.default.svc"])
            .arg(format!("--service-cluster-ip-range={SERVICES}"))
            .args(["--kubelet-client-certificate=pki/admin.crt"])
            .args(["--kubelet-client-key=pki/admin.key"])
            // nobody knows the nodes' names
            .args(["--kubelet-preferred-address-types=InternalIP"])
            .args(["--enable-admission-plugins=NodeRestriction"])
            .args(["--audit-policy-file=audit.yaml", "--audit-log-path=logs/audit.log"]);
        self.start("kube-apiserver", &mut server)
    }

    /// What needs an API server to start at all.
    fn rest(&mut self) -> Result<()> {
        let mut manager = program("kube-controller-manager");
        manager
            .args(["--kubeconfig=manager.kubeconfig", "--leader-elect=false"])
            .args(["--service-account-private-key-file=pki/accounts.key"])
            .args(["--root-ca-file=pki/ca.crt", "--use-service-account-credentials=true"])
            .arg(format!("--flex-volume-plugin-dir={STATE}/plugins"))
            // a lost node is what some tests wait for
            .args(["--node-monitor-grace-period=10s", "--node-monitor-period=2s"]);
        self.start("kube-controller-manager", &mut manager)?;
        let mut scheduler = program("kube-scheduler");
        scheduler.args(["--kubeconfig=scheduler.kubeconfig", "--leader-elect=false"]);
        self.start("kube-scheduler", &mut scheduler)?;
        self.start("coredns", program("coredns").args(["-conf", "Corefile"]))?;
        let mut cloud = program("cloud");
        cloud.args(["--kubeconfig", "kubeconfig", "--addresses", BALANCERS]);
        self.start("cloud", cloud.args(["--volumes", &format!("{STATE}/volumes")]))
    }

    fn containerd(&mut self, number: u8, cluster: &str) -> Result<()> {
        let name = node(number).name;
        let mut command = on_node(&name, cluster)?;
        command.args(["containerd", "--config"]).arg(format!("{STATE}/{name}/containerd.toml"));
        self.start(&format!("{name}-containerd"), &mut command)
    }

    fn node(&mut self, number: u8, cluster: &str) -> Result<()> {
        let name = node(number).name;
        let folder = format!("{STATE}/{name}");
        let mut kubelet = on_node(&name, cluster)?;
        kubelet
            .arg(Path::new(PROGRAMS).join("kubelet"))
            .arg(format!("--config={folder}/kubelet.yaml"))
            .arg(format!("--kubeconfig={STATE}/{name}.kubeconfig"))
            .arg(format!("--hostname-override={name}"))
            .arg(format!("--node-ip={}", node(number).address))
            .args([format!("--root-dir={folder}/kubelet"), format!("--cert-dir={folder}/pki")])
            .arg(format!("--node-labels=topology.kubernetes.io/zone={}", zone(number)));
        self.start(&format!("{name}-kubelet"), &mut kubelet)?;
        let mut proxy = on_node(&name, cluster)?;
        proxy
            .arg(Path::new(PROGRAMS).join("kube-proxy"))
            .arg(format!("--config={folder}/proxy.yaml"));
        self.start(&format!("{name}-proxy"), &mut proxy)
    }

    /// Waits for something; fails when a program ends meanwhile.
    fn until(&self, what: &str, done: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + Duration::from_mins(2);
        while !done() {
            for (id, name) in &self.0 {
                let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
                ensure!(!stat.contains(") Z "), "{}", ended(name));
            }
            ensure!(Instant::now() < deadline, "{what}: not ready after 2 minutes");
            pause();
        }
        writeln!(io::stderr(), "{what}: ready")?;
        Ok(())
    }

    /// Takes leave of every process that lost its parent, as the first process has to.
    fn watch(&self) -> Result<()> {
        loop {
            let Some((id, _)) = wait(WaitOptions::empty())? else { continue };
            if let Some(name) = self.0.get(&id.as_raw_nonzero().get()) {
                bail!("{}", ended(name));
            }
        }
    }
}

fn ended(name: &str) -> String {
    format!("{name} ended; its log ends:\n{}", super::tail(&super::log(Path::new(STATE), name)))
}

/// Something that runs in the network and in the control groups of a node; its program follows.
fn on_node(node: &str, cluster: &str) -> Result<Command> {
    let entrances = cgroups::hierarchies()?.entrances(&format!("{cluster}/{node}/system"));
    let enter = |file: PathBuf| format!("echo $$ > {}; ", file.display());
    let script: String = entrances.into_iter().map(enter).collect();
    let mut command = network::inside(node);
    command.args(["sh", "-ec", &format!("{script} exec \"$@\""), "sh"]);
    Ok(command)
}
