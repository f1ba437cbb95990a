//! The voters of the quorum change while it decides (KIP-853).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::add_raft_voter_request::Listener;
use kafka_protocol::messages::{AddRaftVoterRequest, RemoveRaftVoterRequest};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Wire, text};
use uuid::Uuid;

use crate::tools::tool;

const SOON: Duration = Duration::from_mins(1);
const DUPLICATE: i16 = 126;
const NOT_FOUND: i16 = 127;
const BUSY: i16 = 7;

/// Which directory a node keeps the metadata in, as Kafka writes it.
fn directory(fleet: &Fleet, id: i32) -> Result<String> {
    let properties = fs::read_to_string(fleet.data(id).join("meta.properties"))?;
    let line = properties.lines().find_map(|line| line.strip_prefix("directory.id="));
    Ok(line.context("a directory without an id")?.to_owned())
}

fn as_uuid(text: &str) -> Result<Uuid> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text)?;
    Ok(Uuid::from_slice(&bytes)?)
}

fn try_add(fleet: &Fleet, id: i32) -> Result<i16> {
    let peers = fleet.peers(id)?;
    let listener = Listener::default()
        .with_name(text("PEER"))
        .with_host(text(&peers.ip().to_string()))
        .with_port(peers.port());
    let request = AddRaftVoterRequest::default()
        .with_cluster_id(None)
        .with_timeout_ms(5_000)
        .with_voter_id(id)
        .with_voter_directory_id(as_uuid(&directory(fleet, id)?)?)
        .with_listeners(vec![listener]);
    Ok(anybody(fleet)?.call(0, &request)?.error_code)
}

/// A broker that hands it on to whoever decides.
fn anybody(fleet: &Fleet) -> Result<Wire> {
    Wire::connect(fleet.address(3)?)
}

/// Asks until the change before is committed, and the voter has caught up.
fn until_done(fleet: &mut Fleet, what: impl Fn(&Fleet) -> Result<i16>) -> Result<()> {
    let mut said = 0;
    let done = fleet.wait("the voters are others", SOON, |fleet| {
        said = what(fleet)?;
        Ok(said != BUSY)
    });
    done.with_context(|| format!("the last answer is {said}"))?;
    ensure!(said == 0, "refused with {said}");
    Ok(())
}

#[test]
fn a_voter_is_added_and_the_one_that_leads_removed_while_topics_are_made() -> Result<()> {
    if !need::ready("fleet/voters", need::APACHE)? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-voters")?;
    let settings = [("default.replication.factor", "2"), ("min.insync.replicas", "1")];
    let mut fleet = Fleet::form(scratch.path(), 4, &settings)?;
    fleet.start_all()?;
    fleet.create("before", 1)?;

    until_done(&mut fleet, |fleet| try_add(fleet, 3))?;
    ensure!(try_add(&fleet, 3)? == DUPLICATE, "a vote is given once");
    let nobody = RemoveRaftVoterRequest::default().with_cluster_id(None).with_voter_id(9);
    let code = anybody(&fleet)?.call(0, &nobody)?.error_code;
    ensure!(code == NOT_FOUND, "nobody is taken a vote from: {code}");

    let leads = fleet.controller()?;
    let (id, of) = (leads.to_string(), directory(&fleet, leads)?);
    let gone = ["remove-controller", "--controller-id", &id, "--controller-directory-id", &of];
    tool(&fleet, &scratch, "MetadataQuorumCommand", &gone)?;
    fleet.wait("another one decides", SOON, |fleet| Ok(fleet.controller()? != leads))?;
    let said = tool(&fleet, &scratch, "MetadataQuorumCommand", &["describe", "--status"])?;
    let voters = said.lines().find(|line| line.starts_with("CurrentVoters:"));
    let voters = voters.context("no voters")?;
    ensure!(voters.contains(&directory(&fleet, 3)?) && !voters.contains(&of), "{said}");
    fleet.create("between", 1)?;

    // two of the three that vote now are enough, and the new one is one of them
    fleet.terminate(leads, SOON)?;
    let next = fleet.controller()?;
    let killed = (0..3).find(|id| *id != leads && *id != next).context("somebody else")?;
    fleet.kill(killed)?;
    fleet.create("after", 1)?;
    fleet.start(leads)?;
    fleet.start(killed)?;
    for topic in ["before", "between", "after"] {
        fleet.agreed(topic, SOON).with_context(|| fleet.tails())?;
    }
    Ok(())
}
