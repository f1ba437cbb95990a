//! Sessions against a client that remembers everything, and the cache's choices.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::machine::Millis;

fn topic() -> TopicKey {
    TopicKey::Name("t".into())
}

fn wanted(index: i32, fetch_offset: i64) -> FetchPartition {
    FetchPartition {
        index,
        current_leader_epoch: -1,
        fetch_offset,
        last_fetched_epoch: -1,
        max_bytes: 1,
        log_start_offset: -1,
        high_watermark: i64::MAX,
        replica_directory_id: Uuid::nil(),
    }
}

fn quiet(high_watermark: Offset) -> Look {
    Look { high_watermark, log_start: 0, records: false, urgent: false }
}

fn take(session: &mut Session<()>) -> Vec<usize> {
    let mut queue = Vec::new();
    session.take_queue(&mut queue);
    queue
}

#[test]
fn a_partition_rests_after_it_was_told_and_wakes_when_it_is_marked() {
    let mut session = Session::<()>::new(false);
    let (a, b) = (session.put(&topic(), wanted(0, 5)), session.put(&topic(), wanted(1, 5)));
    assert_eq!(take(&mut session), [a, b]);
    for slot in [a, b] {
        assert!(session.is_news(slot, quiet(5)), "the first look is always told");
        session.settle(slot, quiet(5));
        assert!(!session.is_news(slot, quiet(5)));
    }
    assert!(take(&mut session).is_empty());
    session.mark(b);
    session.mark(b);
    assert_eq!(take(&mut session), [b]);
    assert!(session.is_news(b, quiet(6)), "the high watermark has moved");
}

#[test]
fn who_was_served_goes_to_the_end_of_the_queue() {
    let mut session = Session::<()>::new(false);
    let slots: Vec<_> = (0..3).map(|n| session.put(&topic(), wanted(n, 0))).collect();
    assert_eq!(take(&mut session), slots);
    // Only the first got its records in: the others keep their turn.
    session.put_back(slots[1]);
    session.put_back(slots[2]);
    session.settle(slots[0], Look { records: true, ..quiet(9) });
    assert_eq!(take(&mut session), [slots[1], slots[2], slots[0]]);
}

#[test]
fn an_error_is_told_until_it_is_over() {
    let mut session = Session::<()>::new(true);
    let slot = session.put(&topic(), wanted(0, 0));
    let error = Look { urgent: true, high_watermark: -1, log_start: -1, records: false };
    for _ in 0..3 {
        assert_eq!(take(&mut session), [slot]);
        assert!(session.is_news(slot, error));
        session.settle(slot, error);
    }
    assert_eq!(take(&mut session), [slot]);
    assert!(session.is_news(slot, quiet(0)));
    session.settle(slot, quiet(0));
    assert!(take(&mut session).is_empty());
}

#[test]
fn a_follower_that_names_a_partition_again_is_told_all_of_it_again() {
    for (log_start_offset, told) in [(0, true), (-1, false)] {
        let mut session = Session::<()>::new(true);
        let wanted = FetchPartition { log_start_offset, ..wanted(0, 5) };
        let slot = session.put(&topic(), wanted);
        assert!(session.is_news(slot, quiet(5)));
        session.settle(slot, quiet(5));
        session.put(&topic(), FetchPartition { current_leader_epoch: 2, ..wanted });
        assert_eq!(session.is_news(slot, quiet(5)), told, "a consumer has heard of it");
    }
}

#[test]
fn requests_come_in_the_order_of_their_epochs_and_name_topics_one_way() {
    let mut session = Session::<()>::new(true);
    assert_eq!(session.advance(2, true), Err(ErrorCode::InvalidFetchSessionEpoch));
    assert_eq!(session.advance(1, false), Err(ErrorCode::FetchSessionTopicIdError));
    assert_eq!(session.advance(1, true), Ok(()));
    assert_eq!(session.advance(1, true), Err(ErrorCode::InvalidFetchSessionEpoch));
    session.epoch = i32::MAX;
    assert_eq!(session.advance(i32::MAX, true), Ok(()));
    assert_eq!(session.advance(1, true), Ok(()));
}

#[test]
fn a_forgotten_partition_leaves_its_slot_to_the_next() {
    let mut session = Session::<()>::new(false);
    let a = session.put(&topic(), wanted(0, 0));
    session.forget(&topic(), 0);
    session.forget(&topic(), 0);
    assert!(session.is_empty());
    let b = session.put(&topic(), wanted(1, 0));
    assert_ne!(a, b, "the old number is still in the queue");
    assert_eq!(take(&mut session), [b]);
    assert_eq!(session.put(&topic(), wanted(2, 0)), a);
    assert_eq!(session.len(), 2);
}

const GRACE: Duration = Duration::from_mins(2);

#[test]
fn the_longest_idle_session_goes_first_but_not_within_the_grace() {
    let mut sessions = Sessions::new(2, GRACE);
    for id in [1, 2] {
        assert!(sessions.make_room(Millis::ZERO, 10, false) && sessions.is_free(id));
        sessions.insert(Millis::ZERO, id, ((), 10, false));
    }
    assert!(!sessions.is_free(1) && !sessions.is_free(0) && !sessions.is_free(-3));
    let soon = Millis::ZERO.after(Duration::from_mins(1));
    assert!(!sessions.make_room(soon, 99, true), "all are young");
    sessions.get(soon, 1);
    let later = Millis::ZERO.after(Duration::from_secs(121));
    assert!(sessions.make_room(later, 1, false));
    assert!(sessions.get(later, 2).is_none() && sessions.get(later, 1).is_some());
}

#[test]
fn a_larger_session_pushes_an_old_smaller_one_out_even_if_that_is_busy() {
    let mut sessions = Sessions::new(2, GRACE);
    sessions.insert(Millis::ZERO, 1, ((), 10, false));
    sessions.insert(Millis::ZERO, 2, ((), 5, true));
    let later = Millis::ZERO.after(Duration::from_secs(121));
    sessions.get(later, 1);
    sessions.get(later, 2);
    assert!(!sessions.make_room(later, 10, false), "no larger");
    assert!(sessions.make_room(later, 11, false));
    assert!(sessions.remove(1).is_none(), "a follower's session stays");
    assert_eq!(sessions.len(), 1);
}

proptest! {
    /// Partitions are appended to, fetched from and forgotten in any order; the client must at
    /// every fetch hear of everything that it has not heard of, and nothing else.
    #[test]
    fn a_client_hears_of_every_change_exactly_once(
        steps in prop::collection::vec((0..3_u8, 0..6_i32), 1..200),
    ) {
        let mut session = Session::<()>::new(false);
        let mut ends = [0_i64; 6];
        let mut heard: BTreeMap<i32, i64> = BTreeMap::new();
        let mut slots: BTreeMap<i32, usize> = BTreeMap::new();
        for (step, index) in steps {
            match step {
                0 => {
                    ends[usize::try_from(index).unwrap()] += 1;
                    if let Some(slot) = slots.get(&index) {
                        session.mark(*slot);
                    }
                }
                1 => {
                    let slot = session.put(&topic(), wanted(index, 0));
                    slots.insert(index, slot);
                    heard.entry(index).or_insert(-1);
                }
                _ => {
                    session.forget(&topic(), index);
                    slots.remove(&index);
                    heard.remove(&index);
                }
            }
            let mut told = BTreeSet::new();
            for slot in take(&mut session) {
                let index = session.entry(slot).unwrap().wanted.index;
                let look = quiet(ends[usize::try_from(index).unwrap()]);
                if session.is_news(slot, look) {
                    told.insert(index);
                    session.settle(slot, look);
                }
            }
            let mut expected = BTreeSet::new();
            for (index, offset) in &mut heard {
                let end = ends[usize::try_from(*index).unwrap()];
                if *offset != end {
                    expected.insert(*index);
                    *offset = end;
                }
            }
            prop_assert_eq!(told, expected);
            prop_assert_eq!(session.len(), heard.len());
        }
    }
}
