//! What a leader counts, serves, and gives up for.

use kastellan_protocol::ErrorCode;

use super::*;

fn error(response: Option<Response>) -> Option<ErrorCode> {
    match response {
        Some(Response::Fetch(response)) => response.standing.error,
        Some(Response::AddRaftVoter(standing) | Response::RemoveRaftVoter(standing)) => {
            standing.error
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_majority_has_synced_is_committed() {
    let mut bench = Bench::leading();
    assert_eq!(bench.quorum.high_watermark(), 0);
    bench.step(Event::Appended { end: 3 });
    bench.ask(fetch(2, 1, 3, 1));
    assert_eq!(bench.quorum.high_watermark(), 1, "its own records are not synced");
    bench.step(Event::Synced { upto: 2 });
    assert_eq!(bench.quorum.high_watermark(), 2);
    bench.ask(fetch(3, 1, 3, 1));
    assert_eq!(bench.quorum.high_watermark(), 3, "the two others are a majority");
    bench.ask(fetch(3, 1, 1, 1));
    assert_eq!(bench.quorum.high_watermark(), 3, "an older word is no news");
}

#[test]
fn a_record_of_an_older_epoch_is_committed_only_by_one_of_its_own() {
    let log = LogView { end: 5, synced: 5, epochs: vec![(1, 0)], ..LogView::default() };
    let stored = Stored { epoch: 1, leader: None, voted: None };
    let mut bench = Bench::with(setup(1, &[1, 2, 3]), Some(stored), log);
    bench.pass(2_000);
    bench.grant_all();
    bench.grant_all();
    bench.step(Event::Synced { upto: 6 });
    bench.ask(fetch(2, 2, 5, 1));
    assert_eq!((bench.quorum.high_watermark(), bench.quorum.settled()), (0, None));
    bench.ask(fetch(2, 2, 6, 2));
    assert_eq!((bench.quorum.high_watermark(), bench.quorum.settled()), (6, Some(2)));
}

#[test]
fn fetches_of_other_epochs_and_histories_are_told_so() {
    let mut bench = Bench::leading();
    bench.step(Event::Appended { end: 3 });
    assert_eq!(error(bench.ask(fetch(2, 0, 0, 0))), Some(ErrorCode::FencedLeaderEpoch));
    assert_eq!(error(bench.ask(fetch(2, 2, 0, 0))), Some(ErrorCode::UnknownLeaderEpoch));
    assert_eq!(error(bench.ask(fetch(2, 1, -1, 0))), Some(ErrorCode::InvalidRequest));
    for (offset, last_epoch, diverging) in [(9, 1, (1, 3)), (2, 0, (0, 0))] {
        let Some(Response::Fetch(response)) = bench.ask(fetch(2, 1, offset, last_epoch)) else {
            panic!("no answer")
        };
        assert_eq!(response.diverging, Some(diverging));
    }
    bench.step(Event::Synced { upto: 3 });
    assert_eq!(bench.quorum.high_watermark(), 0, "none of that proves anything");
    let mut follower = Bench::following();
    assert_eq!(error(follower.ask(fetch(3, 3, 0, 0))), Some(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn a_fetch_waits_for_records_or_for_news_of_what_is_committed() {
    let mut bench = Bench::leading();
    assert_eq!(bench.ask(fetch(2, 1, 1, 1)), None, "it waits");
    bench.effects.clear();
    bench.step(Event::Appended { end: 2 });
    let records = |effect: &Effect| matches!(effect, Effect::ReplyRecords { from: 1, .. });
    assert!(bench.effects.iter().any(records));
    bench.step(Event::Synced { upto: 2 });
    let mut knows_less = fetch(3, 1, 2, 1);
    if let Request::Fetch(fetch) = &mut knows_less {
        fetch.high_watermark = 1;
    }
    let answer = bench.ask(knows_less.clone());
    let Some(Response::Fetch(response)) = answer else { panic!("{answer:?}") };
    assert_eq!(response.high_watermark, 2);
    bench.effects.clear();
    assert_eq!(bench.ask(fetch(3, 1, 2, 1)), None);
    bench.pass(500);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Reply { .. })));
}

#[test]
fn a_leader_that_no_majority_asks_gives_up() {
    let mut bench = Bench::leading();
    for _ in 0..10 {
        bench.pass(900);
        bench.ask(fetch(2, 1, 1, 1));
    }
    assert_eq!(bench.role(), RoleKind::Leader);
    bench.pass(2_999);
    assert_eq!(bench.role(), RoleKind::Leader);
    bench.effects.clear();
    bench.pass(1);
    assert_eq!((bench.role(), bench.quorum.leader()), (RoleKind::Unattached, None));
    let ended = bench.sent().into_iter().filter_map(|(to, _, request)| match request {
        Request::EndQuorumEpoch(request) => Some((to, request.successors)),
        _ => None,
    });
    let successors = vec![key(2), key(3)];
    let expected = [(BrokerId(2), successors.clone()), (BrokerId(3), successors)];
    assert_eq!(ended.collect::<Vec<_>>(), expected, "the one with most records first");
}

#[test]
fn whoever_waits_for_a_leader_that_ends_is_told() {
    let mut bench = Bench::leading();
    assert_eq!(bench.ask(fetch(2, 1, 1, 1)), None);
    bench.effects.clear();
    bench.ask(vote(3, 9, (9, 9), false));
    let told = bench.effects.iter().any(|effect| match effect {
        Effect::Reply { response: Response::Fetch(response), .. } => {
            response.standing.error == Some(ErrorCode::NotLeaderOrFollower)
        }
        _ => false,
    });
    assert!(told && bench.quorum.epoch() == 9);
}

#[test]
fn a_replica_that_needs_what_is_deleted_is_sent_to_the_snapshot() {
    let mut bench = Bench::leading();
    bench.step(Event::Appended { end: 10 });
    bench.step(Event::Synced { upto: 10 });
    bench.ask(fetch(2, 1, 10, 1));
    let snapshot = SnapshotId { end: 8, epoch: 1 };
    bench.step(Event::SnapshotTaken(snapshot));
    let Some(Response::Fetch(response)) = bench.ask(fetch(3, 1, 0, 0)) else { panic!("none") };
    assert_eq!((response.snapshot, response.log_start), (Some(snapshot), 8));
    let Some(Response::Fetch(response)) = bench.ask(fetch(3, 1, 8, 1)) else { panic!("none") };
    assert_eq!(response.snapshot, None, "it goes on behind it");
}

/// Leads three voters that may change, all committed, with node 4 caught up.
fn dynamic() -> Bench {
    let setup = Setup { dynamic: true, ..setup(1, &[1, 2, 3]) };
    let mut bench = Bench::with(setup, None, LogView::default());
    bench.pass(2_000);
    bench.grant_all();
    bench.grant_all();
    let end = bench.quorum.log().end;
    bench.step(Event::Synced { upto: end });
    bench.ask(fetch(2, 1, end, 1));
    bench.ask(fetch(4, 1, end, 1));
    assert_eq!((end, bench.quorum.settled()), (3, Some(1)));
    bench
}

#[test]
fn voters_change_one_at_a_time_and_when_that_is_committed() {
    let mut bench = dynamic();
    assert_eq!(bench.ask(Request::AddRaftVoter(voter(4))), None, "it waits");
    assert_eq!(bench.quorum.voters().len(), 4, "and counts already");
    let busy = bench.ask(Request::RemoveRaftVoter(key(2)));
    assert_eq!(error(busy), Some(ErrorCode::RequestTimedOut));
    bench.step(Event::Synced { upto: 4 });
    bench.ask(fetch(4, 1, 4, 1));
    assert_eq!(bench.quorum.high_watermark(), 3, "two of four are none");
    bench.effects.clear();
    bench.ask(fetch(2, 1, 4, 1));
    assert_eq!(bench.quorum.high_watermark(), 4);
    let added = |effect: &Effect| match effect {
        Effect::Reply { response: Response::AddRaftVoter(standing), .. } => {
            standing.error.is_none()
        }
        _ => false,
    };
    assert!(bench.effects.iter().any(added));
    assert_eq!(error(bench.ask(Request::AddRaftVoter(voter(4)))), Some(ErrorCode::DuplicateVoter));
    let unknown = bench.ask(Request::RemoveRaftVoter(key(9)));
    assert_eq!(error(unknown), Some(ErrorCode::VoterNotFound));
    let behind = bench.ask(Request::AddRaftVoter(voter(5)));
    assert_eq!(error(behind), Some(ErrorCode::RequestTimedOut), "it has never asked for anything");
}

#[test]
fn voters_of_the_settings_do_not_change() {
    let mut bench = Bench::leading();
    bench.ask(fetch(2, 1, 1, 1));
    let refused = bench.ask(Request::AddRaftVoter(voter(4)));
    assert_eq!(error(refused), Some(ErrorCode::UnsupportedVersion));
}

#[test]
fn the_quorum_is_described_by_its_leader() {
    let mut bench = dynamic();
    let Some(Response::DescribeQuorum(Ok(described))) = bench.ask(Request::DescribeQuorum) else {
        panic!("no description")
    };
    let ends = |states: &[ReplicaState]| {
        states.iter().map(|state| (state.key.id.0, state.log_end)).collect::<Vec<_>>()
    };
    assert_eq!((described.leader, described.epoch, described.high_watermark), (BrokerId(1), 1, 3));
    assert_eq!(ends(&described.voters), [(1, 3), (2, 3), (3, -1)]);
    assert_eq!(ends(&described.observers), [(4, 3)]);
    let late = |state: &ReplicaState| (state.last_fetch, state.last_caught_up);
    assert_eq!(late(&described.voters[1]), (1_002_000, 1_002_000));
    assert_eq!(late(&described.voters[2]), (-1, -1));
    let Some(Response::DescribeQuorum(Err(standing))) =
        Bench::following().ask(Request::DescribeQuorum)
    else {
        panic!("only a leader knows")
    };
    assert_eq!(
        (standing.error, standing.leader),
        (Some(ErrorCode::NotLeaderOrFollower), Some(BrokerId(2)))
    );
}
