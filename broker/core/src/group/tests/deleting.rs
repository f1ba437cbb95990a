//! `DeleteGroups` and `OffsetDelete`: what an admin may take away, and what stays away.

use super::offsets::{commit, fetch};
use super::*;
use uuid::Uuid;

/// A consumer's subscription to `topics`, as version 0 writes it.
fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = vec![0, 0];
    bytes.extend(u32::try_from(topics.len()).unwrap().to_be_bytes());
    for topic in topics {
        bytes.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
        bytes.extend(topic.as_bytes());
    }
    bytes.extend([0xff; 4]);
    bytes.into()
}

/// A member that reads `topics`.
fn reader_of(topics: &[&str]) -> Person {
    let protocol = Protocol { name: "range".to_owned(), metadata: subscription(topics) };
    Person { protocols: vec![protocol], ..reader() }
}

fn delete_group(bench: &mut Bench) -> Result<(), ErrorCode> {
    let ticket = bench.ticket();
    bench.step(Input::DeleteGroup(DeleteGroup { ticket, group: g() }));
    match bench.answers.remove(&ticket) {
        Some(Reply::DeleteGroup(answer)) => answer,
        other => panic!("a deletion is answered at once: {other:?}"),
    }
}

fn delete_offsets(
    bench: &mut Bench,
    group: GroupId,
    topics: &[(&str, &[i32])],
) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
    let ticket = bench.ticket();
    let topics = topics.iter().map(|(topic, of)| ((*topic).to_owned(), of.to_vec())).collect();
    bench.step(Input::DeleteOffsets(DeleteOffsets { ticket, group, topics }));
    match bench.answers.remove(&ticket) {
        Some(Reply::DeleteOffsets(answer)) => answer,
        other => panic!("a deletion is answered at once: {other:?}"),
    }
}

/// Commits offset 42 for partitions 0 and 1 of "t" and of "u", from outside of the group.
fn commit_some(bench: &mut Bench) {
    commit(bench, |it| {
        let one = it.offsets[0].clone();
        let of = |topic: &str, partition| OffsetToCommit {
            topic: topic.to_owned(),
            partition,
            topic_id: Uuid::nil(),
            ..one.clone()
        };
        it.offsets = vec![of("t", 0), of("t", 1), of("u", 0), of("u", 1)];
    })
    .unwrap();
}

/// What is left, as (topic, partition).
fn left(bench: &mut Bench) -> Vec<(String, i32)> {
    let topics = fetch(bench, None);
    let of = |topic: &FetchedTopic| {
        let name = topic.topic.clone();
        topic.partitions.iter().map(move |it| (name.clone(), it.partition)).collect::<Vec<_>>()
    };
    topics.iter().flat_map(of).collect()
}

#[test]
fn a_group_is_deleted_by_name_only_while_it_is_empty() {
    let mut bench = Bench::new();
    assert_eq!(delete_group(&mut bench), Err(ErrorCode::GroupIdNotFound));
    commit(&mut bench, |_| ()).unwrap();
    let mut people = [reader()];
    bench.form(&mut people);
    assert_eq!(delete_group(&mut bench), Err(ErrorCode::NonEmptyGroup));
    bench.leave(&people[0]).unwrap();
    assert_eq!(delete_group(&mut bench), Ok(()));
    assert!(bench.coordinator.is_empty());
    assert_eq!(delete_group(&mut bench), Err(ErrorCode::GroupIdNotFound));
    bench.fail_over();
    assert!(bench.coordinator.is_empty(), "it stays away");
}

#[test]
fn a_deleted_group_takes_the_ids_along_that_it_gave_out() {
    let mut bench = Bench::new();
    let newcomer = Person { knows_flow: true, ..reader() };
    let ticket = bench.join(&newcomer);
    let given = bench.joined(ticket).unwrap();
    assert_eq!(given.error, Some(ErrorCode::MemberIdRequired));
    assert_eq!(delete_group(&mut bench), Ok(()));
    assert!(bench.coordinator.is_empty());
    assert_eq!(bench.coordinator.timers.first(), None);
    let ticket = bench.join(&Person { id: given.member, ..newcomer });
    assert_eq!(bench.joined(ticket).unwrap().error, Some(ErrorCode::UnknownMemberId));
}

#[test]
fn a_group_that_is_about_to_be_written_once_more_is_deleted_after_that() {
    let mut bench = Bench::new();
    let mut people = [reader()];
    bench.form(&mut people);
    bench.refuses = Some(ErrorCode::NotEnoughReplicas);
    let ticket = bench.ticket();
    let members = vec![(people[0].id.clone(), None)];
    bench.step(Input::Leave(Leave { ticket, group: g(), members }));
    bench.refuses = None;
    assert_eq!(delete_group(&mut bench), Err(ErrorCode::CoordinatorNotAvailable));
    bench.settle();
    assert_eq!(delete_group(&mut bench), Ok(()));
    bench.settle();
    assert!(bench.coordinator.is_empty());
    bench.fail_over();
    assert!(bench.coordinator.is_empty());
}

#[test]
fn offsets_of_a_group_that_nobody_is_in_are_deleted_one_by_one() {
    let mut bench = Bench::new();
    commit_some(&mut bench);
    let wanted: &[(&str, &[i32])] = &[("t", &[0, 0, 7]), ("nothing", &[0]), ("t", &[0])];
    assert_eq!(delete_offsets(&mut bench, g(), wanted), Ok(vec![Ok(()); 3]));
    let expected = [("t".to_owned(), 1), ("u".to_owned(), 0), ("u".to_owned(), 1)];
    for _ in 0..2 {
        assert_eq!(left(&mut bench), expected);
        bench.fail_over();
    }
    let tombstones = bench.log.iter().filter(|it| matches!(it, Record::Offset { value: None, .. }));
    assert_eq!(tombstones.count(), 1, "one, though it was asked for three times");
}

#[test]
fn the_last_offset_takes_a_group_along_that_only_kept_offsets() {
    let mut bench = Bench::new();
    commit(&mut bench, |_| ()).unwrap();
    assert_eq!(delete_offsets(&mut bench, g(), &[("t", &[0])]), Ok(vec![Ok(())]));
    assert!(bench.coordinator.is_empty());
    assert_eq!(delete_offsets(&mut bench, g(), &[]), Err(ErrorCode::GroupIdNotFound));
}

#[test]
fn offsets_of_topics_that_a_member_reads_stay() {
    let mut bench = Bench::new();
    commit_some(&mut bench);
    let mut people = [reader_of(&["t"]), reader_of(&["v", "w"])];
    bench.form(&mut people);
    let wanted: &[(&str, &[i32])] = &[("t", &[0]), ("u", &[0]), ("w", &[0])];
    let subscribed = Err(ErrorCode::GroupSubscribedToTopic);
    let fates = vec![subscribed, Ok(()), subscribed];
    assert_eq!(delete_offsets(&mut bench, g(), wanted), Ok(fates.clone()));
    assert_eq!(left(&mut bench).len(), 3);
    // the next coordinator knows what they read, too
    bench.fail_over();
    assert_eq!(delete_offsets(&mut bench, g(), wanted), Ok(fates));
    for who in &people {
        bench.leave(who).unwrap();
    }
    assert_eq!(delete_offsets(&mut bench, g(), wanted), Ok(vec![Ok(()); 3]));
    assert_eq!(left(&mut bench), [("t".to_owned(), 1), ("u".to_owned(), 1)]);
}

#[test]
fn where_nobody_knows_what_is_read_all_of_it_stays() {
    let mut bench = Bench::new();
    commit_some(&mut bench);
    // a member in its first rebalance: the group has no protocol yet
    bench.join(&reader_of(&["t"]));
    let subscribed = Ok(vec![Err(ErrorCode::GroupSubscribedToTopic)]);
    assert_eq!(delete_offsets(&mut bench, g(), &[("u", &[0])]), subscribed);
    bench.settle();

    // a member whose bytes are no subscription
    let mut people = [reader_of(&["t"]), reader()];
    bench.form(&mut people);
    assert_eq!(delete_offsets(&mut bench, g(), &[("u", &[0])]), subscribed);
    assert_eq!(left(&mut bench).len(), 4);
}

#[test]
fn offsets_of_a_group_with_members_that_are_no_consumers_stay() {
    let mut bench = Bench::new();
    let (ticket, mut join) = bench.join_input(&reader());
    join.protocol_type = "connect".to_owned();
    bench.step(Input::Join(Box::new(join)));
    bench.until(ticket);
    assert_eq!(delete_offsets(&mut bench, g(), &[("t", &[0])]), Err(ErrorCode::NonEmptyGroup));
    let nameless = delete_offsets(&mut bench, GroupId::default(), &[("t", &[0])]);
    assert_eq!(nameless, Err(ErrorCode::InvalidGroupId));
}
