//! Clients that say anything to anybody: nothing panics, nobody is answered twice or never, and the
//! log rebuilds what there is.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Few names, so that they meet.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ab]", "client-00000000-0000-0000-0000-00000000000[0-9a-f]"]
}

fn instance() -> impl Strategy<Value = Option<InstanceId>> {
    prop::option::of("[xy]").prop_map(|name| name.map(Into::into))
}

fn number() -> impl Strategy<Value = i32> {
    prop_oneof![4 => -1_i32..6, 1 => any::<i32>()]
}

fn join() -> impl Strategy<Value = Input> {
    let who = (name(), name(), instance(), any::<(bool, bool)>());
    let protocols = prop::collection::vec("[rs]", 0..3);
    let times = (number(), prop_oneof![6_000..20_000_i32, any::<i32>()]);
    (who, times, "[ct]?", protocols).prop_map(
        |((group, member, instance, flags), (rebalance, session), protocol_type, protocols)| {
            // one who says what it reads, and one whose bytes are no subscription
            let metadata =
                if flags.0 { &b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff"[..] } else { b"m" };
            let protocol = |name| Protocol { name, metadata: Bytes::from_static(metadata) };
            Input::Join(Box::new(Join {
                ticket: Ticket(0),
                group: group.into(),
                member: member.into(),
                instance,
                client_id: "client".to_owned(),
                client_host: "/::1".to_owned(),
                rebalance_timeout_ms: rebalance,
                session_timeout_ms: session,
                protocol_type,
                protocols: protocols.into_iter().map(protocol).collect(),
                requires_known_member: flags.0,
                skips_assignment: flags.1,
                unique: Uuid::nil(),
            }))
        },
    )
}

fn sync() -> impl Strategy<Value = Input> {
    let shares = prop::collection::vec(name(), 0..3);
    (name(), name(), instance(), number(), shares).prop_map(
        |(group, member, instance, generation, shares)| {
            let share = |id: String| (id.into(), Bytes::from_static(b"s"));
            Input::Sync(Box::new(Sync {
                ticket: Ticket(0),
                group: group.into(),
                generation,
                member: member.into(),
                instance,
                protocol_type: None,
                protocol: None,
                assignments: shares.into_iter().map(share).collect(),
            }))
        },
    )
}

fn commit() -> impl Strategy<Value = Input> {
    let offsets = prop::collection::vec((number(), any::<i64>(), 0_usize..5000), 0..3);
    let times = prop_oneof![Just(-1_i64), any::<i64>()];
    ((name(), name(), instance()), number(), times, offsets).prop_map(
        |((group, member, instance), generation, retention_ms, offsets)| {
            let offset = |(partition, offset, length)| OffsetToCommit {
                topic: "t".to_owned(),
                topic_id: Uuid::nil(),
                partition,
                offset,
                leader_epoch: -1,
                metadata: "n".repeat(length),
            };
            Input::CommitOffsets(Box::new(CommitOffsets {
                ticket: Ticket(0),
                group: group.into(),
                generation,
                member: member.into(),
                instance,
                retention_ms,
                tells_missing_group: true,
                offsets: offsets.into_iter().map(offset).collect(),
            }))
        },
    )
}

fn others() -> impl Strategy<Value = Input> {
    let ticket = Ticket(0);
    let leaving = prop::collection::vec((name(), instance()), 0..4);
    prop_oneof![
        (name(), name(), instance(), number()).prop_map(
            move |(group, member, instance, generation)| {
                let (group, member) = (group.into(), member.into());
                Input::Heartbeat(Heartbeat { ticket, group, generation, member, instance })
            }
        ),
        (name(), leaving).prop_map(move |(group, members)| {
            let members = members.into_iter().map(|(id, instance)| (id.into(), instance));
            Input::Leave(Leave { ticket, group: group.into(), members: members.collect() })
        }),
        name().prop_map(move |group| {
            Input::FetchOffsets(FetchOffsets { ticket, group: group.into(), topics: None })
        }),
        name().prop_map(move |group| Input::Describe(Describe { ticket, group: group.into() })),
        Just(Input::List(List { ticket, states: Vec::new(), types: Vec::new() })),
        name()
            .prop_map(move |group| Input::DeleteGroup(DeleteGroup { ticket, group: group.into() })),
        (name(), "[tu]", prop::collection::vec(number(), 0..3)).prop_map(
            move |(group, topic, partitions)| {
                let topics = vec![(topic, partitions)];
                Input::DeleteOffsets(DeleteOffsets { ticket, group: group.into(), topics })
            }
        ),
        Just(Input::TopicDeleted { topic: "t".to_owned(), id: Uuid::nil() }),
        Just(Input::Tick),
    ]
}

/// Gives an input a ticket and a unique number of its own.
fn ask(bench: &mut Bench, mut input: Input) -> Option<Ticket> {
    let fresh = bench.ticket();
    match &mut input {
        Input::Join(join) => (join.ticket, join.unique) = (fresh, Uuid::from_u128(fresh.0.into())),
        Input::Sync(sync) => sync.ticket = fresh,
        Input::Heartbeat(it) => it.ticket = fresh,
        Input::Leave(it) => it.ticket = fresh,
        Input::CommitOffsets(it) => it.ticket = fresh,
        Input::FetchOffsets(it) => it.ticket = fresh,
        Input::Describe(it) => it.ticket = fresh,
        Input::List(it) => it.ticket = fresh,
        Input::DeleteGroup(it) => it.ticket = fresh,
        Input::DeleteOffsets(it) => it.ticket = fresh,
        Input::Loaded
        | Input::Configure(_)
        | Input::TopicDeleted { .. }
        | Input::Refused { .. }
        | Input::Tick => (),
    }
    let asks = input.refusal(ErrorCode::NotCoordinator).is_some();
    bench.step(input);
    asks.then_some(fresh)
}

proptest! {
    #[test]
    fn nobody_is_forgotten_whatever_is_said(
        deeds in prop::collection::vec(
            (prop_oneof![join(), sync(), commit(), others()], 0_u64..30_000, 0_u8..40),
            0..80,
        ),
    ) {
        let settings = Settings { max_size: 3, ..Settings::default() };
        let mut bench = Bench::with(settings);
        let mut asked = Vec::new();
        for (input, pause, luck) in deeds {
            bench.refuses = (luck == 1).then_some(ErrorCode::NotEnoughReplicas);
            asked.extend(ask(&mut bench, input));
            if luck % 4 == 0 {
                bench.pass(pause);
            }
            bench.refuses = None;
            if luck == 2 {
                bench.fail_over();
            }
        }
        // nobody says anything any more
        bench.settle();
        for ticket in asked {
            prop_assert!(bench.answers.contains_key(&ticket), "{:?} was forgotten", ticket);
        }
        prop_assert!(bench.coordinator.live.is_empty(), "everybody is gone");
        bench.fail_over();
    }
}
