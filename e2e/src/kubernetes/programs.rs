//! etcd, kube-apiserver and kubectl, built from their Go modules once per machine.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cache;

/// The folder with `etcd`, `kube-apiserver` and `kubectl`.
///
/// The first build on a machine takes 4 to 15 minutes and 2 GB of Go's build cache; then it is
/// there.
pub fn programs() -> Result<PathBuf> {
    let source = cache::e2e().join("kubernetes");
    let keys = ["go.mod", "go.sum", "main.go"].map(|file| source.join(file));
    cache::prepared("kubernetes", &keys, |folder| {
        // not eprintln!: the test runner hides it, and this is a long silence
        writeln!(io::stderr(), "building etcd and kube-apiserver: some minutes, once per machine")?;
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
        for name in ["etcd", "kube-apiserver", "kubectl"] {
            std::os::unix::fs::symlink("kubernetes", folder.join(name))?;
        }
        Ok(())
    })
}

/// The version of Kubernetes that a go.mod asks for; without it the server would say v0.0.0.
fn version(module: &str) -> Result<String> {
    let required = module.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "));
    let version = required.context("go.mod asks for no k8s.io/kubernetes")?;
    Ok(version.split_whitespace().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_the_one_that_the_module_asks_for() {
        let module = "require (\n\tk8s.io/kubectl v0.34.4\n\tk8s.io/kubernetes v1.34.4 // why\n)\n";
        assert_eq!(version(module).unwrap(), "v1.34.4");
        assert!(version("module x\n").is_err());
    }
}
