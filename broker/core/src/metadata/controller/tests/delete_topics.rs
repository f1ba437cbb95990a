//! Topics go.

use super::*;

fn delete(bench: &mut Bench, topics: Vec<TopicRef>) -> Reply {
    bench.run(Input::DeleteTopics { ticket: TICKET, topics })
}

fn name(name: &str) -> TopicRef {
    TopicRef::Name(name.to_owned())
}

#[test]
fn topics_go_by_name_and_by_id() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 1, 1), topic("b", 1, 1)]);
    let (a, b) = (topic("a", 1, 1).id, topic("b", 1, 1).id);
    let topics = vec![name("b"), TopicRef::Id(a)];
    let effects = bench.step(Input::DeleteTopics { ticket: TICKET, topics });
    let deleted = |name: &str, id| DeletedTopic { name: Some(name.to_owned()), id, result: Ok(()) };
    assert_eq!(
        effects,
        [
            Effect::Append(vec![Record::RemoveTopic { id: b }, Record::RemoveTopic { id: a }]),
            Effect::Reply(TICKET, Reply::Deleted(vec![deleted("b", b), deleted("a", a)])),
        ]
    );
}

#[test]
fn an_unknown_name_is_3_and_an_unknown_id_100() {
    let mut bench = Bench::new(1);
    let id = Uuid::from_u128(5);
    let Reply::Deleted(deleted) = delete(&mut bench, vec![name("a"), TopicRef::Id(id)]) else {
        panic!("not the answer")
    };
    assert_eq!(code(&deleted[0].result), Some(3));
    assert_eq!((code(&deleted[1].result), deleted[1].id), (Some(100), id));
}

#[test]
fn a_topic_that_is_named_twice_stays() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 1, 1), topic("b", 1, 1)]);
    let codes = |bench: &mut Bench, topics| {
        let Reply::Deleted(deleted) = delete(bench, topics) else { panic!("not the answer") };
        deleted.iter().map(|topic| code(&topic.result)).collect::<Vec<_>>()
    };
    let both_ways = vec![name("a"), TopicRef::Id(topic("a", 1, 1).id)];
    assert_eq!(codes(&mut bench, both_ways), [Some(42), Some(42)]);
    assert_eq!(codes(&mut bench, vec![name("a"), name("b"), name("a")]), [Some(42), None]);
    assert!(bench.controller.image().topic("a").is_some());
}

#[test]
fn nothing_is_deleted_where_deletion_is_turned_off() {
    let mut bench = Bench::with(1, &[("delete.topic.enable", "false")]);
    bench.create(vec![topic("a", 1, 1)]);
    let Reply::Failed(failure) = delete(&mut bench, vec![name("a")]) else { panic!() };
    assert_eq!(failure.code, ErrorCode::TopicDeletionDisabled);
    assert_eq!(bench.controller.image().topic_count(), 1);
}
