//! Kubernetes' own programs, etcd, a name server and Helm, built from their Go modules once per
//! machine.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache;

/// What `main.go` answers to.
const NAMES: [&str; 10] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
    "coredns",
    "helm",
    "cloud",
];
const SOURCES: [&str; 6] =
    ["go.mod", "go.sum", "main.go", "cloud.go", "volumes.go", "balancers.go"];

/// The folder with the programs, each under its own name.
///
/// The first build on a machine takes 8 to 15 minutes and 3 GB of Go's build cache; then it is
/// there.
pub fn programs() -> Result<PathBuf> {
    let source = cache::e2e().join("kubernetes");
    let keys = SOURCES.map(|file| source.join(file));
    cache::prepared("kubernetes", &keys, |folder| {
        // not eprintln!: the test runner hides it, and this is a long silence
        writeln!(io::stderr(), "building Kubernetes: about 10 minutes, once per machine")?;
        let version = version(&fs::read_to_string(source.join("go.mod"))?)?;
        let mut parts = version.trim_start_matches('v').split('.');
        let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let set = |name: &str, value: &str| {
            ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
                .map(|package| format!("-X {package}.{name}={value}"))
                .join(" ")
        };
        let flags = [
            "-s -w".to_owned(),
            set("gitVersion", &version),
            set("gitMajor", major),
            set("gitMinor", minor),
            helm(major, minor),
        ];
        let program = folder.join("kubernetes");
        cache::run(
            Command::new("go")
                .current_dir(&source)
                .env("CGO_ENABLED", "0")
                .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags"])
                .arg(flags.join(" "))
                .arg("-o")
                .arg(&program)
                .arg("."),
        )?;
        for name in NAMES {
            std::os::unix::fs::symlink("kubernetes", folder.join(name))?;
        }
        Ok(())
    })
}

/// The version of Kubernetes that Helm takes when it renders a chart without a cluster.
fn helm(major: &str, minor: &str) -> String {
    let names = [
        "pkg/chart/common.k8sVersion",
        "pkg/chart/v2/lint/rules.k8sVersion",
        "internal/version.kubeClientVersion",
    ];
    let set = |name| {
        format!("-X helm.sh/helm/v4/{name}Major={major} -X helm.sh/helm/v4/{name}Minor={minor}")
    };
    names.map(set).join(" ")
}

/// The version of Kubernetes that a go.mod asks for; without it the server would say v0.0.0.
fn version(module: &str) -> Result<String> {
    let required = module.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "));
    let version = required.context("go.mod asks for no k8s.io/kubernetes")?;
    Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::{NAMES, SOURCES, version};
    use crate::cache;

    #[test]
    fn every_source_is_part_of_the_key_and_every_name_is_known_to_the_program() {
        let folder = cache::e2e().join("kubernetes");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let files: BTreeSet<String> = files
            .filter_map(|name| name.into_string().ok())
            .filter(|name| name.contains("go"))
            .collect();
        assert_eq!(files, SOURCES.map(str::to_owned).into());
        let main = fs::read_to_string(folder.join("main.go")).unwrap();
        for name in NAMES {
            assert!(main.contains(&format!("\"{name}\":")), "{name} is not in main.go");
        }
    }

    #[test]
    fn the_version_is_the_one_that_the_module_asks_for() {
        let module = "require (\n\tk8s.io/kubectl v0.34.4\n\tk8s.io/kubernetes v1.34.4 // why\n)\n";
        assert_eq!(version(module).unwrap(), "v1.34.4");
        assert!(version("module x\n").is_err());
    }
}
