//! `LeaveGroup`: one by one, in batches, by instance.

use super::*;

#[test]
fn a_member_that_leaves_frees_its_share_at_once() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let generation = bench.form(&mut people);
    assert_eq!(bench.leave(&people[0]), Ok(()));
    assert_eq!(bench.heartbeat(&people[1], generation), Err(ErrorCode::RebalanceInProgress));
    let ticket = bench.join(&people[1]);
    let joined = bench.joined(ticket).unwrap();
    assert_eq!((joined.generation, &joined.leader), (generation + 1, &people[1].id));
    assert_eq!(bench.leave(&people[0]), Err(ErrorCode::UnknownMemberId));
}

#[test]
fn the_last_one_to_leave_empties_the_group() {
    let mut bench = Bench::new();
    let mut people = [reader()];
    let generation = bench.form(&mut people);
    assert_eq!(bench.leave(&people[0]), Ok(()));
    assert_eq!(bench.state(), State::Empty);
    bench.fail_over();
    assert_eq!(bench.state(), State::Empty);
    let ticket = bench.join(&reader());
    bench.until(ticket);
    assert_eq!(bench.joined(ticket).unwrap().generation, generation + 2);
}

#[test]
fn a_member_may_leave_while_it_is_parked() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    bench.form(&mut people);
    let parked = bench.join(&people[0]);
    assert_eq!(bench.leave(&people[0]), Ok(()));
    assert_eq!(bench.joined(parked).unwrap().error, Some(ErrorCode::UnknownMemberId));
    let ticket = bench.join(&people[1]);
    assert_eq!(bench.joined(ticket).unwrap().members.len(), 1);
}

#[test]
fn an_id_that_was_only_given_out_can_be_given_back() {
    let mut bench = Bench::new();
    let mut people = [reader()];
    let generation = bench.form(&mut people);
    let pending = bench.join(&Person { knows_flow: true, ..reader() });
    let id = bench.joined(pending).unwrap().member;
    let ticket = bench.join(&people[0]);
    assert_eq!(bench.joined(ticket), None, "the barrier waits for the bearer of the id");
    assert_eq!(bench.leave(&Person { id, ..reader() }), Ok(()));
    assert_eq!(bench.joined(ticket).unwrap().generation, generation + 1);
}

#[test]
fn giving_an_id_back_does_not_disturb_a_stable_group() {
    let mut bench = Bench::new();
    bench.form(&mut [reader()]);
    let pending = bench.join(&Person { knows_flow: true, ..reader() });
    let id = bench.joined(pending).unwrap().member;
    assert_eq!(bench.leave(&Person { id, ..reader() }), Ok(()));
    assert_eq!(bench.state(), State::Stable);
}

#[test]
fn a_batch_tells_each_its_fate_and_rebalances_once() {
    let mut bench = Bench::new();
    let mut people = [static_reader("a"), static_reader("b"), reader()];
    bench.form(&mut people);
    let ticket = bench.ticket();
    let members = vec![
        (MemberId::default(), Some("a".into())),
        (people[0].id.clone(), Some("b".into())),
        (MemberId::default(), Some("nobody".into())),
        ("who".into(), None),
        (people[2].id.clone(), None),
    ];
    bench.step(Input::Leave(Leave { ticket, group: g(), members }));
    let unknown = Err(ErrorCode::UnknownMemberId);
    let fates = vec![Ok(()), Err(ErrorCode::FencedInstanceId), unknown, unknown, Ok(())];
    assert_eq!(bench.answers[&ticket], Reply::Leave(Ok(fates)));
    let ticket = bench.join(&people[1]);
    assert_eq!(bench.joined(ticket).unwrap().generation, 2);
}

#[test]
fn leaving_a_group_that_is_not_there_makes_none() {
    let mut bench = Bench::new();
    let who = Person { id: "who".into(), ..reader() };
    assert_eq!(bench.leave(&who), Err(ErrorCode::UnknownMemberId));
    assert!(bench.coordinator.is_empty());
}
