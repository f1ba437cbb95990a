//! What the versions of `Metadata` ask for.

use kastellan_core::id::Uuid;
use kastellan_protocol::{
    messages::{TopicName, metadata_request::MetadataRequestTopic},
    protocol::StrBytes,
};

use super::request::{Asked, Topic, wanted};

fn by_name(name: &'static str) -> MetadataRequestTopic {
    MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_static_str(name))))
}

fn by_id(id: u128) -> MetadataRequestTopic {
    MetadataRequestTopic::default().with_name(None).with_topic_id(Uuid::from_u128(id))
}

fn name(name: &str) -> Topic {
    Topic::Name(name.to_owned())
}

#[test]
fn an_empty_list_asks_for_all_in_v0_and_for_none_later() {
    assert_eq!(wanted(0, Some(Vec::new())), Asked::All);
    assert_eq!(wanted(1, Some(Vec::new())), Asked::These(Vec::new()));
    assert_eq!(wanted(13, Some(Vec::new())), Asked::These(Vec::new()));
    assert_eq!(wanted(1, None), Asked::All);
}

#[test]
fn a_topic_that_is_asked_for_twice_is_answered_once_in_its_first_place() {
    let topics = vec![by_name("b"), by_name("a"), by_name("b")];
    assert_eq!(wanted(9, Some(topics)), Asked::These(vec![name("b"), name("a")]));
}

#[test]
fn ids_count_from_v12_on_and_are_refused_before() {
    let topics = || Some(vec![by_name("a"), by_id(7)]);
    let both = vec![name("a"), Topic::Id(Uuid::from_u128(7))];
    assert_eq!(wanted(12, topics()), Asked::These(both.clone()));
    assert_eq!(wanted(11, topics()), Asked::Invalid(both));
}
