//! What can happen to a fleet.

use proptest::prelude::*;

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// A process of the broker starts, or a second one where one runs.
    Start(i32),
    /// It is told to stop in order.
    Stop(i32),
    /// It dies.
    Kill(i32),
    /// It dies, and whoever dials it notices.
    KillAndNotice(i32),
    /// It is heard of no more, or again.
    Silence(i32),
    /// One of its log directories fails.
    FailDirectory(i32),
    /// It is told to be gone for good.
    Unregister(i32),
    /// It heartbeats, having applied everything or not.
    Beat(i32, bool),
    /// Time passes; whoever lives heartbeats.
    Pass(u16),
    /// The controller does not look for so long.
    Oversleep(u16),
    /// Another controller takes over.
    NewController,
    /// A topic is created: partitions, replicas.
    Create(u8, i16),
    /// A topic gets another partition.
    Grow(u8),
    /// A topic is deleted.
    Delete(u8),
    /// A leader commits a record.
    Produce(u8),
    /// A leader finds a replica to be in sync, or not to be any more.
    Propose(u8, i32, bool),
    /// A proposal that has to be refused.
    ProposeWrongly(u8, i32, Wrong),
    /// A leader is elected; uncleanly or not.
    Elect(u8, bool),
    /// A partition is to move to brokers from this one on, so many.
    Move(u8, i32, usize),
    /// A partition is not to move any more.
    Cancel(u8),
    /// min.insync.replicas of a topic, or of all.
    MinInSync(Option<u8>, u8),
    /// unclean.leader.election.enable of a topic, or of all.
    Unclean(Option<u8>, bool),
    /// Eligible leader replicas on or off.
    Eligible(bool),
    /// A block of producer ids is asked for.
    ProducerIds(i32),
}

/// What is wrong with a proposal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wrong {
    Sender,
    BrokerEpoch,
    LeaderEpoch(i32),
    PartitionEpoch(i32),
    Topic,
    Partition,
    NotAReplica,
    Twice,
    WithoutLeader,
    Incarnation,
    Recovery,
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    let broker = || 1..=5_i32;
    let place = any::<u8>;
    let wrong = prop_oneof![
        Just(Wrong::Sender),
        Just(Wrong::BrokerEpoch),
        (-1..2_i32).prop_map(Wrong::LeaderEpoch),
        (-1..2_i32).prop_map(Wrong::PartitionEpoch),
        Just(Wrong::Topic),
        Just(Wrong::Partition),
        Just(Wrong::NotAReplica),
        Just(Wrong::Twice),
        Just(Wrong::WithoutLeader),
        Just(Wrong::Incarnation),
        Just(Wrong::Recovery),
    ];
    let processes = prop_oneof![
        6 => broker().prop_map(Operation::Start),
        2 => broker().prop_map(Operation::Stop),
        3 => broker().prop_map(Operation::Kill),
        2 => broker().prop_map(Operation::KillAndNotice),
        2 => broker().prop_map(Operation::Silence),
        1 => broker().prop_map(Operation::FailDirectory),
        1 => broker().prop_map(Operation::Unregister),
        3 => (broker(), any::<bool>()).prop_map(|(id, all)| Operation::Beat(id, all)),
        6 => (0..4000_u16).prop_map(Operation::Pass),
        1 => (0..9000_u16).prop_map(Operation::Oversleep),
        1 => Just(Operation::NewController),
    ];
    let topics = prop_oneof![
        3 => (1..4_u8, 1..4_i16).prop_map(|(count, factor)| Operation::Create(count, factor)),
        1 => place().prop_map(Operation::Grow),
        1 => place().prop_map(Operation::Delete),
        2 => (place(), any::<bool>()).prop_map(|(at, clean)| Operation::Elect(at, clean)),
        4 => (place(), broker(), 1..4_usize).prop_map(|(at, to, n)| Operation::Move(at, to, n)),
        2 => place().prop_map(Operation::Cancel),
        3 => (prop::option::weighted(0.5, place()), 1..4_u8)
            .prop_map(|(at, count)| Operation::MinInSync(at, count)),
        1 => (prop::option::weighted(0.8, place()), prop::bool::weighted(0.3))
            .prop_map(|(at, on)| Operation::Unclean(at, on)),
        1 => prop::bool::weighted(0.9).prop_map(Operation::Eligible),
    ];
    let data = prop_oneof![
        4 => place().prop_map(Operation::Produce),
        8 => (place(), broker(), prop::bool::weighted(0.8))
            .prop_map(|(at, id, caught_up)| Operation::Propose(at, id, caught_up)),
        2 => (place(), broker(), wrong)
            .prop_map(|(at, id, wrong)| Operation::ProposeWrongly(at, id, wrong)),
        1 => broker().prop_map(Operation::ProducerIds),
    ];
    prop_oneof![3 => processes, 2 => topics, 3 => data]
}
