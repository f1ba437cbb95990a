//! Users by their objects: a pod with a user's Secret does what the user may, and no more.

use std::env;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{Client, LIMIT, Namespace, SECRET, fault, say, scenario};
use serde_json::{Value, json};

use crate::operated::{BOOTSTRAP, DEMO, edit, install, is_ready, ready};
use crate::thousands;

/// `demo` with one listener; nobody may do what no ACL allows.
pub(crate) fn guarded(listener: &str) -> String {
    DEMO.replace("- {name: plain, port: 9092}", listener)
        .replace("  listeners:", "  authorization: {superUsers: [User:nobody]}\n  listeners:")
}

pub(crate) fn user(name: &str, authentication: &str, operations: &str) -> String {
    format!(
        "apiVersion: kastellan.dev/v1alpha1\nkind: KafkaUser\nmetadata: {{name: {name}}}\nspec:\n  \
         clusterRef: {{name: demo}}\n  authentication: {{type: {authentication}}}\n  acls:\n  \
         - {{resource: {{type: Topic, name: greetings}}, operations: [{operations}]}}\n---\n"
    )
}

/// kcat with the certificate of the user whose Secret the pod has.
pub(crate) fn kcat(client: &Client<'_>, words: &[&str], input: &str) -> Result<String> {
    let file = |setting: &str, name: &str| format!("{setting}={SECRET}/{name}");
    let settings = [
        "security.protocol=ssl".to_owned(),
        file("ssl.ca.location", "ca.crt"),
        file("ssl.certificate.location", "user.crt"),
        file("ssl.key.location", "user.key"),
        // who is refused hears of it, and does not try for minutes
        "message.timeout.ms=20000".to_owned(),
    ];
    let mut all = vec!["timeout", "60", "kcat", "-E", "-b", BOOTSTRAP, "-t", "greetings"];
    all.extend(settings.iter().flat_map(|setting| ["-X", setting.as_str()]));
    all.extend(words);
    client.run(&all, input)
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_pod_with_the_secret_of_a_user_does_what_the_user_may() -> Result<()> {
    scenario("user", |namespace| {
        install(namespace)?;
        let users =
            [user("rider", "TLS", "Read, Write, Describe"), user("app", "SCRAM-SHA-512", "Read")];
        let listener = "- {name: mtls, port: 9092, tls: {}, authentication: {type: TLS}}";
        namespace.applied(&guarded(listener))?;
        namespace.applied(&users.concat())?;
        ready(namespace)?;
        namespace.wait("kafkausers", "rider", "to be Ready", is_ready)?;
        namespace.wait("kafkausers", "app", "to be refused or Ready", |user| {
            user["status"]["conditions"].is_array()
        })?;
        let client = namespace.client_of("rider")?;
        kcat(&client, &["-P", "-X", "acks=all"], "one\ntwo\n")?;
        let read = kcat(&client, &["-C", "-o", "beginning", "-e", "-q"], "")?;
        ensure!(read.lines().count() == 2, "{read:?}");

        let began = Instant::now();
        let fewer = json!({ "acls": [{
            "resource": { "type": "Topic", "name": "greetings" },
            "operations": ["Read", "Describe"],
        }]});
        edit(namespace, "kafkausers", "rider", &fewer)?;
        namespace.wait("kafkausers", "rider", "to be Ready", is_ready)?;
        let took = began.elapsed().as_secs_f32();
        say(&format!("FIGURE an ACL taken from its object until it is gone: {took:.2} s"))?;
        let refused = kcat(&client, &["-P", "-X", "acks=all"], "three\n");
        let said = format!("{:#}", refused.err().context("it still writes")?);
        ensure!(said.contains("authorization failed"), "{said}");
        let read = kcat(&client, &["-C", "-o", "beginning", "-e", "-q"], "")?;
        ensure!(read.lines().count() == 2, "{read:?}");

        namespace.remove("kafkausers", "rider")?;
        namespace.gone("kafkausers", "rider", LIMIT)?;
        namespace.gone("secrets", "rider", LIMIT)?;
        let refused = kcat(&client, &["-C", "-o", "beginning", "-e", "-q"], "");
        ensure!(refused.is_err(), "somebody who is gone reads {refused:?}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_thousand_users_become_ready() -> Result<()> {
    scenario("users", |namespace| many(namespace, 1_000, 30))
}

/// Alone: it would take from others what they need, and they from it.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn ten_thousand_users_become_ready_and_then_nothing_is_written() -> Result<()> {
    if env::var_os("E2E_FULL").is_none() {
        return say("SKIPPED ten thousand users: make e2e-full makes them");
    }
    fault("tenthousandusers", |namespace| {
        many(namespace, 10_000, 300)?;
        say(&format!("FIGURE operator, 10,000 users: {} MiB", thousands::memory(namespace)?))?;
        thousands::quiet(namespace)?;
        thousands::gone(namespace, "kafkausers")
    })
}

/// So many users are to be Ready within so many seconds.
fn many(namespace: &Namespace<'_>, count: usize, promised: u32) -> Result<()> {
    install(namespace)?;
    let listener = "- {name: scram, port: 9092, tls: {}, authentication: {type: SCRAM-SHA-512}}";
    namespace.applied(&guarded(listener))?;
    ready(namespace)?;
    let one = |number| {
        json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": "KafkaUser",
            "metadata": { "name": format!("user-{number}") },
            "spec": {
                "clusterRef": { "name": "demo" },
                "authentication": { "type": "SCRAM-SHA-512" },
                "acls": [{
                    "resource": { "type": "Topic", "name": "greetings" },
                    "operations": ["Read"],
                }],
            },
        })
    };
    thousands::made_ready((namespace, "kafkausers"), 0..count, count, promised, one)?;
    secrets(namespace, count)
}

/// Each has a Secret of its own with a password of its own.
fn secrets(namespace: &Namespace<'_>, count: usize) -> Result<()> {
    let secrets = namespace.list("secrets", "")?;
    let mut passwords: Vec<&str> =
        secrets.iter().filter_map(|secret: &Value| secret["data"]["password"].as_str()).collect();
    ensure!(passwords.len() == count, "{} passwords", passwords.len());
    passwords.sort_unstable();
    passwords.dedup();
    ensure!(passwords.len() == count, "some are the same");
    Ok(())
}
