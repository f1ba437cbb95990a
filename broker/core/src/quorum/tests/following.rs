//! Fetching, syncing, cutting, and starting over from a snapshot.

use bytes::Bytes;
use kastellan_protocol::batch::Builder;

use super::*;

/// An answer of leader 2 in `epoch`, with a record for each (offset, epoch).
pub(super) fn records(epoch: LeaderEpoch, records: &[(Offset, LeaderEpoch)]) -> Response {
    let batch = |(offset, epoch): &(Offset, LeaderEpoch)| {
        Builder::new(*offset, *epoch).record(7, None, Some(b"v".as_slice()), &[]).finish()
    };
    Response::Fetch(FetchResponse {
        standing: standing(epoch, Some(2)),
        high_watermark: 1,
        log_start: 0,
        diverging: None,
        snapshot: None,
        records: Bytes::from(records.iter().flat_map(batch).collect::<Vec<u8>>()),
    })
}

impl Bench {
    /// Answers the fetch that is under way.
    fn answer(&mut self, response: Response) -> FetchRequest {
        let found = self.sent().into_iter().find_map(|(_, correlation, request)| match request {
            Request::Fetch(fetch) => Some((correlation, fetch)),
            _ => None,
        });
        let (correlation, fetch) = found.expect("it fetches");
        self.step(Event::Response { correlation, response });
        fetch
    }
}

#[test]
fn the_next_fetch_waits_until_the_last_records_are_synced() {
    let mut bench = Bench::following();
    bench.pass(0);
    let first = bench.answer(records(3, &[(0, 1), (1, 3)]));
    assert_eq!((first.epoch, first.offset, first.last_epoch), (3, 0, 0));
    assert!(bench.sent().is_empty());
    assert_eq!(bench.quorum.high_watermark(), 1);
    bench.step(Event::Synced { upto: 1 });
    assert!(bench.sent().is_empty());
    bench.step(Event::Synced { upto: 2 });
    let second = bench.answer(records(3, &[]));
    assert_eq!((second.offset, second.last_epoch, second.high_watermark), (2, 3, 1));
}

#[test]
fn batches_that_do_not_go_on_where_the_log_ends_are_not_appended() {
    for wrong in [(1, 3), (0, 4)] {
        let mut bench = Bench::following();
        bench.pass(0);
        bench.answer(records(3, &[wrong]));
        assert_eq!(bench.quorum.log().end, 0, "{wrong:?}");
    }
    let mut bench = Bench::following();
    bench.pass(0);
    let Response::Fetch(mut torn) = records(3, &[(0, 3), (1, 3)]) else { panic!("a fetch") };
    torn.records.truncate(torn.records.len() - 1);
    bench.answer(Response::Fetch(torn));
    assert_eq!(bench.quorum.log().end, 1, "whole batches are");
}

#[test]
fn a_log_that_went_another_way_is_cut_where_it_left() {
    let log = LogView { end: 10, synced: 10, epochs: vec![(1, 0), (2, 4)], ..LogView::default() };
    let stored = Stored { epoch: 3, leader: Some(BrokerId(2)), voted: None };
    for (diverging, end) in [((1, 3), 3), ((1, 9), 4), ((2, 7), 7), ((0, 0), 0)] {
        let mut bench = Bench::with(setup(1, &[1, 2, 3]), Some(stored), log.clone());
        let Response::Fetch(mut answer) = records(3, &[]) else { panic!("a fetch") };
        answer.diverging = Some(diverging);
        bench.answer(Response::Fetch(answer));
        assert!(bench.effects.contains(&Effect::Truncate { end }), "{diverging:?}");
        let next = bench.answer(records(3, &[]));
        assert_eq!(next.offset, end);
    }
}

#[test]
fn answers_of_older_leaders_mean_nothing() {
    let mut bench = Bench::following();
    bench.pass(0);
    let sent = bench.sent();
    bench.ask(begin(3, 4));
    let correlation = sent[0].1;
    bench.step(Event::Response { correlation, response: records(3, &[(0, 3)]) });
    assert_eq!((bench.quorum.log().end, bench.quorum.leader()), (0, Some(BrokerId(3))));
}

#[test]
fn a_snapshot_comes_in_parts_and_takes_the_logs_place() {
    let mut bench = Bench::following();
    bench.pass(0);
    let snapshot = SnapshotId { end: 40, epoch: 2 };
    let Response::Fetch(mut answer) = records(3, &[]) else { panic!("a fetch") };
    answer.snapshot = Some(snapshot);
    bench.answer(Response::Fetch(answer));
    for position in [0, 3] {
        let (_, correlation, request) = bench.sent().pop().unwrap();
        let Request::FetchSnapshot(request) = request else { panic!("{request:?}") };
        assert_eq!((request.snapshot, request.position), (snapshot, position));
        let response = Response::FetchSnapshot(FetchSnapshotResponse {
            standing: standing(3, Some(2)),
            snapshot,
            size: 6,
            position,
            bytes: Bytes::from_static(b"abc"),
        });
        bench.step(Event::Response { correlation, response });
    }
    assert!(bench.effects.contains(&Effect::SnapshotDone(snapshot)));
    assert!(bench.sent().is_empty(), "not before it is there");
    bench.step(Event::SnapshotInstalled { snapshot, voters: None });
    assert_eq!(bench.quorum.high_watermark(), 40);
    let next = bench.answer(records(3, &[(40, 3)]));
    assert_eq!((next.offset, next.last_epoch), (40, 2));
    assert_eq!(bench.quorum.log().end, 41);
}

#[test]
fn an_observer_looks_for_the_leader_and_never_stands() {
    let mut bench = Bench::with(setup(7, &[1, 2, 3]), None, LogView::default());
    let (to, correlation, _) = bench.sent().pop().unwrap();
    assert!([1, 2, 3].contains(&to.0));
    let Response::Fetch(mut elsewhere) = records(3, &[]) else { panic!("a fetch") };
    elsewhere.standing.error = Some(kastellan_protocol::ErrorCode::FencedLeaderEpoch);
    bench.step(Event::Response { correlation, response: Response::Fetch(elsewhere) });
    assert_eq!((bench.role(), bench.quorum.leader()), (RoleKind::Observer, Some(BrokerId(2))));
    for _ in 0..20 {
        bench.pass(1_000);
        assert!([RoleKind::Observer, RoleKind::Unattached].contains(&bench.role()));
    }
    assert_eq!(bench.quorum.epoch(), 3);
}
