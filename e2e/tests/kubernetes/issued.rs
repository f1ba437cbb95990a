//! Certificates for listeners by an issuer of a real cert-manager.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kastellan_e2e::cert_manager;
use kastellan_e2e::cluster::{LIMIT, Namespace, scenario, until};
use kastellan_e2e::process::Process;
use kastellan_e2e::suite::Scratch;
use kastellan_operator::pki;
use serde_json::json;

use crate::operated::{condition, install, is_ready, pods, ready};
use crate::users::{guarded, kcat, user};

const SHOWN: &str = "demo-0-listener-certs";

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn an_issuer_of_cert_manager_signs_what_brokers_show() -> Result<()> {
    scenario("issued", |namespace| {
        install(namespace)?;
        let listener = "- {name: mtls, port: 9092, tls: {}, authentication: {type: TLS}}";
        namespace.applied(&guarded(listener))?;
        ready(namespace)?;
        let (before, own) = (pods(namespace)?, shown(namespace)?);
        issued_by(namespace, Some("corp"))?;
        namespace.wait("kafkaclusters", "demo", "to say what is missing", |cluster| {
            let ready = condition(cluster, "Ready");
            ready.is_some_and(|it| {
                it["message"].as_str().is_some_and(|it| it.contains("no cert-manager"))
            })
        })?;

        let (program, definitions) = cert_manager::prepared()?;
        let definitions = definitions.to_str().context("a path in UTF-8")?;
        namespace.cluster.kubectl(&["apply", "--server-side", "-f", definitions])?;
        let scratch = Scratch::new("cert-manager")?;
        let mut command = namespace.cluster.program(program.to_str().context("UTF-8")?)?;
        let mut controllers = Process::start(&mut command, &scratch.path().join("log"))?;
        issuer(namespace, "corp")?;
        namespace.applied(&user("rider", "TLS", "Read, Write, Describe"))?;
        until("the issuer to have signed", LIMIT, || {
            controllers.check_alive()?;
            Ok((shown(namespace)? != own).then_some(()))
        })?;
        ready(namespace)?;
        namespace.wait("kafkausers", "rider", "to be Ready", is_ready)?;
        let client = namespace.client_of("rider")?;
        kcat(&client, &["-P", "-X", "acks=all"], "one\n")?;
        let first = shown(namespace)?;

        // another authority
        issuer(namespace, "next")?;
        issued_by(namespace, Some("next"))?;
        until("the other issuer to have signed", LIMIT, || {
            Ok((shown(namespace)? != first).then_some(()))
        })?;
        ready(namespace)?;

        // the cluster's own again: cert-manager is told first
        issued_by(namespace, None)?;
        namespace.gone("certificates.cert-manager.io", SHOWN, LIMIT)?;
        ready(namespace)?;
        let own = namespace.get("secrets", "demo-cluster-ca-cert")?.context("no authority")?;
        let ours = namespace.get("secrets", SHOWN)?.context("nothing to show")?;
        ensure!(own["data"]["ca.crt"] == ours["data"]["ca.crt"], "signed by another");
        ensure!(pods(namespace)? == before, "a broker was restarted");
        drop(controllers);
        namespace.cluster.kubectl(&["delete", "--ignore-not-found", "-f", definitions])?;
        Ok(())
    })
}

/// An issuer with an authority of its own.
fn issuer(namespace: &Namespace<'_>, name: &str) -> Result<()> {
    let pair = pki::authority(name, "issuers", Timestamp::now())?;
    let (certificate, key) = (STANDARD.encode(pair.certificate), STANDARD.encode(pair.key));
    namespace.applied(&format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/tls\ndata: \
         {{tls.crt: {certificate}, tls.key: {key}}}\n---\napiVersion: cert-manager.io/v1\nkind: \
         Issuer\nmetadata: {{name: {name}}}\nspec: {{ca: {{secretName: {name}}}}}\n---\n"
    ))
}

/// Has this issuer sign from now on, or the cluster's own authority.
fn issued_by(namespace: &Namespace<'_>, issuer: Option<&str>) -> Result<()> {
    let certificates = issuer.map(|name| json!({ "issuerRef": { "name": name } }));
    let spec = json!({ "spec": { "certificates": certificates } });
    namespace.merge("kafkaclusters", "demo", &spec).map(drop)
}

/// What the broker shows, as its Secret has it.
fn shown(namespace: &Namespace<'_>) -> Result<String> {
    let secret = namespace.get("secrets", SHOWN)?.context("nothing to show")?;
    Ok(secret["data"]["tls.crt"].as_str().unwrap_or_default().to_owned())
}
