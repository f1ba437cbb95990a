//! Votes, candidacies, and who is disturbed by them.

use kastellan_protocol::ErrorCode;

use super::*;

fn granted(response: Option<Response>) -> bool {
    let Some(Response::Vote { standing, granted }) = response else { panic!("{response:?}") };
    assert_eq!(standing.error, None);
    granted
}

#[test]
fn a_voter_alone_leads_at_once_and_commits_what_is_synced() {
    let mut bench = Bench::new(&[1]);
    assert_eq!((bench.quorum.leads(), bench.now), (Some(1), 0));
    let stored = Stored { epoch: 1, leader: Some(BrokerId(1)), voted: Some(key(1)) };
    assert_eq!(bench.effects[0], Effect::Persist(Stored { leader: None, ..stored }));
    assert_eq!(bench.effects[1], Effect::Persist(stored));
    assert!(matches!(bench.effects[2], Effect::Append(_)));
    assert_eq!((bench.quorum.high_watermark(), bench.quorum.settled()), (0, None));
    bench.step(Event::Synced { upto: 1 });
    assert_eq!((bench.quorum.high_watermark(), bench.quorum.settled()), (1, Some(1)));
    assert_eq!(bench.quorum.deadline(), None, "nothing to wait for");
}

#[test]
fn a_restarted_leader_does_not_lead_its_epoch_again() {
    let stored = Stored { epoch: 7, leader: Some(BrokerId(1)), voted: Some(key(1)) };
    let bench = Bench::with(setup(1, &[1]), Some(stored), LogView::default());
    assert_eq!(bench.quorum.leads(), Some(8));
    let mut bench = Bench::with(setup(1, &[1, 2, 3]), Some(stored), LogView::default());
    assert_eq!((bench.role(), bench.quorum.epoch()), (RoleKind::Unattached, 7));
    assert!(!granted(bench.ask(vote(2, 7, (0, 0), false))), "it voted for itself");
}

#[test]
fn votes_are_written_down_before_they_are_given_and_given_once() {
    let mut bench = Bench::new(&[1, 2, 3]);
    bench.effects.clear();
    assert!(granted(bench.ask(vote(2, 4, (0, 0), false))));
    let at = |wanted: fn(&Effect) -> bool| bench.effects.iter().rposition(wanted).unwrap();
    let written = at(|effect| matches!(effect, Effect::Persist(Stored { voted: Some(_), .. })));
    assert!(written < at(|effect| matches!(effect, Effect::Reply { .. })));
    assert!(granted(bench.ask(vote(2, 4, (0, 0), false))), "the same again");
    assert!(!granted(bench.ask(vote(3, 4, (9, 9), false))));
    assert!(granted(bench.ask(vote(3, 5, (9, 9), false))), "a new epoch");
    let old = bench.ask(vote(2, 4, (9, 9), false));
    let Some(Response::Vote { standing, granted: false }) = old else { panic!("{old:?}") };
    assert_eq!((standing.error, standing.epoch), (Some(ErrorCode::FencedLeaderEpoch), 5));
}

#[test]
fn nobody_is_elected_without_the_records_that_a_voter_has() {
    let log = LogView { end: 10, synced: 10, epochs: vec![(2, 0)], ..LogView::default() };
    let stored = Stored { epoch: 2, leader: None, voted: None };
    for (last, enough) in [((2, 9), false), ((1, 99), false), ((2, 10), true), ((3, 1), true)] {
        let mut bench = Bench::with(setup(1, &[1, 2, 3]), Some(stored), log.clone());
        assert_eq!(granted(bench.ask(vote(2, 3, last, true))), enough, "{last:?}");
        assert_eq!(granted(bench.ask(vote(2, 3, last, false))), enough, "{last:?}");
    }
}

#[test]
fn a_question_before_a_candidacy_changes_nothing() {
    let mut bench = Bench::new(&[1, 2, 3]);
    assert!(granted(bench.ask(vote(2, 0, (0, 0), true))));
    assert!(granted(bench.ask(vote(3, 0, (0, 0), true))), "to whoever asks");
    assert_eq!(bench.quorum.stored(), Stored::default());
}

#[test]
fn whoever_hears_its_leader_encourages_nobody() {
    let mut bench = Bench::following();
    assert!(granted(bench.ask(vote(3, 3, (9, 9), true))), "it has not heard it yet");
    bench.pass(0);
    let fetch = bench.sent().pop();
    let correlation = fetch.map_or(0, |(_, correlation, _)| correlation);
    let answer = following::records(3, &[]);
    bench.step(Event::Response { correlation, response: answer });
    assert!(!granted(bench.ask(vote(3, 3, (9, 9), true))));
    bench.pass(2_000);
    assert_eq!(bench.role(), RoleKind::Prospective);
    assert!(granted(bench.ask(vote(3, 3, (9, 9), true))));
    assert!(!granted(Bench::leading().ask(vote(3, 1, (9, 9), true))), "nor does a leader");
}

#[test]
fn a_candidate_asks_before_it_raises_the_epoch() {
    let mut bench = Bench::new(&[1, 2, 3]);
    bench.sent();
    bench.pass(2_000);
    let asked = bench.sent();
    let epochs = asked.iter().map(|(_, _, request)| match request {
        Request::Vote(vote) => (vote.pre_vote, vote.epoch),
        other => panic!("{other:?}"),
    });
    assert_eq!(epochs.collect::<Vec<_>>(), [(true, 0), (true, 0)]);
    assert_eq!(bench.quorum.epoch(), 0);
    let response = Response::Vote { standing: standing(0, None), granted: true };
    bench.step(Event::Response { correlation: asked[0].1, response });
    assert_eq!((bench.role(), bench.quorum.epoch()), (RoleKind::Candidate, 1));
    bench.pass(2_000);
    assert_eq!((bench.role(), bench.quorum.epoch()), (RoleKind::Prospective, 1), "it asks again");
}

#[test]
fn a_voter_whose_leader_is_gone_does_not_wait_until_it_misses_it() {
    // node 1 follows 2: its turn is at once; in the place of 3 it comes after 1
    let mut bench = Bench::heard_its_leader(1);
    let correlation = bench.fetching();
    bench.step(Event::Unreachable { correlation: correlation + 7, gone: true });
    assert_eq!(bench.role(), RoleKind::Follower, "that is not waited for");
    bench.step(Event::Unreachable { correlation, gone: true });
    assert_eq!(bench.role(), RoleKind::Prospective);

    let mut bench = Bench::heard_its_leader(3);
    let correlation = bench.fetching();
    bench.step(Event::Unreachable { correlation, gone: true });
    assert_eq!(bench.role(), RoleKind::Follower);
    assert!(granted(bench.ask(vote_of(3, 1, 3, (9, 9), true))), "it encourages others");
    bench.pass(100);
    assert_eq!(bench.role(), RoleKind::Prospective);
}

#[test]
fn a_leader_that_says_it_leads_no_longer_is_gone() {
    let mut bench = Bench::heard_its_leader(1);
    let correlation = bench.fetching();
    let mut answer = following::records(3, &[]);
    let Response::Fetch(fetch) = &mut answer else { panic!("{answer:?}") };
    fetch.standing = Standing { error: Some(ErrorCode::NotLeaderOrFollower), ..standing(3, None) };
    bench.step(Event::Response { correlation, response: answer });
    assert_eq!(bench.role(), RoleKind::Prospective);
}

#[test]
fn followers_of_one_leader_miss_it_one_after_the_other() {
    for (me, miss_at) in [(1, 2_000), (3, 2_100)] {
        let mut bench = Bench::heard_its_leader(me);
        bench.pass(miss_at - 1);
        assert_eq!(bench.role(), RoleKind::Follower, "{me}");
        bench.pass(1);
        assert_eq!(bench.role(), RoleKind::Prospective, "{me}");
    }
}

#[test]
fn a_voter_with_another_directory_is_another_voter() {
    let mut bench = Bench::new(&[1, 2, 3]);
    let mut other = vote(2, 4, (0, 0), false);
    if let Request::Vote(vote) = &mut other {
        vote.voter.directory = Uuid::from_u128(99);
    }
    let Some(Response::Vote { standing, granted: false }) = bench.ask(other) else {
        panic!("it was not refused")
    };
    assert_eq!(standing.error, Some(ErrorCode::InvalidVoterKey));
}

#[test]
fn the_best_successor_of_a_leader_that_ends_stands_at_once() {
    for (place, now) in [(0, true), (1, false)] {
        let mut bench = Bench::following();
        let mut successors = vec![key(3)];
        successors.insert(place, key(1));
        let leader = BrokerId(2);
        bench.ask(Request::EndQuorumEpoch(EndQuorumEpochRequest { leader, epoch: 3, successors }));
        assert_eq!(bench.role() == RoleKind::Prospective, now, "{place}");
        bench.pass(200);
        assert_eq!(bench.role(), RoleKind::Prospective);
    }
}

#[test]
fn whoever_was_removed_stands_only_while_that_may_come_to_nothing() {
    let voters = |ids: &[i32]| Voters::new(ids.iter().map(|id| voter(*id)));
    let log = LogView {
        end: 5,
        synced: 5,
        epochs: vec![(1, 0)],
        voters: vec![(1, voters(&[1, 2])), (4, voters(&[2]))],
        ..LogView::default()
    };
    let stored = Stored { epoch: 1, leader: None, voted: None };
    let mut bench = Bench::with(setup(1, &[1, 2]), Some(stored), log);
    bench.pass(2_000);
    assert_eq!((bench.role(), bench.quorum.is_voter()), (RoleKind::Prospective, false));
    bench.grant_all();
    bench.grant_all();
    assert_eq!(bench.quorum.leads(), Some(2), "the other's vote is the majority");
    bench.step(Event::Synced { upto: 6 });
    assert_eq!(bench.quorum.high_watermark(), 0, "its own log does not count");
    bench.ask(fetch(2, 2, 6, 2));
    assert_eq!(bench.quorum.high_watermark(), 6);
    assert_eq!(bench.role(), RoleKind::Unattached, "its removal is committed");
    bench.pass(60_000);
    assert_eq!(bench.role(), RoleKind::Unattached);
}
