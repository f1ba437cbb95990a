//! `OffsetCommit` and `OffsetFetch`: who may move a group, and what it reads back.

use super::*;
use uuid::Uuid;

/// A commit of one offset by somebody outside of group management.
pub(super) fn simple(bench: &mut Bench) -> CommitOffsets {
    CommitOffsets {
        ticket: bench.ticket(),
        group: g(),
        generation: -1,
        member: MemberId::default(),
        instance: None,
        retention_ms: -1,
        tells_missing_group: true,
        offsets: vec![OffsetToCommit {
            topic: "t".to_owned(),
            topic_id: Uuid::from_u128(1),
            partition: 0,
            offset: 42,
            leader_epoch: 5,
            metadata: "note".to_owned(),
        }],
    }
}

pub(super) fn commit(
    bench: &mut Bench,
    change: impl FnOnce(&mut CommitOffsets),
) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
    let mut commit = simple(bench);
    change(&mut commit);
    let ticket = commit.ticket;
    bench.step(Input::CommitOffsets(Box::new(commit)));
    match bench.answers.remove(&ticket) {
        Some(Reply::CommitOffsets(answer)) => answer,
        other => panic!("a commit is answered at once: {other:?}"),
    }
}

pub(super) fn fetch(bench: &mut Bench, topics: Option<Vec<TopicToFetch>>) -> Vec<FetchedTopic> {
    let ticket = bench.ticket();
    bench.step(Input::FetchOffsets(FetchOffsets { ticket, group: g(), topics }));
    match bench.answers.remove(&ticket) {
        Some(Reply::FetchOffsets(Ok(topics))) => topics,
        other => panic!("a fetch is answered at once: {other:?}"),
    }
}

#[test]
fn what_was_committed_is_read_back_also_after_a_failover() {
    let mut bench = Bench::new();
    assert_eq!(commit(&mut bench, |_| ()), Ok(vec![Ok(())]));
    for _ in 0..2 {
        let topics = fetch(&mut bench, None);
        assert_eq!((topics.len(), topics[0].topic.as_str()), (1, "t"));
        assert_eq!(topics[0].topic_id, Uuid::from_u128(1));
        let expected = FetchedOffset {
            partition: 0,
            offset: 42,
            leader_epoch: 5,
            metadata: "note".to_owned(),
        };
        assert_eq!(topics[0].partitions, [expected]);
        bench.fail_over();
    }
}

#[test]
fn what_was_not_committed_is_minus_one() {
    let mut bench = Bench::new();
    commit(&mut bench, |_| ()).unwrap();
    let wanted = |topic: &str, id| TopicToFetch {
        topic: topic.to_owned(),
        topic_id: Uuid::from_u128(id),
        partitions: vec![0, 1],
    };
    let topics = vec![wanted("t", 1), wanted("t", 2), wanted("t", 0), wanted("other", 3)];
    let fetched = fetch(&mut bench, Some(topics));
    let offsets: Vec<Vec<i64>> =
        fetched.iter().map(|it| it.partitions.iter().map(|p| p.offset).collect()).collect();
    // an older topic of the same name does not count
    assert_eq!(offsets, [[42, -1], [-1, -1], [42, -1], [-1, -1]]);
    assert_eq!(fetched[3].partitions[1].leader_epoch, -1);
}

#[test]
fn a_group_that_nobody_knows_takes_offsets_only_from_outside_of_group_management() {
    let mut bench = Bench::new();
    let member = |it: &mut CommitOffsets| (it.generation, it.member) = (1, "m".into());
    assert_eq!(commit(&mut bench, member), Err(ErrorCode::GroupIdNotFound));
    let older = |it: &mut CommitOffsets| {
        member(it);
        it.tells_missing_group = false;
    };
    assert_eq!(commit(&mut bench, older), Err(ErrorCode::IllegalGeneration));
    assert!(bench.coordinator.is_empty());
    let nameless = commit(&mut bench, |it| it.group = GroupId::default());
    assert_eq!(nameless, Ok(vec![Ok(())]), "the empty group id is as old as Kafka");
}

#[test]
fn only_members_of_the_generation_move_a_group_that_has_some() {
    let mut bench = Bench::new();
    let mut people = [reader(), static_reader("s")];
    let generation = bench.form(&mut people);
    let by = |bench: &mut Bench, generation, who: &Person| {
        commit(bench, |it| {
            it.generation = generation;
            it.member = who.id.clone();
            it.instance.clone_from(&who.instance);
        })
    };
    assert_eq!(by(&mut bench, generation, &people[0]), Ok(vec![Ok(())]));
    assert_eq!(by(&mut bench, generation, &people[1]), Ok(vec![Ok(())]));
    assert_eq!(by(&mut bench, generation + 1, &people[0]), Err(ErrorCode::IllegalGeneration));
    assert_eq!(by(&mut bench, -1, &people[0]), Err(ErrorCode::IllegalGeneration));
    assert_eq!(by(&mut bench, -1, &reader()), Err(ErrorCode::UnknownMemberId));
    let stranger = Person { id: "who".into(), ..reader() };
    assert_eq!(by(&mut bench, generation, &stranger), Err(ErrorCode::UnknownMemberId));
    let fenced = Person { id: "old".into(), ..static_reader("s") };
    assert_eq!(by(&mut bench, generation, &fenced), Err(ErrorCode::FencedInstanceId));
}

#[test]
fn a_commit_while_the_work_is_shared_out_has_to_wait() {
    let mut bench = Bench::new();
    let ticket = bench.join(&reader());
    bench.until(ticket);
    let joined = bench.joined(ticket).unwrap();
    let answer = commit(&mut bench, |it| {
        (it.generation, it.member) = (joined.generation, joined.member);
    });
    assert_eq!(answer, Err(ErrorCode::RebalanceInProgress));
}

#[test]
fn a_commit_before_rejoining_is_taken_and_keeps_the_session() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let generation = bench.form(&mut people);
    bench.join(&people[0]);
    for _ in 0..3 {
        bench.pass(9_000);
        let answer = commit(&mut bench, |it| {
            (it.generation, it.member) = (generation, people[1].id.clone());
        });
        assert_eq!(answer, Ok(vec![Ok(())]));
    }
    assert_eq!(bench.heartbeat(&people[1], generation), Err(ErrorCode::RebalanceInProgress));
}

#[test]
fn a_note_that_is_too_long_costs_only_its_own_offset() {
    let mut bench = Bench::new();
    let answer = commit(&mut bench, |it| {
        let mut long = it.offsets[0].clone();
        (long.partition, long.metadata) = (1, "x".repeat(4097));
        let mut longest = long.clone();
        (longest.partition, longest.metadata) = (2, "x".repeat(4096));
        it.offsets.extend([long, longest]);
    });
    assert_eq!(answer, Ok(vec![Ok(()), Err(ErrorCode::OffsetMetadataTooLarge), Ok(())]));
    assert_eq!(fetch(&mut bench, None)[0].partitions.len(), 2);
}
