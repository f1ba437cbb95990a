//! The three custom resources on a real kube-apiserver with etcd: accepted, defaulted, validated,
//! shown and scaled as their authors meant it.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "helpers of tests are tests")]

#[path = "../../../crds/tests/rules/cases.rs"]
mod cases;

mod behaviour;
mod chart;
mod manifests;
mod permissions;
mod readable;
mod refusals;
mod shown;
mod upgrade;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::kubernetes::{self, ApiServer};
use serde_json::Value;

/// An API server that knows the three kinds; `None` where it cannot run, which has been said.
fn server(suite: &str) -> Result<Option<ApiServer>> {
    let server = bare(suite)?;
    server.as_ref().map(ApiServer::define).transpose()?;
    Ok(server)
}

/// An API server that knows nothing of ours.
fn bare(suite: &str) -> Result<Option<ApiServer>> {
    if !kubernetes::ready(suite)? {
        return Ok(None);
    }
    ApiServer::start(suite).map(Some)
}

/// The path of the objects of a kind in the namespace `default`.
fn path(kind: &str) -> String {
    format!("/apis/kastellan.dev/v1alpha1/namespaces/default/{}s", kind.to_lowercase())
}

/// Creates an object; fails with the server's words when it is refused.
fn create(server: &ApiServer, object: &Value) -> Result<Value> {
    let kind = object["kind"].as_str().context("the object has no kind")?;
    let answer = server.create(&path(kind), object)?;
    ensure!(answer.ok(), "refused: {}\n{object}", answer.body);
    Ok(answer.body)
}

#[test]
fn the_definitions_are_accepted_and_served() -> Result<()> {
    let Some(server) = server("apiserver-definitions")? else { return Ok(()) };
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let list = server.get(path)?.body;
    let items = list["items"].as_array().context("the list has no items")?;
    ensure!(items.len() == 3, "{} definitions", items.len());
    for item in items {
        let name = &item["metadata"]["name"];
        let conditions = item["status"]["conditions"].as_array().context("no conditions")?;
        let status = |kind: &str| {
            conditions.iter().find(|one| one["type"] == kind).map(|one| one["status"].clone())
        };
        ensure!(status("Established") == Some("True".into()), "{name}: {conditions:?}");
        ensure!(status("NamesAccepted") == Some("True".into()), "{name}: {conditions:?}");
        // only there when the schema is not structural
        ensure!(status("NonStructuralSchema").is_none(), "{name}: {conditions:?}");
        // what the server would have to say about a format or a field it does not know
        let again = server.apply(
            &format!(
                "{path}/{}?fieldManager=test&force=true&dryRun=All",
                name.as_str().unwrap_or("")
            ),
            &serde_json::json!({
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": { "name": name },
                "spec": item["spec"],
            }),
        )?;
        ensure!(again.ok() && again.warnings.is_empty(), "{name}: {again:?}");
    }
    Ok(())
}
