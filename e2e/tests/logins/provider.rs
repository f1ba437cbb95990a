//! A `KafkaCluster` whose listener believes an identity provider (OAUTHBEARER): keys come over
//! https, from openssl, whose certificate the manifest trusts.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use kastellan_e2e::certificates::Authority;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::ours::{binary, first_line};
use kastellan_e2e::port;
use kastellan_e2e::process::Process;
use kastellan_e2e::suite::Scratch;

use super::client::{self, Who};
use super::issuer::Issuer;

const LIMIT: Duration = Duration::from_mins(1);
const MANIFEST: &str = "\
apiVersion: kastellan.dev/v1alpha1
kind: KafkaCluster
metadata: {name: demo}
spec:
  replicas: 1
  authorization: {superUsers: [User:service]}
  listeners:
  - name: tokens
    port: CLIENTS
    tls: {}
    authentication:
      type: OAUTHBEARER
      oauth:
        jwksUrl: https://localhost:WEB/keys.json
        issuer: https://id.example
        audience: kafka
        trustedCertificates: |
          TRUSTED
";

#[test]
fn a_cluster_of_a_manifest_believes_a_provider_that_is_asked_over_https() -> Result<()> {
    if !need::ready("logins/provider", &[need::APACHE, &[Tool::Openssl]].concat())? {
        return Ok(());
    }
    let scratch = Scratch::new("logins-provider")?;
    let folder = scratch.path().to_owned();
    let authority = Authority::new(&folder)?;
    authority.sign("web", "/CN=localhost")?;
    let (known, other) = (Issuer::new(&folder, "first")?, Issuer::new(&folder, "second")?);
    fs::write(folder.join("keys.json"), known.keys()?)?;
    let [web, clients] = [port::free()?, port::free()?];
    let mut server = Command::new("openssl");
    server.current_dir(&folder).args(["s_server", "-WWW", "-quiet", "-cert", "web.crt"]);
    server.args(["-key", "web.key", "-accept", &format!("127.0.0.1:{web}")]).stdin(Stdio::null());
    let mut server = Process::start(&mut server, &folder.join("web.log"))?;
    server.wait_for(([127, 0, 0, 1], web).into(), LIMIT)?;
    let trusted = fs::read_to_string(authority.certificate())?.replace('\n', "\n          ");
    let manifest = MANIFEST
        .replace("CLIENTS", &clients.to_string())
        .replace("WEB", &web.to_string())
        .replace("TRUSTED", &trusted);
    fs::write(folder.join("demo.yaml"), manifest)?;
    let mut command = Command::new(binary()?);
    command.current_dir(&folder).stdout(Stdio::piped());
    command.args(["up", "demo.yaml", "--data-dir", "data"]);
    let mut up = Process::start_keeping_stdout(&mut command, &folder.join("up.log"))?;
    first_line(&mut up, LIMIT)?;
    let ca = folder.join("data/demo/cluster-ca.crt");
    let address = format!("127.0.0.1:{clients}");
    let show = |token: std::path::PathBuf| {
        client::run(client::java, (&address, &ca), &Who::Token(token), &folder)
    };
    let good = Issuer::claims("service", "kafka", 3600)?;
    let said = show(known.token(&good)?)?;
    ensure!(said.lines().any(|line| line == "in"), "{said}\n{}", up.tail());
    for (token, why) in [
        (known.token(&Issuer::claims("service", "billing", 3600)?)?, "audience (aud)"),
        (other.token(&good)?, "key id (kid)"),
        (known.token(&Issuer::claims("nobody", "kafka", 3600)?)?, "TopicAuthorizationException"),
    ] {
        let said = show(token)?;
        ensure!(said.contains("refused") && said.contains(why), "{why}:\n{said}");
    }
    up.check_alive()
}
