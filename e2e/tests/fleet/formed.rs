//! Who belongs to a cluster, and with what: wrong ids and directories are refused with a message,
//! and a directory that is lost takes its vote along.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::fleet::{CLUSTER, Fleet};
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::wire::Wire;

/// One batch with these values.
fn batch(values: &[&str]) -> Vec<u8> {
    Batch::of(0, values).encode()
}

const SOON: Duration = Duration::from_mins(1);

/// Runs what must not start, and returns what it said.
fn refused(command: &mut Command, scratch: &Scratch) -> Result<String> {
    let output = suite::run(command, &scratch.path().join("refused.log"), SOON)?;
    ensure!(!output.status.success(), "it started: {}", output.text);
    Ok(output.text)
}

#[test]
fn whoever_does_not_belong_is_refused_with_a_message() -> Result<()> {
    let scratch = Scratch::new("fleet-refused")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    let mine = fleet.data(1);
    let said = refused(&mut fleet.stranger(1, &mine, CLUSTER)?, &scratch)?;
    ensure!(said.contains("is in use by another process"), "{said}");
    fleet.kill(1)?;
    let said = refused(&mut fleet.stranger(1, &mine, "another-cluster")?, &scratch)?;
    ensure!(said.contains("belongs to cluster fleet-under-test"), "{said}");
    fleet.kill(2)?;
    let said = refused(&mut fleet.stranger(1, &fleet.data(2), CLUSTER)?, &scratch)?;
    ensure!(said.contains("belongs to node 2, this broker is node 1"), "{said}");
    let ninth = scratch.path().join("ninth");
    let said = refused(&mut fleet.stranger(9, &ninth, CLUSTER)?, &scratch)?;
    ensure!(said.contains("controller.quorum.voters does not name node 9"), "{said}");
    Ok(())
}

#[test]
fn a_voter_that_lost_its_directory_votes_no_more_and_forms_no_second_cluster() -> Result<()> {
    let scratch = Scratch::new("fleet-lost")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    fleet.create("t", 1)?;
    for id in 0..3 {
        fleet.kill(id)?;
    }
    // a majority is lost: whoever is left must not be outvoted by empty directories
    for id in [1, 2] {
        fs::remove_dir_all(fleet.data(id))?;
        fleet.spawn(id)?;
    }
    let formed = fleet
        .wait("a second cluster", Duration::from_secs(6), |fleet| Ok(fleet.controller().is_ok()));
    ensure!(formed.is_err(), "two empty directories have formed a cluster");
    fleet.spawn(0)?;
    let formed = fleet.wait("a majority of nobody", Duration::from_secs(6), |fleet| {
        Ok(fleet.controller().is_ok())
    });
    ensure!(formed.is_err(), "one voter of three decides");
    Ok(())
}

#[test]
fn a_voter_that_lost_its_directory_is_filled_again_without_a_vote() -> Result<()> {
    let scratch = Scratch::new("fleet-filled")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    fleet.create("t", 1)?;
    let leader = fleet.leader("t", 0)?;
    Wire::connect(fleet.address(leader)?)?.produce("t", 0, batch(&["kept"]))?;
    fleet.kill(2)?;
    fs::remove_dir_all(fleet.data(2))?;
    fleet.start(2)?;
    fleet.agreed("t", SOON)?;
    ensure!(fleet.end(2, "t", 0)? == 1, "it was not filled");
    // it counts no longer: with one of the other two gone nobody decides
    fleet.kill(1)?;
    let decided = fleet.wait("a controller", Duration::from_secs(6), |fleet| {
        let before = fleet.controller()?;
        Ok(before == 2)
    });
    ensure!(decided.is_err(), "who lost its directory was elected");
    fleet.start(1)?;
    fleet.wait("a controller", SOON, |fleet| Ok(fleet.controller().is_ok()))?;
    Ok(())
}
