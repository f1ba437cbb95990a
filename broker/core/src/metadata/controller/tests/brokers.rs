//! Brokers of a fleet register, live, fall silent and leave.

use std::time::Duration;

use super::*;
use crate::id::Offset;
use crate::metadata::{
    FeatureUpdateKind::{SafeDowngrade, Upgrade},
    SupportedFeature,
};

fn registration(id: i32, incarnation: u128) -> RegisterBroker {
    let served = |it: &crate::metadata::Feature| SupportedFeature {
        name: it.name.to_owned(),
        min: it.min,
        max: it.max,
    };
    RegisterBroker {
        incarnation: Uuid::from_u128(incarnation),
        fenced: true,
        features: SUPPORTED.iter().map(served).collect(),
        log_dirs: vec![Uuid::from_u128(u128::from(id.unsigned_abs()) + 100)],
        ..broker(id)
    }
}

fn register_as(bench: &mut Bench, wanted: RegisterBroker, previous_epoch: Option<i64>) -> Reply {
    bench.run(Input::RegisterBroker { ticket: TICKET, registration: wanted, previous_epoch })
}

/// What the broker is told: caught up, fenced, may end.
fn beat(bench: &mut Bench, id: i32, want_shut_down: bool) -> (bool, bool, bool) {
    let offset = bench.controller.image().offset();
    beat_from(bench, id, offset, want_shut_down)
}

/// The same of a broker that has applied the metadata up to `metadata_offset`.
fn beat_from(
    bench: &mut Bench,
    id: i32,
    metadata_offset: Offset,
    want_shut_down: bool,
) -> (bool, bool, bool) {
    let heartbeat = Heartbeat {
        broker: BrokerId(id),
        epoch: epoch(bench, id),
        metadata_offset,
        want_fence: false,
        want_shut_down,
        offline_dirs: Vec::new(),
    };
    match bench.run(Input::Heartbeat { ticket: TICKET, heartbeat }) {
        Reply::Heartbeat { is_caught_up, is_fenced, should_shut_down } => {
            (is_caught_up, is_fenced, should_shut_down)
        }
        other @ (Reply::Done
        | Reply::Registered { .. }
        | Reply::Altered(_)
        | Reply::Assigned(_)
        | Reply::Created(_)
        | Reply::CreatedAcls(_)
        | Reply::DeletedAcls(_)
        | Reply::Deleted(_)
        | Reply::Quotas(_)
        | Reply::Token(_)
        | Reply::Throttled { .. }
        | Reply::Results(_)
        | Reply::Partitions(_)
        | Reply::ProducerIds { .. }
        | Reply::Failed(_)) => panic!("{other:?}"),
    }
}

fn epoch(bench: &Bench, id: i32) -> i64 {
    bench.controller.image().broker(BrokerId(id)).unwrap().epoch
}

/// Brokers 1 to 3 with topic "a": one partition on all of them, led by 1.
fn fleet(settings: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::with(0, settings);
    for id in 1..=3 {
        let told = register_as(&mut bench, registration(id, 1), None);
        assert!(matches!(told, Reply::Registered { .. }), "{told:?}");
        assert_eq!(beat(&mut bench, id, false), (true, false, false));
    }
    let replicas = [1, 2, 3].map(BrokerId).to_vec();
    let wanted = NewTopic { assignments: vec![(0, replicas)], ..topic("a", -1, -1) };
    assert_eq!(bench.create(vec![wanted]), [None]);
    bench
}

fn state(bench: &Bench) -> Partition {
    Partition::clone(&bench.controller.image().topic("a").unwrap().partitions[&0])
}

fn refuse(bench: &mut Bench, id: i32) {
    let input = Input::Refused { broker: BrokerId(id), epoch: epoch(bench, id) };
    bench.carry_out(input);
}

fn ids(brokers: &[BrokerId]) -> Vec<i32> {
    brokers.iter().map(|id| id.0).collect()
}

#[test]
fn a_brokers_epoch_is_the_offset_of_its_registration() {
    let mut bench = Bench::new(0);
    let Reply::Registered { epoch } = register_as(&mut bench, registration(1, 1), None) else {
        panic!("not the answer")
    };
    let at = usize::try_from(epoch).unwrap();
    assert!(matches!(&bench.log[at], Record::RegisterBroker(it) if it.epoch == epoch));
    let before = bench.log.len();
    assert_eq!(
        register_as(&mut bench, registration(1, 1), None),
        Reply::Registered { epoch },
        "the same process again is the same registration"
    );
    assert_eq!(bench.log.len(), before);
}

#[test]
fn a_second_process_with_the_same_id_waits_until_the_first_is_gone() {
    let mut bench = fleet(&[]);
    let Reply::Failed(failure) = register_as(&mut bench, registration(1, 2), None) else {
        panic!("taken")
    };
    assert_eq!(failure.code, ErrorCode::DuplicateBrokerRegistration);
    refuse(&mut bench, 1);
    let told = register_as(&mut bench, registration(1, 2), None);
    assert!(matches!(told, Reply::Registered { .. }), "{told:?}");
}

#[test]
fn a_registration_without_directories_or_features_is_refused() {
    let mut bench = fleet(&[]);
    let without = RegisterBroker { log_dirs: Vec::new(), ..registration(4, 1) };
    let shared = RegisterBroker { log_dirs: registration(1, 1).log_dirs, ..registration(4, 1) };
    let older = RegisterBroker { features: Vec::new(), ..registration(4, 1) };
    for (wanted, code) in [(without, 119), (shared, 119), (older, 35)] {
        let Reply::Failed(failure) = register_as(&mut bench, wanted, None) else { panic!("taken") };
        assert_eq!(failure.code.code(), code, "{failure:?}");
    }
}

#[test]
fn a_broker_is_fenced_until_it_has_read_its_own_registration() {
    let mut bench = Bench::new(0);
    register_as(&mut bench, registration(1, 1), None);
    let epoch = epoch(&bench, 1);
    let heartbeat = Heartbeat {
        broker: BrokerId(1),
        epoch,
        metadata_offset: epoch - 1,
        want_fence: false,
        want_shut_down: false,
        offline_dirs: Vec::new(),
    };
    let waiting =
        Reply::Heartbeat { is_caught_up: false, is_fenced: true, should_shut_down: false };
    assert_eq!(bench.run(Input::Heartbeat { ticket: TICKET, heartbeat }), waiting);
    assert_eq!(beat(&mut bench, 1, false), (true, false, false));
}

#[test]
fn silence_ends_the_lead_after_a_session_and_not_before() {
    let mut bench = fleet(&[("min.insync.replicas", "3")]);
    let deadline = bench.controller.deadline().unwrap();
    assert_eq!(deadline, Millis(3000));
    bench.now = Millis(2900);
    for id in [2, 3] {
        beat(&mut bench, id, false);
    }
    bench.now = Millis(2999);
    bench.carry_out(Input::Tick);
    assert_eq!(state(&bench).leader, Some(BrokerId(1)));
    bench.now = deadline;
    bench.carry_out(Input::Tick);
    let after = state(&bench);
    assert_eq!((after.leader, after.leader_epoch), (Some(BrokerId(2)), 1));
    assert_eq!((ids(&after.isr), ids(&after.elr)), (vec![2, 3], vec![1]));
    assert_eq!(bench.controller.deadline(), Some(Millis(5900)), "1 is not waited for any more");
}

#[test]
fn a_broker_that_was_fenced_leads_again_once_it_knows_what_has_become_of_it() {
    let mut bench = fleet(&[]);
    let before = bench.controller.image().offset();
    refuse(&mut bench, 1);
    assert_eq!(state(&bench).leader, Some(BrokerId(2)));
    // to it, it leads still
    assert_eq!(beat_from(&mut bench, 1, before, false), (false, true, false));
    let known = bench.controller.image().offset();
    assert_eq!(beat_from(&mut bench, 1, known - 1, false), (false, true, false));
    // what comes later it need not wait for
    refuse(&mut bench, 3);
    assert_eq!(beat_from(&mut bench, 1, known, false), (true, false, false));
}

#[test]
fn a_refused_connection_ends_it_at_once_and_an_old_one_does_nothing() {
    let mut bench = fleet(&[]);
    let old = epoch(&bench, 1) - 1;
    bench.carry_out(Input::Refused { broker: BrokerId(1), epoch: old });
    assert_eq!(state(&bench).leader, Some(BrokerId(1)));
    refuse(&mut bench, 1);
    assert_eq!((state(&bench).leader, ids(&state(&bench).isr)), (Some(BrokerId(2)), vec![2, 3]));
}

#[test]
fn a_controller_that_overslept_fences_nobody_for_it() {
    let mut bench = fleet(&[]);
    bench.now = Millis(60_000);
    bench.carry_out(Input::Tick);
    assert_eq!(ids(&state(&bench).isr), [1, 2, 3]);
    assert_eq!(bench.controller.deadline(), Some(Millis(63_000)));
}

#[test]
fn a_new_controller_hears_everybody_out_and_dials() {
    let mut bench = fleet(&[]);
    let image = bench.controller.image().clone();
    let config = BrokerConfig::default();
    bench.controller = Controller::new(image, BrokerId(2), config);
    bench.now = Millis(100_000);
    let dial = |id| Effect::Dial { broker: BrokerId(id), epoch: epoch(&bench, id) };
    let expected = [dial(1), dial(3), Effect::Reply(TICKET, Reply::Done)];
    assert_eq!(bench.step(Input::Bootstrap { ticket: TICKET }), expected);
    assert_eq!(bench.controller.deadline(), Some(Millis(101_500)));

    // who is heard of has a whole session, who is not is not waited for that long
    bench.now = Millis(100_900);
    beat(&mut bench, 1, false);
    let told = register_as(&mut bench, registration(3, 2), None);
    assert!(
        matches!(&told, Reply::Failed(why) if why.code == ErrorCode::DuplicateBrokerRegistration)
    );
    bench.now = Millis(101_500);
    bench.carry_out(Input::Tick);
    bench.carry_out(Input::Tick);
    let fenced = |id| bench.controller.image().broker(BrokerId(id)).unwrap().fenced;
    assert_eq!([1, 2, 3].map(fenced), [false, true, true]);
    let told = register_as(&mut bench, registration(3, 2), None);
    assert!(matches!(told, Reply::Registered { .. }), "{told:?}");
    assert_eq!(bench.controller.deadline(), Some(Millis(103_900)));
}

#[test]
fn whoever_leaves_in_order_ends_when_others_lead_and_all_know() {
    let mut bench = fleet(&[]);
    assert_eq!(beat(&mut bench, 1, true), (true, false, false));
    assert_eq!((state(&bench).leader, ids(&state(&bench).isr)), (Some(BrokerId(2)), vec![2, 3]));
    assert_eq!(beat(&mut bench, 1, true), (true, false, false), "2 and 3 do not know yet");
    beat(&mut bench, 2, false);
    assert_eq!(beat(&mut bench, 1, true), (true, false, false), "3 does not know yet");
    beat(&mut bench, 3, false);
    assert_eq!(beat(&mut bench, 1, true), (true, true, true));

    // it is back before its session would have ended, and has everything
    let previous = epoch(&bench, 1);
    let told = register_as(&mut bench, registration(1, 2), Some(previous));
    assert!(matches!(told, Reply::Registered { .. }), "{told:?}");
}

#[test]
fn the_last_replicas_stay_eligible_unless_they_crash() {
    let mut bench = fleet(&[("min.insync.replicas", "2")]);
    for id in 1..=3 {
        refuse(&mut bench, id);
    }
    let after = state(&bench);
    assert_eq!((after.leader, ids(&after.isr)), (None, vec![]));
    assert_eq!((ids(&after.elr), ids(&after.last_known_elr)), (vec![2, 3], vec![3]));

    // 3 crashed, 2 had only been cut off
    register_as(&mut bench, registration(3, 2), None);
    assert_eq!(ids(&state(&bench).elr), [2]);
    beat(&mut bench, 3, false);
    assert_eq!(state(&bench).leader, None);
    beat(&mut bench, 2, false);
    let after = state(&bench);
    assert_eq!((after.leader, ids(&after.isr)), (Some(BrokerId(2)), vec![2]));
    assert!(after.elr.is_empty() && after.leader_recovery_state == 0);
}

#[test]
fn where_everybody_crashed_the_last_leader_is_taken_and_recovers_first() {
    let mut bench = fleet(&[]);
    for id in [1, 2, 3] {
        refuse(&mut bench, id);
    }
    for id in [1, 2, 3] {
        register_as(&mut bench, registration(id, 2), None);
        beat(&mut bench, id, false);
    }
    let after = state(&bench);
    assert_eq!((after.leader, ids(&after.isr)), (Some(BrokerId(3)), vec![3]));
    assert_eq!(after.leader_recovery_state, 1);
}

#[test]
fn settings_that_make_an_isr_large_enough_end_eligibility() {
    let mut bench = fleet(&[("min.insync.replicas", "3")]);
    refuse(&mut bench, 1);
    assert_eq!(ids(&state(&bench).elr), [1]);
    let op = ConfigOp::Set("2".to_owned());
    let changes = vec![ConfigChange { name: "min.insync.replicas".to_owned(), op }];
    let resource = crate::metadata::ConfigResource::topic("a");
    let resources = vec![AlterConfigs { resource, changes, replace: false }];
    bench.run(Input::AlterConfigs { ticket: TICKET, resources, validate_only: false });
    assert_eq!(ids(&state(&bench).elr), [0; 0]);
}

#[test]
fn a_fleet_has_one_min_in_sync() {
    let mut bench = fleet(&[("min.insync.replicas", "2")]);
    let all = crate::metadata::ConfigResource::broker("");
    let set = bench.controller.image().config(&all).unwrap()["min.insync.replicas"].clone();
    assert_eq!(set, "2");
    let change = |name: &str, op| {
        let changes = vec![ConfigChange { name: "min.insync.replicas".to_owned(), op }];
        let resource = crate::metadata::ConfigResource::broker(name);
        let resources = vec![AlterConfigs { resource, changes, replace: false }];
        Input::AlterConfigs { ticket: TICKET, resources, validate_only: false }
    };
    for (name, op, refused) in [
        ("1", ConfigOp::Set("1".to_owned()), true),
        ("", ConfigOp::Delete, true),
        ("", ConfigOp::Set("1".to_owned()), false),
    ] {
        let Reply::Results(results) = bench.run(change(name, op)) else { panic!("not the answer") };
        assert_eq!(results[0].1.is_err(), refused, "{results:?}");
    }
}

#[test]
fn an_unregistered_broker_holds_nothing_and_may_come_again() {
    let mut bench = fleet(&[]);
    let gone = || Input::UnregisterBroker { ticket: TICKET, broker: BrokerId(1) };
    assert_eq!(bench.run(gone()), Reply::Done);
    assert_eq!(ids(&state(&bench).isr), [2, 3]);
    let Reply::Failed(failure) = bench.run(gone()) else { panic!("twice") };
    assert_eq!(failure.code, ErrorCode::BrokerIdNotRegistered);
    let told = register_as(&mut bench, registration(1, 2), None);
    assert!(matches!(told, Reply::Registered { .. }), "{told:?}");
}

#[test]
fn the_broker_of_a_sole_controller_is_not_unregistered_under_its_feet() {
    let mut bench = Bench::new(1);
    let gone = Input::UnregisterBroker { ticket: TICKET, broker: BrokerId(1) };
    let Reply::Failed(failure) = bench.run(gone) else { panic!("taken") };
    assert_eq!(failure.code, ErrorCode::InvalidRequest);
}

#[test]
fn preferred_replicas_get_the_lead_back_by_themselves() {
    let mut bench = fleet(&[("leader.imbalance.check.interval.seconds", "10")]);
    refuse(&mut bench, 1);
    let previous = Some(epoch(&bench, 1));
    register_as(&mut bench, registration(1, 2), previous);
    beat(&mut bench, 1, false);
    let proposal = IsrProposal {
        partition: 0,
        leader_epoch: 1,
        partition_epoch: state(&bench).partition_epoch,
        isr: [2, 3, 1].map(|id| (BrokerId(id), Some(epoch(&bench, id)))).to_vec(),
        leader_recovery_state: 0,
    };
    let (ticket, broker, by) = (TICKET, BrokerId(2), epoch(&bench, 2));
    let topics = vec![(topic("a", 1, 1).id, vec![proposal])];
    bench.run(Input::AlterPartition { ticket, broker, epoch: by, topics });
    assert_eq!(ids(&state(&bench).isr), [2, 3, 1]);
    for at in (0..=10_000).step_by(500) {
        bench.now = Millis(at);
        for id in 1..=3 {
            beat(&mut bench, id, false);
        }
        bench.carry_out(Input::Tick);
        let due = Some(Millis(at)) >= bench.controller.deadline();
        assert!(at < 9000 || !due || state(&bench).leader == Some(BrokerId(1)));
    }
    assert_eq!(state(&bench).leader, Some(BrokerId(1)));
    let session = bench.now.after(Duration::from_secs(3));
    assert_eq!(bench.controller.deadline(), Some(session), "nothing is out of place any more");
}

#[test]
fn features_go_up_and_not_down_unasked() {
    let mut bench = fleet(&[("min.insync.replicas", "3")]);
    let mut update = |level, kind| {
        let name = ELIGIBLE_LEADER_REPLICAS.to_owned();
        let updates = vec![FeatureUpdate { name, level, kind }];
        let input = Input::UpdateFeatures { ticket: TICKET, updates, validate_only: false };
        let Reply::Results(results) = bench.run(input) else { panic!("not the answer") };
        code(&results[0].1)
    };
    assert_eq!(update(0, Upgrade), Some(95));
    assert_eq!(update(2, Upgrade), Some(95));
    assert_eq!(update(0, SafeDowngrade), None);
    assert_eq!(update(1, SafeDowngrade), Some(95));
    assert_eq!(update(1, Upgrade), None);
    refuse(&mut bench, 1);
    let name = ELIGIBLE_LEADER_REPLICAS.to_owned();
    let updates = vec![FeatureUpdate { name, level: 0, kind: SafeDowngrade }];
    let input = Input::UpdateFeatures { ticket: TICKET, updates, validate_only: false };
    let Reply::Results(results) = bench.run(input) else { panic!("not the answer") };
    assert_eq!(code(&results[0].1), Some(95), "1 is eligible and not in the ISR");
}
