//! Brokers that show each other certificates, made as the operator makes them: three elect, take
//! over from each other, catch up, and turn away whoever has a certificate of somebody else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use kastellan_e2e::batch::Batch;
use kastellan_e2e::fleet::{CLUSTER, Fleet};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::Wire;
use kastellan_operator::pki::{self, Pair, Subject};

const SOON: Duration = Duration::from_mins(1);

/// What a node says of one with a certificate that it does not trust, and of one to which its own
/// is none; what is to be done about it follows.
const FOREIGN: &str = "its certificate is signed by nobody whom this node trusts: ca.crt of every";
const OURS: &str = "it does not trust the certificate of this node: ca.crt of every node";

fn authority() -> Result<Pair> {
    Ok(pki::authority(pki::OF_BROKERS, CLUSTER, Timestamp::now())?)
}

/// What a node shows, and whom it trusts, in the directory `to`.
fn certify(authority: &Pair, id: i32, cluster: &str, to: &Path) -> Result<()> {
    let subject = Subject::node(id, cluster, vec!["127.0.0.1".to_owned()]);
    let Pair { certificate, key, .. } = authority;
    let own = pki::sign(certificate, key, &subject, Timestamp::now())?;
    fs::create_dir_all(to)?;
    fs::write(to.join("ca.crt"), certificate)?;
    fs::write(to.join("tls.crt"), own.certificate)?;
    fs::write(to.join("tls.key"), own.key)?;
    Ok(())
}

fn produce(fleet: &Fleet, value: &str) -> Result<i64> {
    let leader = fleet.leader("t", 0)?;
    Wire::connect(fleet.address(leader)?)?.produce("t", 0, Batch::of(0, &[value]).encode())
}

/// Three that trust each other, with a topic of one partition.
fn three(scratch: &Scratch) -> Result<Fleet> {
    let (certificates, authority) = (scratch.path().join("certificates"), authority()?);
    for id in 0..3 {
        certify(&authority, id, CLUSTER, &certificates.join(id.to_string()))?;
    }
    let mut fleet = Fleet::secured(scratch.path(), &certificates, &[])?;
    fleet.create("t", 1)?;
    fleet.agreed("t", SOON)?;
    Ok(fleet)
}

#[test]
fn brokers_with_certificates_elect_take_over_and_catch_up() -> Result<()> {
    let scratch = Scratch::new("fleet-tls")?;
    let mut fleet = three(&scratch)?;
    for round in 0..3 {
        // by turns whoever leads the partition, and whoever decides
        let id = if round == 1 { fleet.controller()? } else { fleet.leader("t", 0)? };
        let before = produce(&fleet, "before")?;
        fleet.kill(id)?;
        let others =
            |fleet: &mut Fleet| Ok(fleet.leader("t", 0)? != id && fleet.controller()? != id);
        fleet.wait("another leads, and another decides", SOON, others)?;
        fleet.wait("it is written to", SOON, |fleet| Ok(produce(fleet, "without").is_ok()))?;
        ensure!(produce(&fleet, "more")? > before + 1, "what was acknowledged is gone");
        fleet.start(id)?;
        fleet.agreed("t", SOON)?;
        let leader = fleet.leader("t", 0)?;
        fleet.wait("it has all of it", SOON, |fleet| {
            Ok(fleet.end(id, "t", 0)? == fleet.end(leader, "t", 0)?)
        })?;
    }
    Ok(())
}

#[test]
fn whoever_shows_a_certificate_of_another_authority_or_cluster_is_told_and_turned_away()
-> Result<()> {
    let scratch = Scratch::new("fleet-tls-foreign")?;
    let mut fleet = three(&scratch)?;
    let its = scratch.path().join("certificates/2");
    fleet.kill(2)?;

    // it does not even try where its own certificate is for somebody else
    certify(&authority()?, 2, "elsewhere", &its)?;
    let refused = fleet.start(2).err().context("it started with another cluster's certificate")?;
    let said = format!("{refused:#}");
    ensure!(said.contains("is for cluster elsewhere, this is cluster fleet-under-test"), "{said}");

    certify(&authority()?, 2, CLUSTER, &its)?;
    fleet.spawn(2)?;
    fleet.wait("the others say whom they turn away", SOON, |fleet| {
        let all = (0..2).map(|id| Ok(fleet.process(id)?.log_text()));
        let said = all.collect::<Result<Vec<_>>>()?;
        Ok(said.iter().any(|text| text.contains(FOREIGN) || text.contains(OURS)))
    })?;
    fleet.wait("it says why it is not let in", SOON, |fleet| {
        Ok(fleet.process(2)?.log_text().contains(FOREIGN))
    })?;
    // its last life's session ends, and none begins
    fleet.wait("it is not in sync", SOON, |fleet| {
        Ok(fleet.partitions_at(0, "t")?.values().all(|it| !it.in_sync.contains(&2)))
    })?;
    ensure!(produce(&fleet, "without it")? >= 0, "the others do without it");
    Ok(())
}
