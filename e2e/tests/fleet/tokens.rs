//! Delegation tokens outlive the controller that has made them (KIP-48).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::{
    CreateDelegationTokenRequest, DescribeDelegationTokenRequest, DescribeQuorumRequest,
    ExpireDelegationTokenRequest, RenewDelegationTokenRequest,
};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Wire, text};

const SOON: Duration = Duration::from_mins(1);
const SETTINGS: &[(&str, &str)] = &[
    ("listener.security.protocol.map", "plain:SASL_PLAINTEXT"),
    ("kastellan.scram.first.users", "SCRAM-SHA-512=[name=alice,password=orange-pencil]"),
    ("delegation.token.secret.key", "a key that all of them have"),
];

/// Alice at one of the brokers.
fn alice(fleet: &Fleet, id: i32) -> Result<Wire> {
    let mut wire = Wire::connect(fleet.address(id)?)?;
    wire.log_in("alice", "orange-pencil")?;
    Ok(wire)
}

fn controller(wire: &mut Wire) -> Result<i32> {
    let partition = PartitionData::default().with_partition_index(0);
    let topic = TopicData::default()
        .with_topic_name(text("__cluster_metadata").into())
        .with_partitions(vec![partition]);
    let answer = wire.call(1, &DescribeQuorumRequest::default().with_topics(vec![topic]))?;
    let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
    Ok(partition.context("no quorum")?.leader_id.0)
}

#[test]
fn a_token_lets_in_at_every_broker_and_is_renewed_by_the_next_controller() -> Result<()> {
    let scratch = Scratch::new("fleet-tokens")?;
    let mut fleet = Fleet::three(scratch.path(), SETTINGS)?;
    fleet.wait("alice is known", SOON, |fleet| Ok((0..3).all(|id| alice(fleet, id).is_ok())))?;
    let first = controller(&mut alice(&fleet, 0)?)?;
    let others: Vec<i32> = (0..3).filter(|id| *id != first).collect();
    let asked = *others.first().context("three brokers")?;
    // in an envelope: another broker decides
    let made = alice(&fleet, asked)?.call(3, &CreateDelegationTokenRequest::default())?;
    ensure!(made.error_code == 0, "{made:?}");
    let enters = |fleet: &Fleet, id: i32| {
        Wire::connect(fleet.address(id)?)?.log_in_by_token(&made.token_id, &made.hmac)
    };
    fleet.wait("all let it in", SOON, |fleet| Ok((0..3).all(|id| enters(fleet, id).is_ok())))?;
    // who has come with a token is told so by the broker that it asks, and renews nothing
    let renewal = RenewDelegationTokenRequest::default().with_hmac(made.hmac.clone());
    let mut delegate = Wire::connect(fleet.address(asked)?)?;
    delegate.log_in_by_token(&made.token_id, &made.hmac)?;
    ensure!(delegate.call(2, &renewal)?.error_code == 64, "a token renews itself");
    fleet.kill(first)?;
    enters(&fleet, asked)?;
    let renewed = alice(&fleet, asked)?.call(2, &renewal)?;
    ensure!(renewed.error_code == 0, "{renewed:?}");
    ensure!(renewed.expiry_timestamp_ms > made.expiry_timestamp_ms, "{renewed:?}");
    ensure!(controller(&mut alice(&fleet, asked)?)? != first, "nobody else decides");
    fleet.start(first)?;
    fleet.wait("it is known there, too", SOON, |fleet| {
        let all = DescribeDelegationTokenRequest::default().with_owners(None);
        let answer = alice(fleet, first)?.call(3, &all);
        let ends = answer?.tokens.first().map(|token| token.expiry_timestamp);
        Ok(ends == Some(renewed.expiry_timestamp_ms))
    })?;
    let end = ExpireDelegationTokenRequest::default().with_hmac(made.hmac.clone());
    let ended = alice(&fleet, first)?.call(2, &end.with_expiry_time_period_ms(-1))?;
    ensure!(ended.error_code == 0, "{ended:?}");
    fleet.wait("nobody lets it in", SOON, |fleet| {
        Ok((0..3).all(|id| enters(fleet, id).is_err() && alice(fleet, id).is_ok()))
    })?;
    Ok(())
}
