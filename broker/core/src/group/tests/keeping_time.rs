//! Sessions and rebalance timeouts: who is silent for too long is out.

use super::*;

#[test]
fn a_silent_member_is_out_after_its_session() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let generation = bench.form(&mut people);
    bench.pass(9_000);
    assert_eq!(bench.heartbeat(&people[0], generation), Ok(()));
    bench.pass(999);
    assert_eq!(bench.state(), State::Stable);
    bench.pass(1);
    assert_eq!(bench.state(), State::PreparingRebalance);
    let ticket = bench.join(&people[0]);
    let joined = bench.joined(ticket).unwrap();
    assert_eq!((joined.generation, joined.members.len()), (generation + 1, 1));
    assert_eq!(bench.heartbeat(&people[1], generation), Err(ErrorCode::UnknownMemberId));
}

#[test]
fn a_member_that_does_not_rejoin_in_time_is_out() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let generation = bench.form(&mut people);
    let ticket = bench.join(&people[0]);
    for _ in 0..59 {
        bench.pass(1_000);
        assert_eq!(
            bench.heartbeat(&people[1], generation),
            Err(ErrorCode::RebalanceInProgress),
            "a slow member stays as long as it shows that it lives"
        );
    }
    assert_eq!(bench.joined(ticket), None);
    bench.pass(1_000);
    assert_eq!(bench.joined(ticket).unwrap().members.len(), 1);
    assert_eq!(bench.heartbeat(&people[1], generation), Err(ErrorCode::UnknownMemberId));
}

#[test]
fn a_parked_member_needs_no_heartbeats() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let generation = bench.form(&mut people);
    let ticket = bench.join(&people[0]);
    for _ in 0..5 {
        bench.pass(9_000);
        assert!(bench.heartbeat(&people[1], generation).is_err());
    }
    bench.join(&people[1]);
    assert_eq!(bench.joined(ticket).unwrap().members.len(), 2);
}

#[test]
fn a_newcomer_that_is_parked_for_ever_is_taken_for_dead() {
    let mut bench = Bench::new();
    let mut people = [Person { rebalance_ms: 1_000_000, ..reader() }];
    let generation = bench.form(&mut people);
    let ticket = bench.join(&reader());
    for _ in 0..60 {
        bench.pass(5_000);
        assert!(bench.heartbeat(&people[0], generation).is_err());
    }
    assert_eq!(bench.joined(ticket).unwrap().error, Some(ErrorCode::UnknownMemberId));
}

#[test]
fn a_group_whose_members_all_fall_silent_is_empty() {
    let mut bench = Bench::new();
    let generation = bench.form(&mut [reader(), reader()]);
    // the first silence raises the barrier, the second ends the wait
    bench.pass(10_000);
    assert_eq!(bench.state(), State::Empty);
    let Some(Record::Group { value: Some(last), .. }) = bench.log.last() else {
        panic!("an empty group is a fact for the log");
    };
    assert_eq!((last.generation, last.members.len()), (generation + 1, 0));
    assert_eq!(last.since, bench.now.wall);
}

#[test]
fn a_heartbeat_tells_strangers_and_stragglers_apart() {
    let mut bench = Bench::new();
    let mut people = [reader()];
    let generation = bench.form(&mut people);
    assert_eq!(bench.heartbeat(&people[0], generation), Ok(()));
    assert_eq!(bench.heartbeat(&people[0], generation - 1), Err(ErrorCode::IllegalGeneration));
    let stranger = Person { id: "who".into(), ..reader() };
    assert_eq!(bench.heartbeat(&stranger, generation), Err(ErrorCode::UnknownMemberId));
    let ticket = bench.ticket();
    let heartbeat =
        Heartbeat { ticket, group: "".into(), generation, member: "x".into(), instance: None };
    bench.step(Input::Heartbeat(heartbeat));
    assert_eq!(bench.answers[&ticket], Reply::Heartbeat(Err(ErrorCode::InvalidGroupId)));
}

#[test]
fn a_new_coordinator_gives_every_member_a_whole_session() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let generation = bench.form(&mut people);
    bench.pass(9_000);
    bench.fail_over();
    assert_eq!(bench.state(), State::Stable);
    bench.pass(9_999);
    assert_eq!(bench.heartbeat(&people[0], generation), Ok(()));
    bench.pass(1);
    assert_eq!(bench.state(), State::PreparingRebalance);
}
