//! What a fetcher asks, and when.

use super::*;
use crate::id::Uuid;

const LONGEST: Duration = Duration::from_secs(1);

fn key(index: i32) -> PartitionKey {
    PartitionKey { topic: Uuid::from_u128(1), index }
}

fn position(offset: i64) -> Position {
    Position { offset, last_epoch: 0, leader_epoch: 1, log_start: 0 }
}

fn at(ms: u64) -> Millis {
    Millis(ms)
}

/// A fetcher in a session that knows partitions 0 to 2, at offset 0.
fn in_session() -> Fetcher {
    let mut fetcher = Fetcher::new(LONGEST);
    (0..3).for_each(|index| fetcher.follow(key(index), Some(position(0))));
    let first = fetcher.request(at(0)).unwrap();
    assert_eq!((first.session_id, first.session_epoch, first.wanted.len()), (0, 0, 3));
    fetcher.answered(7, None);
    fetcher
}

fn ask(fetcher: &mut Fetcher, now: u64) -> (i32, i32, Vec<(i32, i64)>, Vec<i32>) {
    let request = fetcher.request(at(now)).unwrap();
    let wanted = request.wanted.iter().map(|(key, position)| (key.index, position.offset));
    let forgotten = request.forgotten.iter().map(|key| key.index).collect();
    (request.session_id, request.session_epoch, wanted.collect(), forgotten)
}

#[test]
fn a_session_is_told_only_what_has_changed() {
    let mut fetcher = in_session();
    assert_eq!(ask(&mut fetcher, 1), (7, 1, vec![], vec![]));
    assert_eq!(fetcher.request(at(1)), None, "one at a time");
    fetcher.answered(7, None);
    fetcher.settle(at(2), key(1), Settled::At(Some(position(5))));
    assert_eq!(ask(&mut fetcher, 2), (7, 2, vec![(1, 5)], vec![]));
    fetcher.answered(7, None);
    fetcher.unfollow(key(2));
    assert_eq!(ask(&mut fetcher, 3), (7, 3, vec![], vec![2]));
    assert_eq!(fetcher.sent(key(1)), Some(position(5)));
}

#[test]
fn who_comes_back_and_goes_again_is_forgotten_all_the_same() {
    let mut fetcher = in_session();
    fetcher.unfollow(key(2));
    fetcher.follow(key(2), Some(position(4)));
    fetcher.unfollow(key(2));
    assert_eq!(ask(&mut fetcher, 1), (7, 1, vec![], vec![2]), "the session still has it");
}

#[test]
fn a_lost_session_begins_anew_with_everything() {
    let mut fetcher = in_session();
    ask(&mut fetcher, 1);
    fetcher.answered(0, Some(ErrorCode::FetchSessionIdNotFound));
    let all = vec![(0, 0), (1, 0), (2, 0)];
    assert_eq!(ask(&mut fetcher, 2), (7, 0, all.clone(), vec![]));
    fetcher.failed(at(3));
    assert_eq!((fetcher.request(at(3)), fetcher.deadline()), (None, Some(at(23))));
    assert_eq!(ask(&mut fetcher, 23), (7, 0, all, vec![]));
}

#[test]
fn a_node_that_keeps_no_session_is_asked_for_everything_every_time() {
    let mut fetcher = Fetcher::new(LONGEST);
    fetcher.follow(key(0), Some(position(0)));
    for _ in 0..3 {
        assert_eq!(ask(&mut fetcher, 0), (0, 0, vec![(0, 0)], vec![]));
        fetcher.answered(0, None);
    }
}

#[test]
fn a_new_partition_interrupts_the_wait_of_the_others() {
    let mut fetcher = in_session();
    ask(&mut fetcher, 1);
    fetcher.follow(key(9), Some(position(3)));
    assert_eq!(ask(&mut fetcher, 2), (7, 2, vec![(9, 3)], vec![]));
    fetcher.follow(key(10), Some(position(0)));
    assert_eq!(fetcher.request(at(2)), None, "two at most");
    fetcher.answered(7, None);
    assert_eq!(ask(&mut fetcher, 3), (7, 3, vec![(10, 0)], vec![]));
}

#[test]
fn who_syncs_is_left_out_and_comes_back() {
    let mut fetcher = in_session();
    fetcher.settle(at(1), key(0), Settled::At(None));
    assert_eq!(ask(&mut fetcher, 1), (7, 1, vec![], vec![0]));
    fetcher.answered(7, None);
    fetcher.follow(key(0), Some(position(4)));
    assert_eq!(ask(&mut fetcher, 2), (7, 2, vec![(0, 4)], vec![]));
}

#[test]
fn with_nothing_to_fetch_nothing_is_asked() {
    let mut fetcher = in_session();
    (0..3).for_each(|index| fetcher.settle(at(1), key(index), Settled::At(None)));
    assert_eq!((fetcher.request(at(1)), fetcher.deadline()), (None, None));
    fetcher.follow(key(1), Some(position(1)));
    assert_eq!(ask(&mut fetcher, 2), (7, 1, vec![(1, 1)], vec![0, 2]));
}

#[test]
fn failures_are_tried_again_later_and_later() {
    let mut fetcher = in_session();
    let mut now = 0;
    for pause in [20, 40, 80, 160, 320, 640, 1_000, 1_000] {
        fetcher.settle(at(now), key(0), Settled::Failed(position(0)));
        assert_eq!(fetcher.deadline(), Some(at(now + pause)));
        now += pause;
        let (.., wanted, _) = ask(&mut fetcher, now);
        assert_eq!(wanted, [(0, 0)], "what the session made of it is over");
        fetcher.answered(7, None);
    }
    fetcher.settle(at(now), key(0), Settled::At(Some(position(1))));
    fetcher.settle(at(now), key(0), Settled::Failed(position(1)));
    assert_eq!(fetcher.deadline(), Some(at(now + 20)), "a success counts");
    fetcher.settle(at(now), key(0), Settled::NotBefore(at(now + 7), position(1)));
    assert_eq!(fetcher.deadline(), Some(at(now + 7)));
}

#[test]
fn a_silent_node_costs_nothing_but_its_pause() {
    let mut fetcher = in_session();
    ask(&mut fetcher, 0);
    fetcher.failed(at(0));
    fetcher.failed(at(0));
    assert_eq!(fetcher.deadline(), Some(at(40)));
    (0..3).for_each(|index| fetcher.unfollow(key(index)));
    assert_eq!((fetcher.deadline(), fetcher.request(at(50))), (None, None));
    assert!(fetcher.is_empty());
}

#[test]
fn an_answer_to_an_earlier_question_is_told_from_that_to_a_later() {
    let mut fetcher = in_session();
    ask(&mut fetcher, 1);
    // the partition is dropped and comes again, elsewhere in its log
    fetcher.unfollow(key(0));
    assert_eq!(fetcher.sent(key(0)), None);
    fetcher.follow(key(0), Some(position(9)));
    assert_eq!(ask(&mut fetcher, 2), (7, 2, vec![(0, 9)], vec![]));
    fetcher.answered(7, None);
    assert_eq!((fetcher.sent(key(0)), fetcher.sent(key(1))), (None, Some(position(0))));
    fetcher.answered(7, None);
    assert_eq!(fetcher.sent(key(0)), Some(position(9)));
}
