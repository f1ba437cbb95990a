//! What somebody deletes by hand comes back, with the data intact.

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{Namespace, scenario};

use crate::operated::{BOOTSTRAP, demo, ready};

/// Deletes every object of a kind that belongs to `demo`, and waits until others are there in
/// their place.
fn lose(namespace: &Namespace<'_>, plural: &str) -> Result<()> {
    for object in namespace.list(plural, "kastellan.dev/cluster=demo")? {
        let name = object["metadata"]["name"].as_str().context("no name")?.to_owned();
        namespace.remove(plural, &name)?;
        namespace.wait(plural, &name, "to be back", |back| {
            back["metadata"]["uid"] != object["metadata"]["uid"]
                && back["metadata"]["deletionTimestamp"].is_null()
        })?;
    }
    Ok(())
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn objects_deleted_by_hand_come_back_and_the_data_is_there() -> Result<()> {
    scenario("deleted", |namespace| {
        demo(namespace)?;
        let client = namespace.client()?;
        let mut written = 0;
        for plural in ["pods", "services", "configmaps", "statefulsets", "poddisruptionbudgets"] {
            client.produce(BOOTSTRAP, "greetings", &format!("{plural}\n"))?;
            written += 1;
            lose(namespace, plural).with_context(|| format!("after {plural} were deleted"))?;
            ready(namespace)?;
            let pod =
                |pod: &serde_json::Value| pod["status"]["containerStatuses"][0]["ready"] == true;
            namespace.wait("pods", "demo-0-0", "to be ready", pod)?;
            let read = client.consume(BOOTSTRAP, "greetings")?;
            ensure!(read.lines().count() == written, "after {plural} were deleted: {read:?}");
        }
        Ok(())
    })
}
