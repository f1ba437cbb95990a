//! A pod with foreign Kafka clients: kcat as it is on this machine, and programs with
//! franz-go.
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for what it does not have")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::Namespace;
use super::namespace::fed;
use crate::image::{Archive, Entry, linked};
use crate::{cache, need};

/// What the tests call.
const PROGRAMS: [&str; 3] = ["kcat", "sleep", "timeout"];

/// The archive of the clients' image, and its name.
pub(super) fn image() -> Result<(PathBuf, String)> {
    let walk = cache::e2e().join("clients/franz-go");
    let own = cache::e2e().join("src/cluster/client.rs");
    let keys = [own, walk.join("walk.go"), walk.join("admin/main.go"), walk.join("go.sum")];
    let folder = cache::prepared("client-image", &keys, |folder| {
        let mut entries = programs()?;
        for (name, package) in [("franz-go", "."), ("admin", "./admin")] {
            let program = folder.join(name);
            let mut go = Command::new("go");
            go.current_dir(&walk).env("CGO_ENABLED", "0");
            go.args(["build", "-trimpath", "-buildvcs=false", "-o"]).arg(&program).arg(package);
            cache::run(&mut go)?;
            entries.push(Entry::program(&format!("bin/{name}"), fs::read(program)?));
        }
        let archive = Archive::new(
            &["localhost/kastellan-client:{}"],
            &["/bin/sleep", "infinity"],
            &entries,
        )?;
        fs::write(folder.join("name"), archive.name())?;
        archive.write(&folder.join("client.tar"))
    })?;
    Ok((folder.join("client.tar"), fs::read_to_string(folder.join("name"))?))
}

/// The programs in /bin, each with the libraries that it loads, where it looks for them.
fn programs() -> Result<Vec<Entry>> {
    let mut libraries = BTreeMap::new();
    let mut entries = Vec::new();
    for name in PROGRAMS {
        let program = need::find(name).with_context(|| format!("{name} is not on the PATH"))?;
        entries.push(Entry::program(&format!("bin/{name}"), fs::read(&program)?));
        for library in linked(&program)? {
            libraries.insert(library.path().to_owned(), library);
        }
    }
    entries.extend(libraries.into_values());
    Ok(entries)
}

/// The pod.
#[derive(Debug)]
pub struct Client<'a> {
    namespace: &'a Namespace<'a>,
}

/// Where the pod has the Secret of a user.
pub const SECRET: &str = "/secret";
/// Its name.
const POD: &str = "client";

impl<'a> Client<'a> {
    /// With a Secret of the namespace in [`SECRET`], where one is named.
    pub(super) fn start(namespace: &'a Namespace<'a>, secret: Option<&str>) -> Result<Client<'a>> {
        let mut mounts = vec![json!({ "name": "tmp", "mountPath": "/tmp" })];
        let mut volumes = vec![json!({ "name": "tmp", "emptyDir": {} })];
        if let Some(secret) = secret {
            mounts.push(json!({ "name": "secret", "mountPath": SECRET, "readOnly": true }));
            volumes.push(json!({ "name": "secret", "secret": { "secretName": secret } }));
        }
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": POD },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" },
                },
                "containers": [{
                    "name": POD,
                    "image": namespace.cluster.client,
                    "imagePullPolicy": "Never",
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                    },
                    "volumeMounts": mounts,
                }],
                "volumes": volumes,
            },
        });
        let answer = namespace.cluster.api.create(&namespace.path("pods"), &pod)?;
        ensure!(answer.ok(), "cannot make the clients' pod: {}", answer.body);
        namespace.wait("pods", POD, "to run", |pod| pod["status"]["phase"] == "Running")?;
        Ok(Client { namespace })
    }

    /// Runs a program in the pod; its output when it ends well.
    pub fn run(&self, words: &[&str], input: &str) -> Result<String> {
        let kubectl = self.namespace.command(&[&["exec", "-i", POD, "--"], words].concat())?;
        let printed = fed(kubectl, input)?;
        ensure!(printed.ok, "{}: {}{}", words.join(" "), printed.out, printed.err);
        Ok(printed.out)
    }

    /// Writes one record a line. Tries again where nobody answers, as other clients do and kcat
    /// only with -E: a pod is ready a moment before every node knows where its Service leads.
    pub fn produce(&self, bootstrap: &str, topic: &str, lines: &str) -> Result<()> {
        self.run(&["kcat", "-E", "-b", bootstrap, "-P", "-t", topic, "-X", "acks=all"], lines)?;
        Ok(())
    }

    /// All records of a topic, one a line; tries again as [`Client::produce`] does.
    pub fn consume(&self, bootstrap: &str, topic: &str) -> Result<String> {
        let words = [
            "timeout",
            "60",
            "kcat",
            "-E",
            "-b",
            bootstrap,
            "-C",
            "-t",
            topic,
            "-o",
            "beginning",
            "-e",
            "-q",
        ];
        self.run(&words, "")
    }
}
