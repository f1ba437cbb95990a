//! `SyncGroup`: the leader's word becomes everybody's assignment.

use super::*;

/// Two members that have been told of a generation and owe a sync; the first one leads.
fn told() -> (Bench, [Person; 2], i32) {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let tickets = people.each_ref().map(|who| bench.join(who));
    bench.until(tickets[0]);
    for (who, ticket) in people.iter_mut().zip(tickets) {
        who.id = bench.joined(ticket).unwrap().member;
    }
    (bench, people, 1)
}

fn shares(people: &[Person]) -> Vec<(MemberId, Bytes)> {
    people.iter().map(|who| (who.id.clone(), Bytes::from(who.id.to_string()))).collect()
}

#[test]
fn everybody_gets_what_the_leader_wrote_for_it() {
    let (mut bench, people, generation) = told();
    let follower = bench.sync(&people[1], generation, Vec::new());
    assert_eq!(bench.synced(follower), None);
    let leader = bench.sync(&people[0], generation, shares(&people));
    for (who, ticket) in people.iter().zip([leader, follower]) {
        let synced = bench.synced(ticket).unwrap().unwrap();
        assert_eq!(synced.assignment, who.id.as_str());
        assert_eq!(synced.protocol_type.as_deref(), Some("consumer"));
        assert_eq!(synced.protocol.as_deref(), Some("range"));
    }
    assert_eq!(bench.log.len(), 1, "a generation is one record");
    let late = bench.sync(&people[1], generation, Vec::new());
    assert_eq!(bench.synced(late).unwrap().unwrap().assignment, people[1].id.as_str());
}

#[test]
fn who_is_not_mentioned_gets_an_empty_assignment() {
    let (mut bench, people, generation) = told();
    let follower = bench.sync(&people[1], generation, Vec::new());
    bench.sync(&people[0], generation, shares(&people[..1]));
    assert_eq!(bench.synced(follower).unwrap().unwrap().assignment, Bytes::new());
}

#[test]
fn a_newcomer_sends_parked_followers_back_to_the_barrier() {
    let (mut bench, people, generation) = told();
    let follower = bench.sync(&people[1], generation, Vec::new());
    bench.join(&reader());
    assert_eq!(bench.synced(follower), Some(Err(ErrorCode::RebalanceInProgress)));
    let leader = bench.sync(&people[0], generation, shares(&people));
    assert_eq!(bench.synced(leader), Some(Err(ErrorCode::RebalanceInProgress)));
    assert!(bench.log.is_empty());
}

#[test]
fn a_leader_that_never_shares_out_is_out_and_the_others_start_over() {
    let (mut bench, people, generation) = told();
    let follower = bench.sync(&people[1], generation, Vec::new());
    for _ in 0..12 {
        bench.pass(5_000);
        let beat = bench.heartbeat(&people[0], generation);
        assert_eq!(beat.is_ok(), bench.synced(follower).is_none());
    }
    assert_eq!(bench.synced(follower), Some(Err(ErrorCode::RebalanceInProgress)));
    let ticket = bench.join(&people[1]);
    let joined = bench.joined(ticket).unwrap();
    assert_eq!((joined.generation, &joined.leader), (generation + 1, &people[1].id));
    assert_eq!(bench.heartbeat(&people[0], generation), Err(ErrorCode::UnknownMemberId));
}

#[test]
fn a_follower_that_never_asks_is_out() {
    let (mut bench, people, generation) = told();
    bench.sync(&people[0], generation, shares(&people));
    assert_eq!(bench.state(), State::Stable);
    for _ in 0..11 {
        bench.pass(5_000);
        assert_eq!(bench.heartbeat(&people[1], generation), Ok(()));
        assert_eq!(bench.heartbeat(&people[0], generation), Ok(()));
    }
    bench.pass(5_000);
    assert_eq!(bench.heartbeat(&people[1], generation), Err(ErrorCode::UnknownMemberId));
    assert_eq!(bench.state(), State::PreparingRebalance);
}

#[test]
fn a_sync_for_something_else_is_refused() {
    let (mut bench, people, generation) = told();
    let refused = |bench: &mut Bench, change: &dyn Fn(&mut Sync)| {
        let ticket = bench.ticket();
        let mut sync = Sync {
            ticket,
            group: g(),
            generation,
            member: people[1].id.clone(),
            instance: None,
            protocol_type: Some("consumer".to_owned()),
            protocol: Some("range".to_owned()),
            assignments: Vec::new(),
        };
        change(&mut sync);
        bench.step(Input::Sync(Box::new(sync)));
        bench.synced(ticket).and_then(Result::err)
    };
    assert_eq!(refused(&mut bench, &|it| it.generation = 7), Some(ErrorCode::IllegalGeneration));
    assert_eq!(
        refused(&mut bench, &|it| it.member = "who".into()),
        Some(ErrorCode::UnknownMemberId)
    );
    let inconsistent = Some(ErrorCode::InconsistentGroupProtocol);
    assert_eq!(refused(&mut bench, &|it| it.protocol = Some("x".to_owned())), inconsistent);
    assert_eq!(refused(&mut bench, &|it| it.protocol_type = Some("x".to_owned())), inconsistent);
    assert_eq!(
        refused(&mut bench, &|it| it.group = GroupId::default()),
        Some(ErrorCode::InvalidGroupId)
    );
    assert_eq!(
        refused(&mut bench, &|it| it.group = "unknown".into()),
        Some(ErrorCode::UnknownMemberId)
    );
    assert_eq!(refused(&mut bench, &|_| ()), None, "parked, not refused");
    assert_eq!(bench.coordinator.len(), 1, "asking for a group does not make one");
}

#[test]
fn the_older_of_two_syncs_of_one_member_is_told_to_come_again() {
    let (mut bench, people, generation) = told();
    let older = bench.sync(&people[1], generation, Vec::new());
    let newer = bench.sync(&people[1], generation, Vec::new());
    assert_eq!(bench.synced(older), Some(Err(ErrorCode::RebalanceInProgress)));
    assert_eq!(bench.synced(newer), None);
}
