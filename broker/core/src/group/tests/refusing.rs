//! The log does not take a record: callers learn it, hard state does not, and the group goes on.

use super::offsets::{commit, fetch, simple};
use super::*;

#[test]
fn a_generation_that_cannot_be_written_starts_over() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let tickets = people.each_ref().map(|who| bench.join(who));
    bench.until(tickets[0]);
    for (who, ticket) in people.iter_mut().zip(tickets) {
        who.id = bench.joined(ticket).unwrap().member;
    }
    bench.refuses = Some(ErrorCode::NotCoordinator);
    let follower = bench.sync(&people[1], 1, Vec::new());
    let leader = bench.sync(&people[0], 1, Vec::new());
    for ticket in [leader, follower] {
        assert_eq!(bench.synced(ticket), Some(Err(ErrorCode::NotCoordinator)));
    }
    assert_eq!(bench.state(), State::PreparingRebalance);
    bench.refuses = None;
    bench.form(&mut people);
    assert_eq!(bench.state(), State::Stable);
}

#[test]
fn a_commit_that_cannot_be_written_disturbs_nobody() {
    let mut bench = Bench::new();
    let mut people = [reader()];
    let generation = bench.form(&mut people);
    bench.refuses = Some(ErrorCode::InvalidCommitOffsetSize);
    let answer = commit(&mut bench, |it| {
        (it.generation, it.member) = (generation, people[0].id.clone());
    });
    assert_eq!(answer, Err(ErrorCode::InvalidCommitOffsetSize));
    assert_eq!(bench.state(), State::Stable);
    assert!(fetch(&mut bench, None).is_empty());
}

#[test]
fn a_group_that_could_not_be_emptied_is_emptied_later() {
    let mut bench = Bench::new();
    let mut people = [reader()];
    bench.form(&mut people);
    bench.refuses = Some(ErrorCode::NotEnoughReplicas);
    let ticket = bench.ticket();
    let members = vec![(people[0].id.clone(), None)];
    bench.step(Input::Leave(Leave { ticket, group: g(), members }));
    assert_eq!(bench.answers[&ticket], Reply::Leave(Err(ErrorCode::NotEnoughReplicas)));
    bench.refuses = None;
    bench.pass(10_000);
    assert_eq!(bench.state(), State::Empty);
    bench.fail_over();
    assert_eq!(bench.state(), State::Empty);
}

#[test]
fn every_asking_input_can_be_refused_in_its_own_words() {
    let mut bench = Bench::new();
    let (ticket, join) = bench.join_input(&Person { id: "m".into(), ..reader() });
    let error = ErrorCode::CoordinatorLoadInProgress;
    let (to, reply) = Input::Join(Box::new(join)).refusal(error).unwrap();
    assert_eq!(to, ticket);
    assert_eq!(reply, Reply::Join(Box::new(Joined::refused("m".into(), error))));
    let commit = simple(&mut bench);
    let (_, reply) = Input::CommitOffsets(Box::new(commit)).refusal(error).unwrap();
    assert_eq!(reply, Reply::CommitOffsets(Err(error)));
    assert_eq!(Input::Tick.refusal(error), None);
}
