//! Topics by their objects: made, grown, changed, kept as they are asked for, refused, deleted.

use anyhow::{Result, ensure};
use kastellan_e2e::cluster::{Client, LIMIT, Namespace, scenario, until};
use serde_json::json;

use crate::operated::{BOOTSTRAP, condition, demo, edit, is_ready, is_refused, topic};

fn waits(namespace: &Namespace<'_>, name: &str) -> Result<()> {
    namespace.wait("kafkatopics", name, "to be Ready", is_ready).map(drop)
}

fn partitions(client: &Client<'_>, name: &str) -> Result<String> {
    client.run(&["admin", BOOTSTRAP, "partitions", name], "").map(|text| text.trim().to_owned())
}

fn setting(client: &Client<'_>, name: &str, setting: &str) -> Result<String> {
    client.run(&["admin", BOOTSTRAP, "get", name, setting], "").map(|text| text.trim().to_owned())
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_topic_is_made_grown_changed_and_deleted() -> Result<()> {
    scenario("topic", |namespace| {
        demo(namespace)?;
        let client = namespace.client()?;
        namespace.applied(&topic(
            "orders",
            "partitions: 2, deletionPolicy: Delete, config: {retention.ms: 60000}",
        ))?;
        waits(namespace, "orders")?;
        ensure!(partitions(&client, "orders")? == "2");
        ensure!(setting(&client, "orders", "retention.ms")? == "60000");

        edit(
            namespace,
            "kafkatopics",
            "orders",
            &json!({ "partitions": 5, "config": { "retention.ms": 120_000 } }),
        )?;
        waits(namespace, "orders")?;
        ensure!(partitions(&client, "orders")? == "5");
        ensure!(setting(&client, "orders", "retention.ms")? == "120000");

        // fewer is what Kafka cannot do: refused at once where the object asks for it ...
        let fewer = r#"{"spec": {"partitions": 1}}"#;
        let printed =
            namespace.kubectl(&["patch", "kkt", "orders", "--type=merge", "-p", fewer])?;
        ensure!(!printed.ok && printed.err.contains("cannot be removed"), "{}", printed.err);
        // ... and told where somebody else made more
        client.run(&["admin", BOOTSTRAP, "grow", "orders", "8"], "")?;
        let refused = namespace.wait("kafkatopics", "orders", "to be refused", |topic| {
            is_refused(topic, "PartitionsCannotShrink")
        })?;
        let message = condition(&refused, "Ready").map(|ready| ready["message"].to_string());
        ensure!(message.is_some_and(|text| text.contains('8')), "{refused:#}");
        edit(namespace, "kafkatopics", "orders", &json!({ "partitions": 8 }))?;
        waits(namespace, "orders")?;
        ensure!(partitions(&client, "orders")? == "8");

        namespace.remove("kafkatopics", "orders")?;
        namespace.gone("kafkatopics", "orders", LIMIT)?;
        ensure!(partitions(&client, "orders")? == "0");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn what_a_foreign_client_changes_is_put_back() -> Result<()> {
    scenario("drift", |namespace| {
        demo(namespace)?;
        let client = namespace.client()?;
        edit(
            namespace,
            "kafkatopics",
            "greetings",
            &json!({ "config": { "retention.ms": 60_000 } }),
        )?;
        waits(namespace, "greetings")?;
        client.run(&["admin", BOOTSTRAP, "set", "greetings", "retention.ms", "1000"], "")?;
        client.run(&["admin", BOOTSTRAP, "set", "greetings", "max.message.bytes", "1000"], "")?;
        until("the settings to be put back", LIMIT, || {
            let retention = setting(&client, "greetings", "retention.ms")?;
            let size = setting(&client, "greetings", "max.message.bytes")?;
            Ok((retention == "60000" && size != "1000").then_some(()))
        })?;
        client.run(&["admin", BOOTSTRAP, "delete", "greetings"], "")?;
        until("the topic to be back", LIMIT, || {
            Ok((partitions(&client, "greetings")? == "3").then_some(()))
        })?;
        // and what no object names is nobody's business
        client.run(&["admin", BOOTSTRAP, "create", "foreign", "1"], "")?;
        edit(
            namespace,
            "kafkatopics",
            "greetings",
            &json!({ "config": { "retention.ms": 70_000 } }),
        )?;
        waits(namespace, "greetings")?;
        ensure!(partitions(&client, "foreign")? == "1");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_topic_that_no_object_asks_for_to_be_deleted_stays() -> Result<()> {
    scenario("keep", |namespace| {
        demo(namespace)?;
        let client = namespace.client()?;
        namespace.applied(&topic("kept", "partitions: 1, deletionPolicy: Retain"))?;
        waits(namespace, "kept")?;
        namespace.remove("kafkatopics", "kept")?;
        namespace.gone("kafkatopics", "kept", LIMIT)?;
        ensure!(partitions(&client, "kept")? == "1");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn what_cannot_be_honoured_says_why() -> Result<()> {
    scenario("refused", |namespace| {
        demo(namespace)?;
        let printed = namespace.apply(&topic("none", "partitions: 0"))?;
        ensure!(!printed.ok && printed.err.contains("partitions"), "{}", printed.err);
        let lost = topic("lost", "partitions: 1").replace("name: demo", "name: nowhere");
        namespace.applied(&lost)?;
        namespace.wait("kafkatopics", "lost", "to miss its cluster", |topic| {
            is_refused(topic, "ClusterNotFound")
        })?;
        namespace.applied(&topic("odd", "partitions: 1, config: {retention.mss: 1}"))?;
        let odd = namespace.wait("kafkatopics", "odd", "to be refused", |topic| {
            condition(topic, "Ready").is_some_and(|ready| ready["status"] == "False")
        });
        // by the definition's own rules, or by the operator: with the name of the setting
        let message =
            odd.map_or_else(|error| error.to_string(), |topic| topic["status"].to_string());
        ensure!(message.contains("retention.mss"), "{message}");
        Ok(())
    })
}
