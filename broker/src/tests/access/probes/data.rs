//! What producers and consumers ask.

use super::super::types::messages::{
    BrokerId, DeleteRecordsRequest, DescribeProducersRequest, DescribeTopicPartitionsRequest,
    FetchRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, TransactionalId,
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    describe_producers_request::TopicRequest as Producers,
    describe_topic_partitions_request::TopicRequest,
    fetch_request::{FetchPartition, FetchTopic},
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    metadata_request::MetadataRequestTopic,
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    produce_request::{PartitionProduceData, TopicProduceData},
};
use super::{Ask, Fixture, NEW, TOPIC, TRANSACTIONAL_ID, first_allowed, is_allowed, s, t};

/// The last versions that name topics by name.
const NAMES: i16 = 12;
/// The last version that tells what may be done with the cluster.
const CLUSTER_OPERATIONS: i16 = 10;

pub(super) fn probe(asker: &mut impl Ask, name: &str, fixture: &Fixture) -> Option<bool> {
    Some(match name {
        "PRODUCE" | "PRODUCE_TRANSACTIONAL" => produce(asker, name, NAMES, fixture),
        "PRODUCE/id" => {
            let newest = asker.newest::<ProduceRequest>();
            produce(asker, name, newest, fixture)
        }
        "FETCH" => fetch(asker, name, NAMES, fixture),
        "FETCH/id" => {
            let newest = asker.newest::<FetchRequest>();
            fetch(asker, name, newest, fixture)
        }
        "LIST_OFFSETS" => list_offsets(asker, name),
        "EPOCH_ENDS" | "EPOCH_ENDS_ALL" => epoch_ends(asker, name),
        "DELETE_RECORDS" => delete_records(asker, name),
        "DESCRIBE_PRODUCERS" => describe_producers(asker, name),
        "DESCRIBE_TOPIC_PARTITIONS" => describe_topic_partitions(asker, name, Some(TOPIC)),
        "DESCRIBE_TOPIC_PARTITIONS/all" => describe_topic_partitions(asker, name, None),
        _ if name.starts_with("METADATA") => return metadata(asker, name, fixture),
        _ if name.starts_with("INIT_PRODUCER_ID") => init_producer_id(asker, name),
        _ => return None,
    })
}

fn produce(asker: &mut impl Ask, case: &str, version: i16, fixture: &Fixture) -> bool {
    let transactional = case == "PRODUCE_TRANSACTIONAL";
    let batch = if transactional { &fixture.transactional } else { &fixture.batch };
    // a transaction that is begun would keep others from what comes after it
    let index = if transactional { 7 } else { 0 };
    let data = PartitionProduceData::default().with_index(index).with_records(Some(batch.clone()));
    let topic = TopicProduceData::default().with_partition_data(vec![data]);
    let topic = if version > NAMES {
        topic.with_topic_id(fixture.topic)
    } else {
        topic.with_name(t(TOPIC))
    };
    let id = transactional.then(|| TransactionalId(s(TRANSACTIONAL_ID)));
    let request = ProduceRequest::default()
        .with_transactional_id(id)
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    let answer = asker.ask(case, version, &request);
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    first_allowed(partitions, |it| it.error_code)
}

fn fetch(asker: &mut impl Ask, case: &str, version: i16, fixture: &Fixture) -> bool {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(0)
        // the records that others have left are of no interest
        .with_partition_max_bytes(1);
    let topic = FetchTopic::default().with_partitions(vec![partition]);
    let topic = if version > NAMES {
        topic.with_topic_id(fixture.topic)
    } else {
        topic.with_topic(t(TOPIC))
    };
    let request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(0)
        .with_max_bytes(1)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let answer = asker.ask(case, version, &request);
    let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    first_allowed(partitions, |it| it.error_code)
}

fn list_offsets(asker: &mut impl Ask, case: &str) -> bool {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(0)
        .with_current_leader_epoch(-1)
        .with_timestamp(-2);
    let topic = ListOffsetsTopic::default().with_name(t(TOPIC)).with_partitions(vec![partition]);
    let request =
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let answer = asker.ask(case, asker.newest::<ListOffsetsRequest>(), &request);
    first_allowed(answer.topics.iter().flat_map(|topic| &topic.partitions), |it| it.error_code)
}

fn epoch_ends(asker: &mut impl Ask, case: &str) -> bool {
    let partition = OffsetForLeaderPartition::default()
        .with_partition(0)
        .with_current_leader_epoch(-1)
        .with_leader_epoch(0);
    let topic =
        OffsetForLeaderTopic::default().with_topic(t(TOPIC)).with_partitions(vec![partition]);
    let request = OffsetForLeaderEpochRequest::default()
        .with_replica_id(BrokerId(-2))
        .with_topics(vec![topic]);
    let answer = asker.ask(case, asker.newest::<OffsetForLeaderEpochRequest>(), &request);
    first_allowed(answer.topics.iter().flat_map(|topic| &topic.partitions), |it| it.error_code)
}

fn delete_records(asker: &mut impl Ask, case: &str) -> bool {
    let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(0);
    let topic = DeleteRecordsTopic::default().with_name(t(TOPIC)).with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let answer = asker.ask(case, asker.newest::<DeleteRecordsRequest>(), &request);
    first_allowed(answer.topics.iter().flat_map(|topic| &topic.partitions), |it| it.error_code)
}

fn describe_producers(asker: &mut impl Ask, case: &str) -> bool {
    let topic = Producers::default().with_name(t(TOPIC)).with_partition_indexes(vec![0]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let answer = asker.ask(case, asker.newest::<DescribeProducersRequest>(), &request);
    first_allowed(answer.topics.iter().flat_map(|topic| &topic.partitions), |it| it.error_code)
}

fn describe_topic_partitions(asker: &mut impl Ask, case: &str, topic: Option<&str>) -> bool {
    let topics = topic.into_iter().map(|name| TopicRequest::default().with_name(t(name)));
    let request = DescribeTopicPartitionsRequest::default()
        .with_topics(topics.collect())
        .with_response_partition_limit(1_000);
    let answer = asker.ask(case, asker.newest::<DescribeTopicPartitionsRequest>(), &request);
    let mut found = answer.topics.iter();
    found.any(|it| it.name == Some(t(TOPIC)) && is_allowed(it.error_code))
}

fn metadata(asker: &mut impl Ask, case: &str, fixture: &Fixture) -> Option<bool> {
    let named = |name: &str| MetadataRequestTopic::default().with_name(Some(t(name)));
    let by_id = MetadataRequestTopic::default().with_name(None).with_topic_id(fixture.topic);
    let (topic, version) = match case {
        "METADATA" => (Some(named(TOPIC)), asker.newest::<MetadataRequest>()),
        "METADATA/id" => (Some(by_id), asker.newest::<MetadataRequest>()),
        "METADATA/all" => (None, asker.newest::<MetadataRequest>()),
        "METADATA_CREATE" | "METADATA_CREATE_ANY" => {
            (Some(named(NEW)), asker.newest::<MetadataRequest>())
        }
        "METADATA_CLUSTER" => (Some(named(TOPIC)), CLUSTER_OPERATIONS),
        _ => return None,
    };
    let request = MetadataRequest::default()
        .with_topics(topic.map(|topic| vec![topic]))
        .with_allow_auto_topic_creation(case.starts_with("METADATA_CREATE"))
        .with_include_cluster_authorized_operations(case == "METADATA_CLUSTER")
        .with_include_topic_authorized_operations(true);
    let answer = asker.ask(case, version, &request);
    if case == "METADATA_CLUSTER" {
        return Some(answer.cluster_authorized_operations > 0);
    }
    let wanted = |name: &str| name == TOPIC || name == NEW;
    let mut topics = answer.topics.iter().filter(|topic| {
        case == "METADATA/id" || topic.name.as_ref().is_some_and(|name| wanted(name))
    });
    Some(topics.next().is_some_and(|topic| is_allowed(topic.error_code)))
}

fn init_producer_id(asker: &mut impl Ask, case: &str) -> bool {
    let id =
        (case == "INIT_PRODUCER_ID_TRANSACTIONAL").then(|| TransactionalId(s(TRANSACTIONAL_ID)));
    let request = InitProducerIdRequest::default()
        .with_transactional_id(id)
        .with_transaction_timeout_ms(60_000)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1);
    is_allowed(asker.ask(case, asker.newest::<InitProducerIdRequest>(), &request).error_code)
}
