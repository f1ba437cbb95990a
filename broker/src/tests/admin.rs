//! Topics, partitions, settings and producer ids over the wire, in every version.

use std::collections::BTreeSet;

use kastellan_protocol::{
    api_version,
    messages::{
        ApiKey, ApiVersionsRequest, CreatePartitionsRequest, CreateTopicsRequest,
        DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest, DescribeQuorumRequest,
        InitProducerIdRequest, MetadataRequest, MetadataResponse, TransactionalId,
        UnregisterBrokerRequest, UpdateFeaturesRequest,
        create_partitions_request::CreatePartitionsTopic, create_topics_request::CreatableTopic,
        delete_topics_request::DeleteTopicState, describe_configs_request::DescribeConfigsResource,
        describe_quorum_request, metadata_request::MetadataRequestTopic,
        update_features_request::FeatureUpdateKey,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{
    Harness,
    client::{Client, batch, topic_name},
};

fn versions(api: ApiKey) -> std::ops::RangeInclusive<i16> {
    let (min, max) = api_version::range(api).unwrap();
    min..=max
}

fn ask(
    client: &mut Client,
    version: i16,
    names: &[&'static str],
    create: bool,
) -> MetadataResponse {
    let topic =
        |name: &&'static str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let request = MetadataRequest::default()
        .with_topics(Some(names.iter().map(topic).collect()))
        .with_allow_auto_topic_creation(create || version < 4);
    client.call(version, &request)
}

fn codes(response: &MetadataResponse) -> Vec<i16> {
    response.topics.iter().map(|topic| topic.error_code).collect()
}

#[test]
fn the_quorum_is_described_in_every_version() {
    let harness = Harness::new();
    let mut client = harness.client();
    let partition = describe_quorum_request::PartitionData::default().with_partition_index(0);
    let topic = describe_quorum_request::TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![partition]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    for version in versions(ApiKey::DescribeQuorum) {
        let response = client.call(version, &request);
        let partition = &response.topics[0].partitions[0];
        assert_eq!((response.error_code, partition.error_code), (0, 0), "v{version}");
        assert_eq!((partition.leader_id.0, partition.current_voters.len()), (1, 1));
        assert_eq!(partition.current_voters[0].replica_id.0, 1);
        assert_eq!(response.nodes.len(), usize::from(version >= 2), "v{version}");
    }
}

#[test]
fn metadata_names_the_broker_the_topics_and_their_leaders_in_every_version() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("orders", 3, &[]);
    for version in versions(ApiKey::Metadata) {
        let response = ask(&mut client, version, &["orders"], false);
        assert_eq!((codes(&response), response.brokers.len()), (vec![0], 1), "v{version}");
        let found = &response.topics[0];
        assert_eq!(found.partitions.len(), 3);
        assert!(found.partitions.iter().all(|it| it.leader_id.0 == 1 && it.error_code == 0));
        if version >= 10 {
            assert_eq!(found.topic_id, topic.id);
        }
        if version >= 2 {
            assert_eq!(response.cluster_id.as_ref().unwrap().len(), 22);
        }
    }
}

#[test]
fn all_topics_are_asked_for_with_nothing_in_v0_and_with_null_later() {
    let harness = Harness::new();
    let mut client = harness.client();
    client.create("b", 1, &[]);
    client.create("a", 1, &[]);
    for version in versions(ApiKey::Metadata) {
        let all = (version > 0).then_some(()).map_or(Some(Vec::new()), |()| None);
        let response = client.call(version, &MetadataRequest::default().with_topics(all));
        let names: Vec<_> = response.topics.iter().filter_map(|it| it.name.clone()).collect();
        assert_eq!(names, [topic_name("a"), topic_name("b")], "v{version}");
        if version > 0 {
            assert!(ask(&mut client, version, &[], false).topics.is_empty());
        }
    }
}

#[test]
fn a_topic_that_is_asked_for_comes_into_being_and_can_be_produced_to_at_once() {
    let harness = Harness::with(&[("num.partitions", "2")]);
    let mut client = harness.client();
    let response = ask(&mut client, 9, &["fresh", "a/b"], true);
    assert_eq!(codes(&response), [0, 17]);
    assert_eq!(response.topics[0].partitions.len(), 2);
    let topic = super::client::Topic { name: "fresh", id: Uuid::nil() };
    assert_eq!(client.put(&topic, 1, batch(&["x"])), (0, 0));
    // and only if the client wants it to
    assert_eq!(codes(&ask(&mut client, 9, &["other"], false)), [3]);
}

#[test]
fn no_topic_comes_into_being_where_that_is_turned_off() {
    let harness = Harness::with(&[("auto.create.topics.enable", "false")]);
    assert_eq!(codes(&ask(&mut harness.client(), 9, &["fresh"], true)), [3]);
}

#[test]
fn topics_are_found_by_id_from_v12_on() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("orders", 1, &[]);
    let by_id = |id| MetadataRequestTopic::default().with_name(None).with_topic_id(id);
    let request = MetadataRequest::default()
        .with_topics(Some(vec![by_id(topic.id), by_id(Uuid::from_u128(9))]));
    let response = client.call(12, &request);
    assert_eq!(codes(&response), [0, 100]);
    assert_eq!(response.topics[0].name, Some(topic_name("orders")));
    assert_eq!(response.topics[1].name, None);
    let response = client.call(11, &request);
    assert_eq!(codes(&response), [42, 42]);
}

#[test]
fn operations_are_said_only_where_they_are_asked_for() {
    let harness = Harness::new();
    let mut client = harness.client();
    client.create("orders", 1, &[]);
    let request = MetadataRequest::default().with_topics(None);
    assert_eq!(client.call(9, &request).topics[0].topic_authorized_operations, i32::MIN);
    let request = request
        .with_include_topic_authorized_operations(true)
        .with_include_cluster_authorized_operations(true);
    let response = client.call(9, &request);
    assert_eq!(response.topics[0].topic_authorized_operations, 3576);
    assert_eq!(response.cluster_authorized_operations, 8096);
}

#[test]
fn topics_are_created_described_grown_and_deleted_in_every_version() {
    let harness = Harness::new();
    let mut client = harness.client();
    for version in versions(ApiKey::CreateTopics) {
        let topic = CreatableTopic::default()
            .with_name(topic_name("orders"))
            .with_num_partitions(2)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]);
        let created = client.call(version, &request).topics.remove(0);
        assert_eq!(created.error_code, 0, "v{version}: {created:?}");
        if version >= 5 {
            assert_eq!((created.num_partitions, created.replication_factor), (2, 1));
            assert!(created.configs.unwrap().len() > 30);
        }
        let again = client.call(version, &request).topics.remove(0);
        assert_eq!(again.error_code, 36);

        let grow = version.min(3);
        let more = CreatePartitionsTopic::default()
            .with_name(topic_name("orders"))
            .with_count(3)
            .with_assignments(None);
        let request = CreatePartitionsRequest::default().with_topics(vec![more]);
        assert_eq!(client.call(grow, &request).results[0].error_code, 0, "v{grow}");
        assert_eq!(client.call(grow, &request).results[0].error_code, 37, "v{grow}");

        let delete = (version - 1).max(1);
        let request = if delete >= 6 {
            let topic = DeleteTopicState::default().with_name(Some(topic_name("orders")));
            DeleteTopicsRequest::default().with_topics(vec![topic])
        } else {
            DeleteTopicsRequest::default().with_topic_names(vec![topic_name("orders")])
        };
        let deleted = client.call(delete, &request).responses.remove(0);
        assert_eq!(deleted.error_code, 0, "v{delete}");
        assert_eq!(client.call(delete, &request).responses[0].error_code, 3);
        assert_eq!(codes(&ask(&mut client, 9, &["orders"], false)), [3]);
    }
}

#[test]
fn a_topic_deleted_by_id_is_gone_with_its_files_and_its_name_is_free() {
    let harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("orders", 1, &[]);
    client.put(&topic, 0, batch(&["old"]));
    let delete = |state| DeleteTopicsRequest::default().with_topics(vec![state]);
    let by_id = DeleteTopicState::default().with_name(None).with_topic_id(topic.id);
    let gone = client.call(6, &delete(by_id.clone())).responses.remove(0);
    assert_eq!((gone.error_code, gone.name), (0, Some(topic_name("orders"))));
    assert!(!harness.config.log_dirs[0].join("orders-0").exists());
    assert_eq!(client.call(6, &delete(by_id.clone())).responses[0].error_code, 100);
    let both = by_id.with_name(Some(topic_name("orders")));
    assert_eq!(client.call(6, &delete(both)).responses[0].error_code, 42);
    let neither = DeleteTopicState::default().with_name(None);
    assert_eq!(client.call(6, &delete(neither)).responses[0].error_code, 42);

    let again = client.create("orders", 1, &[]);
    assert_ne!(again.id, topic.id);
    assert_eq!(client.put(&again, 0, batch(&["new"])), (0, 0));
}

#[test]
fn a_topic_that_is_named_twice_is_answered_once_and_stays() {
    let harness = Harness::new();
    let mut client = harness.client();
    client.create("a", 1, &[]);
    client.create("b", 1, &[]);
    let names = ["a", "b", "a"].map(topic_name).to_vec();
    let request = DeleteTopicsRequest::default().with_topic_names(names);
    let codes: Vec<_> =
        client.call(5, &request).responses.iter().map(|answer| answer.error_code).collect();
    assert_eq!(codes, [42, 0]);
    assert_eq!(self::codes(&ask(&mut client, 9, &["a", "b"], false)), [0, 3]);
}

#[test]
fn topics_and_their_records_outlive_the_broker() {
    let mut harness = Harness::new();
    let mut client = harness.client();
    let topic = client.create("orders", 2, &[("retention.ms", "-1")]);
    client.put(&topic, 1, batch(&["a"]));
    let cluster = client.call(9, &MetadataRequest::default()).cluster_id;
    harness.restart();
    harness.kill_and_restart();
    let mut client = harness.client();
    let response = ask(&mut client, 10, &["orders"], false);
    assert_eq!(response.cluster_id, cluster);
    assert_eq!(response.topics[0].topic_id, topic.id);
    // a new leader epoch for every start
    assert!(response.topics[0].partitions.iter().all(|partition| partition.leader_epoch == 2));
    assert_eq!(client.put(&topic, 1, batch(&["b"])), (0, 1));
}

#[test]
fn settings_are_described_in_every_version() {
    let harness = Harness::new();
    let mut client = harness.client();
    client.create("orders", 1, &[("retention.ms", "5")]);
    let resource = |kind, name: &'static str| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(StrBytes::from_static_str(name))
            .with_configuration_keys(None)
    };
    let resources =
        [(2, "orders"), (2, "nope"), (2, "a/b"), (4, "1"), (4, "2"), (16, "x"), (99, "x")];
    let resources = resources.iter().map(|&(kind, name)| resource(kind, name)).collect();
    let request = DescribeConfigsRequest::default()
        .with_resources(resources)
        .with_include_synonyms(true)
        .with_include_documentation(true);
    for version in versions(ApiKey::DescribeConfigs) {
        let request = request.clone().with_include_documentation(version >= 3);
        let response = client.call(version, &request);
        let codes: Vec<_> = response.results.iter().map(|it| it.error_code).collect();
        assert_eq!(codes, [0, 3, 17, 0, 42, 0, 42], "v{version}");
        let found = response.results[0].configs.iter().find(|it| &*it.name == "retention.ms");
        let found = found.unwrap();
        assert_eq!((found.value.as_deref(), found.config_source), (Some("5"), 1));
        assert_eq!(found.synonyms.len(), 1);
        if version >= 3 {
            assert_eq!(found.config_type, 5);
            assert!(found.documentation.as_ref().unwrap().contains("older"));
        }
    }
}

#[test]
fn only_the_settings_that_are_asked_for_are_described() {
    let harness = Harness::new();
    let keys = vec![StrBytes::from_static_str("num.partitions"), StrBytes::from_static_str("x")];
    let resource = DescribeConfigsResource::default()
        .with_resource_type(4)
        .with_resource_name(StrBytes::from_static_str("1"))
        .with_configuration_keys(Some(keys));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let response = harness.client().call(4, &request);
    assert_eq!(response.results[0].configs.len(), 1);
}

#[test]
fn the_cluster_is_described_in_every_version() {
    let harness = Harness::new();
    let mut client = harness.client();
    for version in versions(ApiKey::DescribeCluster) {
        let response = client.call(version, &DescribeClusterRequest::default());
        assert_eq!((response.error_code, response.brokers.len()), (0, 1), "v{version}");
        assert_eq!(response.cluster_authorized_operations, i32::MIN);
        assert_eq!(response.controller_id.0, 1);
    }
    let controllers = DescribeClusterRequest::default().with_endpoint_type(2);
    assert_eq!(client.call(1, &controllers).error_code, 114);
}

#[test]
fn producers_get_ids_that_nobody_had_before_not_even_before_a_restart() {
    let mut harness = Harness::new();
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        let mut client = harness.client();
        for version in versions(ApiKey::InitProducerId) {
            let request = InitProducerIdRequest::default()
                .with_transactional_id(None)
                .with_producer_id((-1).into())
                .with_producer_epoch(-1);
            let response = client.call(version, &request);
            assert_eq!((response.error_code, response.producer_epoch), (0, 0), "v{version}");
            assert!(seen.insert(response.producer_id.0), "{round}: given twice");
        }
        harness.kill_and_restart();
    }
}

#[test]
fn a_block_of_ids_that_is_used_up_is_followed_by_another_one() {
    let harness = Harness::new();
    let mut client = harness.client();
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    for _ in 0..1200 {
        client.send(1, &request);
    }
    let ids: BTreeSet<_> =
        (0..1200).map(|_| client.receive::<InitProducerIdRequest>(1).1.producer_id.0).collect();
    assert_eq!(ids, (0..1200).collect());
}

#[test]
fn a_producer_that_bumps_its_epoch_gets_a_new_id_and_nonsense_is_refused() {
    let harness = Harness::new();
    let mut client = harness.client();
    let mut call = |id: i64, epoch: i16| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(id.into())
            .with_producer_epoch(epoch);
        let response = client.call(4, &request);
        (response.error_code, response.producer_id.0, response.producer_epoch)
    };
    assert_eq!(call(-1, -1), (0, 0, 0));
    assert_eq!(call(0, 0), (0, 1, 0));
    for (id, epoch) in [(-1, 0), (0, -1), (-2, -2)] {
        assert_eq!(call(id, epoch), (42, -1, -1));
    }
}

#[test]
fn a_transactional_producer_is_told_at_once_that_there_are_no_transactions() {
    let harness = Harness::new();
    let id = |text| Some(TransactionalId(StrBytes::from_static_str(text)));
    let mut client = harness.client();
    let request = InitProducerIdRequest::default().with_transactional_id(id("payments"));
    assert_eq!(client.call(4, &request).error_code, 35);
    let request = InitProducerIdRequest::default().with_transactional_id(id(""));
    assert_eq!(client.call(4, &request).error_code, 42);
}

#[test]
fn finalized_features_come_with_the_offset_they_are_from() {
    let harness = Harness::new();
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("test"))
        .with_client_software_version(StrBytes::from_static_str("1"));
    let response = harness.client().call(4, &request);
    let levels: Vec<_> = response
        .finalized_features
        .iter()
        .map(|feature| (feature.name.as_str(), feature.max_version_level))
        .collect();
    assert_eq!(levels, [("eligible.leader.replicas.version", 1), ("metadata.version", 27)]);
    assert!(response.finalized_features_epoch > 0);
}

#[test]
fn features_go_down_only_when_that_is_asked_for() {
    let harness = Harness::new();
    let mut client = harness.client();
    let update = |name: &'static str, level, kind| {
        UpdateFeaturesRequest::default().with_feature_updates(vec![
            FeatureUpdateKey::default()
                .with_feature(StrBytes::from_static_str(name))
                .with_max_version_level(level)
                .with_upgrade_type(kind),
        ])
    };
    let eligible = "eligible.leader.replicas.version";
    for (request, code) in [
        (update("metadata.version", 27, 1), 0),
        (update("metadata.version", 26, 2), 95),
        (update("nonsense", 1, 1), 95),
        (update(eligible, 0, 1), 95),
        (update(eligible, 0, 7), 42),
        (update(eligible, 0, 2), 0),
        (update(eligible, 1, 1), 0),
    ] {
        let response = client.call(2, &request);
        assert_eq!(response.error_code, code, "{request:?}: {response:?}");
        assert!(response.results.is_empty());
    }
    let refused = client.call(1, &update("nonsense", 1, 1));
    assert_eq!((refused.error_code, refused.results[0].error_code), (0, 95));
}

#[test]
fn only_what_is_registered_and_not_the_controllers_own_is_unregistered() {
    let harness = Harness::new();
    let mut client = harness.client();
    for (id, code) in [(1, 42), (9, 102)] {
        let request = UnregisterBrokerRequest::default().with_broker_id(id.into());
        assert_eq!(client.call(0, &request).error_code, code, "{id}");
    }
}

#[test]
fn a_directory_of_another_cluster_or_node_is_refused_before_anything_is_written() {
    let mut harness = Harness::new();
    harness.running.take().unwrap().shutdown();
    for change in [
        |config: &mut crate::Config| config.cluster_id = Some("another".to_owned()),
        |config: &mut crate::Config| config.node_id = 2,
    ] {
        let mut config = harness.config.clone();
        change(&mut config);
        let error = crate::start(config).unwrap_err().to_string();
        assert!(error.contains("belongs to"), "{error}");
    }
    harness.running = Some(crate::start(harness.config.clone()).unwrap());
}
