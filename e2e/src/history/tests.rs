//! Each rule with a history that keeps it and those that do not: a judge who finds nothing wrong
//! with them proves nothing.

use std::time::Duration;

use super::{Event, Replica, Rule, Sent, Value, What, differ, judge, longest_gap};

fn value(number: u32) -> Value {
    Value { partition: 0, process: 1, number }
}

/// What a process does from one millisecond to another one.
fn event(process: u32, (begun, ended): (u64, u64), what: What) -> Event {
    let [begun, ended] = [begun, ended].map(Duration::from_millis);
    Event { process, partition: 0, begun, ended, what }
}

fn send(at: (u64, u64), number: u32, sent: Sent) -> Event {
    event(1, at, What::Send { values: vec![value(number)], sent })
}

fn records(of: &[(i64, u32)]) -> Vec<(i64, Value)> {
    of.iter().map(|(offset, number)| (*offset, value(*number))).collect()
}

fn read(at: (u64, u64), from: i64, of: &[(i64, u32)]) -> Event {
    event(2, at, What::Read { from, records: records(of) })
}

fn all(of: &[(i64, u32)]) -> Event {
    event(3, (900, 999), What::All(records(of)))
}

fn commit(at: (u64, u64), offset: i64, acknowledged: bool) -> Event {
    event(2, at, What::Commit { offset, acknowledged })
}

/// Two acknowledged records and one of which nobody knows, all there in the end.
fn good() -> Vec<Event> {
    vec![
        send((0, 10), 0, Sent::At(0)),
        send((10, 20), 1, Sent::At(1)),
        send((20, 30), 2, Sent::Unknown),
        event(4, (21, 22), What::End(2)),
        event(2, (31, 32), What::Committed(-1)),
        read((32, 33), 0, &[(0, 0), (1, 1), (2, 2)]),
        commit((34, 35), 3, true),
        event(2, (36, 37), What::Committed(3)),
        all(&[(0, 0), (1, 1), (2, 2)]),
    ]
}

/// The rules that a history breaks, each once.
fn broken(events: &[Event]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = judge(events).into_iter().map(|broken| broken.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// What the good history breaks with one more event.
fn with(more: Event) -> Vec<Rule> {
    let mut events = good();
    events.push(more);
    broken(&events)
}

#[test]
fn a_good_history_breaks_nothing() {
    assert_eq!(judge(&good()), []);
}

#[test]
fn what_nobody_knows_of_may_be_there_or_not() {
    let events = [send((0, 10), 0, Sent::At(0)), send((10, 20), 1, Sent::Unknown), all(&[(0, 0)])];
    assert_eq!(judge(&events), []);
}

#[test]
fn a_record_that_is_repeated_in_two_offsets_is_found() {
    assert_eq!(with(send((40, 50), 3, Sent::At(4))), [Rule::Kept]);
    let twice = [send((0, 10), 0, Sent::At(0)), all(&[(0, 0), (1, 0)])];
    assert_eq!(broken(&twice), [Rule::Once]);
    // an acknowledgement that names another place than readers see
    let moved =
        [send((0, 10), 0, Sent::At(1)), send((0, 10), 1, Sent::At(0)), all(&[(0, 0), (1, 1)])];
    assert_eq!(broken(&moved), [Rule::Agreement, Rule::Once]);
}

#[test]
fn two_records_at_one_offset_are_found() {
    assert_eq!(with(read((40, 41), 1, &[(1, 2)])), [Rule::Agreement, Rule::Once, Rule::Stays]);
}

#[test]
fn records_of_nobody_of_later_and_of_elsewhere_are_found() {
    assert!(with(read((40, 41), 3, &[(3, 9)])).contains(&Rule::Sent));
    let early = [read((0, 1), 0, &[(0, 0)]), send((5, 10), 0, Sent::At(0)), all(&[(0, 0)])];
    assert_eq!(broken(&early), [Rule::Sent]);
    let elsewhere = Value { partition: 1, ..value(0) };
    let events = [
        event(1, (0, 10), What::Send { values: vec![elsewhere], sent: Sent::At(0) }),
        event(3, (20, 30), What::All(vec![(0, elsewhere)])),
    ];
    assert_eq!(broken(&events), [Rule::Sent]);
}

#[test]
fn a_record_that_was_refused_and_is_there_is_found() {
    let with_refused =
        |all| [send((0, 10), 0, Sent::At(0)), send((10, 20), 1, Sent::Refused(19)), all];
    assert_eq!(judge(&with_refused(all(&[(0, 0)]))), []);
    assert_eq!(broken(&with_refused(all(&[(0, 0), (1, 1)]))), [Rule::Refused]);
}

#[test]
fn an_acknowledged_record_that_is_lost_is_found() {
    let lost = [send((0, 10), 0, Sent::At(0)), send((10, 20), 1, Sent::At(1)), all(&[(0, 0)])];
    assert_eq!(broken(&lost), [Rule::Kept]);
    // also where nobody knows its place
    let lost = [send((0, 10), 0, Sent::At(0)), send((10, 20), 1, Sent::Somewhere), all(&[(0, 0)])];
    assert_eq!(broken(&lost), [Rule::Kept]);
}

#[test]
fn a_record_that_was_read_and_is_gone_is_found() {
    let gone = [
        send((0, 10), 0, Sent::At(0)),
        send((10, 20), 1, Sent::Unknown),
        read((20, 30), 0, &[(0, 0), (1, 1)]),
        all(&[(0, 0)]),
    ];
    assert_eq!(broken(&gone), [Rule::Stays]);
}

#[test]
fn a_reader_that_is_led_past_an_offset_or_back_is_found() {
    assert_eq!(with(read((40, 41), 0, &[(0, 0), (2, 2)])), [Rule::Dense]);
    assert_eq!(with(read((40, 41), 1, &[(2, 2)])), [Rule::Dense]);
    assert_eq!(with(read((40, 41), 1, &[(1, 1), (0, 0)])), [Rule::Dense]);
    assert_eq!(with(read((40, 41), 1, &[])), []);
}

#[test]
fn what_is_sent_later_and_lies_before_is_found() {
    let turned =
        [send((0, 10), 0, Sent::At(1)), send((11, 20), 1, Sent::At(0)), all(&[(0, 1), (1, 0)])];
    assert_eq!(broken(&turned), [Rule::Order]);
    // sent at the same time, either may be the first
    let both =
        [send((0, 10), 0, Sent::At(1)), send((9, 20), 1, Sent::At(0)), all(&[(0, 1), (1, 0)])];
    assert_eq!(judge(&both), []);
}

#[test]
fn an_end_that_does_not_cover_what_is_known_is_found() {
    assert_eq!(with(event(4, (40, 41), What::End(2))), [Rule::Recency]);
    assert_eq!(with(event(4, (12, 25), What::End(1))), []);
    assert_eq!(with(event(4, (12, 25), What::End(0))), [Rule::Recency]);
    // and one that goes back
    let back = [
        send((0, 50), 0, Sent::At(0)),
        event(4, (1, 2), What::End(1)),
        event(4, (3, 4), What::End(0)),
        all(&[(0, 0)]),
    ];
    assert_eq!(broken(&back), [Rule::Recency]);
}

#[test]
fn a_committed_offset_that_goes_back_or_comes_from_nowhere_is_found() {
    assert_eq!(with(event(2, (40, 41), What::Committed(2))), [Rule::Committed]);
    assert_eq!(with(event(2, (40, 41), What::Committed(4))), [Rule::Committed]);
    // one that was not acknowledged may be there or not
    let mut events = good();
    events.push(send((40, 50), 3, Sent::At(3)));
    events.push(read((50, 51), 3, &[(3, 3)]));
    events.push(commit((52, 60), 4, false));
    events.push(event(5, (61, 62), What::Committed(4)));
    events.push(event(5, (63, 64), What::Committed(3)));
    events.push(all(&[(0, 0), (1, 1), (2, 2), (3, 3)]));
    assert_eq!(judge(&events), []);
}

#[test]
fn a_group_that_commits_what_none_of_it_has_read_is_found() {
    let mut events = good();
    events.push(send((40, 50), 3, Sent::At(3)));
    events.push(commit((52, 60), 4, true));
    events.push(all(&[(0, 0), (1, 1), (2, 2), (3, 3)]));
    assert_eq!(broken(&events), [Rule::Covered]);
}

#[test]
fn a_history_in_which_nothing_is_compared_proves_nothing() {
    assert_eq!(broken(&[]), [Rule::Compared]);
    assert_eq!(broken(&[send((0, 10), 0, Sent::Unknown), all(&[])]), [Rule::Compared]);
    assert_eq!(broken(&[send((0, 10), 0, Sent::At(0))]), [Rule::Compared]);
}

#[test]
fn the_longest_time_without_an_acknowledgement_is_measured() {
    let [first, second] = [send((0, 10), 0, Sent::At(0)), send((10, 60), 1, Sent::At(1))];
    assert_eq!(longest_gap(&[second, first]), Duration::from_millis(50));
}

#[test]
fn replicas_that_differ_are_found() {
    let replica =
        |broker, log: &[u8], epoch| Replica { broker, log: log.to_vec(), epochs: vec![(epoch, 0)] };
    let same = |one: Replica, other: Replica| differ(&[one, other]).is_none();
    assert!(same(replica(0, b"abc", 1), replica(1, b"abc", 1)));
    assert!(!same(replica(0, b"abc", 1), replica(1, b"abd", 1)));
    assert!(!same(replica(0, b"abc", 1), replica(1, b"ab", 1)));
    assert!(!same(replica(0, b"abc", 1), replica(1, b"abc", 2)));
    assert!(!same(replica(0, b"", 1), replica(1, b"", 1)));
    assert!(differ(&[replica(0, b"abc", 1)]).is_some());
}
