//! Static members (KIP-345): a restart is not a rebalance.

use super::*;

#[test]
fn a_static_member_comes_back_to_its_assignment_without_a_rebalance() {
    let mut bench = Bench::new();
    let mut people = [static_reader("a"), static_reader("b")];
    let generation = bench.form(&mut people);
    let restarted = Person { id: MemberId::default(), ..people[1].clone() };
    let ticket = bench.join(&restarted);
    let joined = bench.joined(ticket).unwrap();
    assert_eq!((joined.error, joined.generation), (None, generation));
    assert!(joined.member.as_str().starts_with("b-"));
    assert_ne!(joined.member, people[1].id);
    assert_eq!((joined.members.len(), bench.state()), (0, State::Stable));

    let now = Person { id: joined.member, ..restarted };
    let ticket = bench.sync(&now, generation, Vec::new());
    assert_eq!(bench.synced(ticket).unwrap().unwrap().assignment, Bytes::from_static(b"share"));
    assert_eq!(bench.heartbeat(&now, generation), Ok(()));
    assert_eq!(bench.heartbeat(&people[1], generation), Err(ErrorCode::FencedInstanceId));
    bench.fail_over();
    assert_eq!(bench.heartbeat(&now, generation), Ok(()), "the new id is in the log");
}

#[test]
fn a_leader_that_comes_back_leads_only_if_it_knows_how_to_leave_the_assignment_alone() {
    for skips in [false, true] {
        let mut bench = Bench::new();
        let mut people = [static_reader("a"), static_reader("b")];
        bench.form(&mut people);
        let ticket = bench.join(&Person { id: MemberId::default(), skips, ..people[0].clone() });
        let joined = bench.joined(ticket).unwrap();
        assert_eq!(joined.skip_assignment, skips);
        let expected = if skips { &joined.member } else { &people[0].id };
        assert_eq!(&joined.leader, expected);
        assert_eq!(joined.members.len(), if skips { 2 } else { 0 });
    }
}

#[test]
fn two_bearers_of_one_name_fence_each_other() {
    let mut bench = Bench::new();
    let mut people = [static_reader("a"), reader()];
    bench.form(&mut people);
    let first = bench.join(&people[0]);
    assert_eq!(bench.state(), State::PreparingRebalance);
    let second = bench.join(&static_reader("a"));
    assert_eq!(bench.joined(first).unwrap().error, Some(ErrorCode::FencedInstanceId));
    bench.join(&people[1]);
    let joined = bench.joined(second).unwrap();
    assert_eq!((joined.error, joined.members.len()), (None, 2));
    let late = bench.join(&people[0]);
    assert_eq!(bench.joined(late).unwrap().error, Some(ErrorCode::FencedInstanceId));
}

#[test]
fn a_static_member_that_comes_back_while_the_work_is_shared_out_starts_it_over() {
    let mut bench = Bench::new();
    let people = [static_reader("a"), static_reader("b")];
    let tickets = people.each_ref().map(|who| bench.join(who));
    bench.until(tickets[0]);
    let b = bench.joined(tickets[1]).unwrap();
    let parked = bench.sync(&Person { id: b.member, ..people[1].clone() }, 1, Vec::new());
    bench.join(&people[1]);
    assert_eq!(bench.synced(parked), Some(Err(ErrorCode::FencedInstanceId)));
    assert_eq!(bench.state(), State::PreparingRebalance);
}

#[test]
fn a_static_member_that_is_away_keeps_its_place_until_its_session_ends() {
    let mut bench = Bench::new();
    let mut people = [Person { session_ms: 300_000, ..static_reader("a") }, reader()];
    let generation = bench.form(&mut people);
    people[1].protocols[0].metadata = Bytes::from_static(b"news");
    let ticket = bench.join(&people[1]);
    bench.pass(60_000);
    let joined = bench.joined(ticket).unwrap();
    assert_eq!((joined.generation, joined.members.len()), (generation + 1, 2));
    assert_eq!(joined.leader, people[1].id, "the leader is one who is here");
}

#[test]
fn a_barrier_with_nobody_but_absent_static_members_waits_for_their_sessions() {
    let mut bench = Bench::new();
    let mut people =
        [static_reader("a"), static_reader("b")].map(|it| Person { session_ms: 200_000, ..it });
    bench.form(&mut people);
    let leaver = people[0].clone();
    assert_eq!(bench.leave(&leaver), Ok(()));
    bench.pass(150_000);
    assert_eq!(bench.state(), State::PreparingRebalance);
    bench.pass(50_000);
    assert_eq!(bench.state(), State::Empty);
}

#[test]
fn a_changed_choice_of_protocol_does_rebalance() {
    let mut bench = Bench::new();
    let both = [("sticky", "s"), ("range", "r")];
    let mut people = [person(&both), person(&both)];
    people[1].instance = Some("b".into());
    bench.form(&mut people);
    let restarted = Person { instance: Some("b".into()), ..person(&[("range", "r")]) };
    let ticket = bench.join(&restarted);
    assert_eq!(bench.joined(ticket), None);
    assert_eq!(bench.state(), State::PreparingRebalance);
}
