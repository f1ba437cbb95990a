//! kind (Kubernetes in Docker): where Docker or Podman runs. Its commands are data, so that they
//! can be tested where it does not run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::provider::Provider;
use crate::{cache, need};

/// The name of the cluster; kind's containers begin with it.
const NAME: &str = "kastellan-e2e";

/// Three workers in three zones. The control plane takes no pods.
const CONFIG: &str = "\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
- role: worker
  labels: {topology.kubernetes.io/zone: zone-a}
- role: worker
  labels: {topology.kubernetes.io/zone: zone-b}
- role: worker
  labels: {topology.kubernetes.io/zone: zone-c}
";

/// The provider.
#[derive(Debug)]
pub(super) struct Kind {
    engine: Option<&'static str>,
}

impl Kind {
    pub(super) fn new() -> Kind {
        let engine = ["docker", "podman"].into_iter().find(|engine| runs(engine));
        Kind { engine }
    }

    /// One command of kind's.
    fn kind(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kind");
        command.args(arguments);
        if let Some(engine) = self.engine {
            command.env("KIND_EXPERIMENTAL_PROVIDER", engine);
        }
        command
    }

    /// One command of the engine's.
    fn engine(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.engine.unwrap_or("docker"));
        command.args(arguments);
        command
    }

    fn create(&self, config: &Path, kubeconfig: &Path) -> Command {
        let mut command = self.kind(&["create", "cluster", "--name", NAME, "--wait", "120s"]);
        command.arg("--config").arg(config).arg("--kubeconfig").arg(kubeconfig);
        command
    }

    fn exists(&self) -> Result<bool> {
        let out = self.kind(&["get", "clusters"]).output().context("cannot start kind")?;
        Ok(String::from_utf8_lossy(&out.stdout).lines().any(|line| line == NAME))
    }
}

/// Whether the engine's daemon answers.
fn runs(engine: &str) -> bool {
    let quiet = |mut command: Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    let mut info = Command::new(engine);
    info.arg("info");
    need::find(engine).is_some() && quiet(info).is_ok_and(|status| status.success())
}

impl Provider for Kind {
    fn name(&self) -> &'static str {
        "kind"
    }

    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.engine.is_none() {
            missing.push("Docker or Podman does not run: start it".to_owned());
        }
        if need::find("kind").is_none() {
            missing.push("kind: go install sigs.k8s.io/kind@latest".to_owned());
        }
        missing
    }

    fn up(&self, _stays: bool) -> Result<()> {
        let kubeconfig = self.kubeconfig();
        if self.exists()? {
            return cache::run(
                self.kind(&["export", "kubeconfig", "--name", NAME, "--kubeconfig"])
                    .arg(&kubeconfig),
            );
        }
        let config = kubeconfig.with_extension("kind.yaml");
        fs::create_dir_all(cache::root()?)?;
        fs::write(&config, CONFIG)?;
        cache::run(&mut self.create(&config, &kubeconfig))
    }

    fn down(&self) -> Result<()> {
        cache::run(&mut self.kind(&["delete", "cluster", "--name", NAME]))
    }

    fn load(&self, archive: &Path) -> Result<()> {
        cache::run(self.kind(&["load", "image-archive", "--name", NAME]).arg(archive))
    }

    fn kubeconfig(&self) -> PathBuf {
        // the folder is there as soon as anything was built for the tests
        cache::root().unwrap_or_default().join("kind.kubeconfig")
    }

    fn enter(&self) -> Result<()> {
        Ok(()) // on Linux, Docker's bridge leads to the nodes
    }

    fn ctr(&self, node: &str) -> Result<Command> {
        Ok(self.engine(&["exec", "-i", node, "ctr", "--namespace", "k8s.io"]))
    }

    fn stop(&self, node: &str) -> Result<()> {
        cache::run(&mut self.engine(&["pause", node]))
    }

    fn start(&self, node: &str) -> Result<()> {
        cache::run(&mut self.engine(&["unpause", node]))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::Kind;
    use crate::cluster::provider::Provider as _;

    fn words(command: &Command) -> Vec<&str> {
        let arguments = command.get_args().map(|argument| argument.to_str().unwrap());
        [command.get_program().to_str().unwrap()].into_iter().chain(arguments).collect()
    }

    #[test]
    fn the_cluster_is_made_from_its_configuration_with_a_kubeconfig_of_its_own() {
        let kind = Kind { engine: Some("podman") };
        let create = kind.create(Path::new("/c.yaml"), Path::new("/k"));
        let wanted =
            "kind create cluster --name kastellan-e2e --wait 120s --config /c.yaml --kubeconfig /k";
        assert_eq!(words(&create).join(" "), wanted);
        let engine = create.get_envs().next().unwrap();
        assert_eq!(engine.1.unwrap(), "podman");
    }

    #[test]
    fn a_nodes_containers_are_reached_through_the_engine_that_runs_it() {
        let kind = Kind { engine: Some("docker") };
        let ctr = kind.ctr("kastellan-e2e-worker").unwrap();
        assert_eq!(
            words(&ctr).join(" "),
            "docker exec -i kastellan-e2e-worker ctr --namespace k8s.io"
        );
    }
}
