//! What administrators ask. What would change something only asks whether it could.

use super::super::types::messages::{
    AddRaftVoterRequest, AlterConfigsRequest, AlterPartitionReassignmentsRequest,
    AlterReplicaLogDirsRequest, AlterUserScramCredentialsRequest, BrokerId, CreateAclsRequest,
    CreatePartitionsRequest, CreateTopicsRequest, DeleteAclsRequest, DeleteTopicsRequest,
    DescribeAclsRequest, DescribeClusterRequest, DescribeConfigsRequest, DescribeLogDirsRequest,
    DescribeQuorumRequest, DescribeUserScramCredentialsRequest, ElectLeadersRequest,
    IncrementalAlterConfigsRequest, ListConfigResourcesRequest, ListPartitionReassignmentsRequest,
    RemoveRaftVoterRequest, UnregisterBrokerRequest, UpdateFeaturesRequest,
    alter_configs_request::{AlterConfigsResource, AlterableConfig},
    alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
    alter_replica_log_dirs_request::{AlterReplicaLogDir, AlterReplicaLogDirTopic},
    alter_user_scram_credentials_request::ScramCredentialDeletion,
    create_acls_request::AclCreation,
    create_partitions_request::CreatePartitionsTopic,
    create_topics_request::CreatableTopic,
    delete_acls_request::DeleteAclsFilter,
    delete_topics_request::DeleteTopicState,
    describe_configs_request::DescribeConfigsResource,
    describe_quorum_request::{PartitionData, TopicData},
    describe_user_scram_credentials_request::UserName,
    elect_leaders_request::TopicPartitions,
    incremental_alter_configs_request as incremental,
};
use super::{Ask, DOOMED, Fixture, GROUP, NEW, TOPIC, first_allowed, is_allowed, s, t};

/// Somebody whom no other question is about.
const SOMEBODY: &str = "User:somebody";

pub(super) fn probe(asker: &mut impl Ask, name: &str, fixture: &Fixture) -> Option<bool> {
    Some(match name {
        "CREATE_TOPICS" | "CREATE_TOPICS_ANY" | "CREATE_TOPICS_CONFIGS" => {
            create_topics(asker, name)
        }
        "DELETE_TOPICS" | "DELETE_TOPICS/id" | "DELETE_TOPICS_NAME" => {
            delete_topics(asker, name, fixture)
        }
        "CREATE_PARTITIONS" => {
            let topic = CreatePartitionsTopic::default()
                .with_name(t(TOPIC))
                .with_count(2)
                .with_assignments(None);
            let request = CreatePartitionsRequest::default()
                .with_topics(vec![topic])
                .with_timeout_ms(10_000)
                .with_validate_only(true);
            let answer = asker.ask(name, asker.newest::<CreatePartitionsRequest>(), &request);
            first_allowed(&answer.results, |it| it.error_code)
        }
        "DESCRIBE_ACLS" | "CREATE_ACLS" | "DELETE_ACLS" => acls(asker, name)?,
        "DESCRIBE_SCRAM" => {
            let nobody = UserName::default().with_name(s("nobody"));
            let request =
                DescribeUserScramCredentialsRequest::default().with_users(Some(vec![nobody]));
            let version = asker.newest::<DescribeUserScramCredentialsRequest>();
            let answer = asker.ask(name, version, &request);
            is_allowed(answer.error_code)
                && answer.results.iter().all(|it| is_allowed(it.error_code))
        }
        "ALTER_SCRAM" => {
            let nobody =
                ScramCredentialDeletion::default().with_name(s("nobody")).with_mechanism(1);
            let request = AlterUserScramCredentialsRequest::default().with_deletions(vec![nobody]);
            let version = asker.newest::<AlterUserScramCredentialsRequest>();
            first_allowed(&asker.ask(name, version, &request).results, |it| it.error_code)
        }
        "DESCRIBE_CONFIGS_TOPIC" => describe_configs(asker, name, (2, TOPIC)),
        "DESCRIBE_CONFIGS_GROUP" => describe_configs(asker, name, (32, GROUP)),
        "DESCRIBE_CONFIGS_CLUSTER" => describe_configs(asker, name, (4, "1")),
        "ALTER_CONFIGS_TOPIC" => alter_configs(asker, name, (2, TOPIC)),
        "ALTER_CONFIGS_GROUP" => alter_configs(asker, name, (32, GROUP)),
        "ALTER_CONFIGS_CLUSTER" => alter_configs(asker, name, (4, "")),
        "INCREMENTAL_CONFIGS_TOPIC" => incremental_configs(asker, name, (2, TOPIC)),
        "INCREMENTAL_CONFIGS_GROUP" => incremental_configs(asker, name, (32, GROUP)),
        "INCREMENTAL_CONFIGS_CLUSTER" => incremental_configs(asker, name, (4, "")),
        _ => return cluster(asker, name),
    })
}

fn create_topics(asker: &mut impl Ask, case: &str) -> bool {
    let topic = CreatableTopic::default()
        .with_name(t(NEW))
        .with_num_partitions(1)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let answer = asker.ask(case, asker.newest::<CreateTopicsRequest>(), &request);
    first_allowed(&answer.topics, |it| it.error_code)
        && (case != "CREATE_TOPICS_CONFIGS"
            || first_allowed(&answer.topics, |it| it.topic_config_error_code))
}

fn delete_topics(asker: &mut impl Ask, case: &str, fixture: &Fixture) -> bool {
    let topic = match case {
        "DELETE_TOPICS" => DeleteTopicState::default().with_name(Some(t(DOOMED))),
        _ => DeleteTopicState::default().with_name(None).with_topic_id(fixture.doomed),
    };
    let request = DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let answer = asker.ask(case, asker.newest::<DeleteTopicsRequest>(), &request);
    match case {
        "DELETE_TOPICS_NAME" => answer.responses.iter().any(|it| it.name.is_some()),
        _ => first_allowed(&answer.responses, |it| it.error_code),
    }
}

fn acls(asker: &mut impl Ask, case: &str) -> Option<bool> {
    Some(match case {
        "DESCRIBE_ACLS" => {
            let request = DescribeAclsRequest::default()
                .with_resource_type_filter(1)
                .with_resource_name_filter(None)
                .with_pattern_type_filter(1)
                .with_principal_filter(Some(s(SOMEBODY)))
                .with_host_filter(None)
                .with_operation(1)
                .with_permission_type(1);
            let version = asker.newest::<DescribeAclsRequest>();
            is_allowed(asker.ask(case, version, &request).error_code)
        }
        "CREATE_ACLS" => {
            let one = AclCreation::default()
                .with_resource_type(2)
                .with_resource_name(s("somewhere"))
                .with_resource_pattern_type(3)
                .with_principal(s(SOMEBODY))
                .with_host(s("*"))
                .with_operation(3)
                .with_permission_type(3);
            let request = CreateAclsRequest::default().with_creations(vec![one]);
            let answer = asker.ask(case, asker.newest::<CreateAclsRequest>(), &request);
            first_allowed(&answer.results, |it| it.error_code)
        }
        "DELETE_ACLS" => {
            let filter = DeleteAclsFilter::default()
                .with_resource_type_filter(1)
                .with_resource_name_filter(None)
                .with_pattern_type_filter(1)
                .with_principal_filter(Some(s(SOMEBODY)))
                .with_host_filter(None)
                .with_operation(1)
                .with_permission_type(1);
            let request = DeleteAclsRequest::default().with_filters(vec![filter]);
            let answer = asker.ask(case, asker.newest::<DeleteAclsRequest>(), &request);
            first_allowed(&answer.filter_results, |it| it.error_code)
        }
        _ => return None,
    })
}

fn describe_configs(asker: &mut impl Ask, case: &str, (kind, name): (i8, &str)) -> bool {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(s(name))
        .with_configuration_keys(Some(vec![s("compression.type")]));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let answer = asker.ask(case, asker.newest::<DescribeConfigsRequest>(), &request);
    first_allowed(&answer.results, |it| it.error_code)
}

/// A setting that things of this kind have, and a value for it.
fn setting(kind: i8) -> (&'static str, &'static str) {
    match kind {
        2 => ("retention.ms", "1000000"),
        32 => ("consumer.session.timeout.ms", "45000"),
        _ => ("log.retention.ms", "1000000"),
    }
}

fn alter_configs(asker: &mut impl Ask, case: &str, (kind, name): (i8, &str)) -> bool {
    let (setting, value) = setting(kind);
    let config = AlterableConfig::default().with_name(s(setting)).with_value(Some(s(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(s(name))
        .with_configs(vec![config]);
    let request =
        AlterConfigsRequest::default().with_resources(vec![resource]).with_validate_only(true);
    let answer = asker.ask(case, asker.newest::<AlterConfigsRequest>(), &request);
    first_allowed(&answer.responses, |it| it.error_code)
}

fn incremental_configs(asker: &mut impl Ask, case: &str, (kind, name): (i8, &str)) -> bool {
    let (setting, value) = setting(kind);
    let config = incremental::AlterableConfig::default()
        .with_name(s(setting))
        .with_config_operation(0)
        .with_value(Some(s(value)));
    let resource = incremental::AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(s(name))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default()
        .with_resources(vec![resource])
        .with_validate_only(true);
    let answer = asker.ask(case, asker.newest::<IncrementalAlterConfigsRequest>(), &request);
    first_allowed(&answer.responses, |it| it.error_code)
}

fn cluster(asker: &mut impl Ask, case: &str) -> Option<bool> {
    Some(match case {
        "ALTER_REPLICA_LOG_DIRS" => {
            let topic =
                AlterReplicaLogDirTopic::default().with_name(t(TOPIC)).with_partitions(vec![0]);
            let dir =
                AlterReplicaLogDir::default().with_path(s("/nowhere")).with_topics(vec![topic]);
            let request = AlterReplicaLogDirsRequest::default().with_dirs(vec![dir]);
            let answer = asker.ask(case, asker.newest::<AlterReplicaLogDirsRequest>(), &request);
            let partitions = answer.results.iter().flat_map(|topic| &topic.partitions);
            first_allowed(partitions, |it| it.error_code)
        }
        "DESCRIBE_LOG_DIRS" => {
            let request = DescribeLogDirsRequest::default().with_topics(Some(Vec::new()));
            let version = asker.newest::<DescribeLogDirsRequest>();
            is_allowed(asker.ask(case, version, &request).error_code)
        }
        "ELECT_LEADERS" => {
            let topic = TopicPartitions::default().with_topic(t(TOPIC)).with_partitions(vec![0]);
            let request = ElectLeadersRequest::default()
                .with_topic_partitions(Some(vec![topic]))
                .with_timeout_ms(10_000);
            let version = asker.newest::<ElectLeadersRequest>();
            is_allowed(asker.ask(case, version, &request).error_code)
        }
        "DESCRIBE_QUORUM" => {
            let partition = PartitionData::default().with_partition_index(0);
            let topic = TopicData::default()
                .with_topic_name(t("__cluster_metadata"))
                .with_partitions(vec![partition]);
            let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
            // where the quorum is differs, whether one hears of it does not
            let version = 0;
            is_allowed(asker.ask(case, version, &request).error_code)
        }
        "UPDATE_FEATURES" => {
            let request =
                UpdateFeaturesRequest::default().with_timeout_ms(10_000).with_validate_only(true);
            let version = asker.newest::<UpdateFeaturesRequest>();
            is_allowed(asker.ask(case, version, &request).error_code)
        }
        "DESCRIBE_CLUSTER" => {
            let request = DescribeClusterRequest::default()
                .with_include_cluster_authorized_operations(true)
                .with_endpoint_type(1);
            let answer = asker.ask(case, asker.newest::<DescribeClusterRequest>(), &request);
            answer.cluster_authorized_operations > 0
        }
        "UNREGISTER_BROKER" => {
            let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(99));
            let version = asker.newest::<UnregisterBrokerRequest>();
            is_allowed(asker.ask(case, version, &request).error_code)
        }
        "ADD_RAFT_VOTER" => {
            let request = AddRaftVoterRequest::default().with_voter_id(99);
            is_allowed(asker.ask(case, 0, &request).error_code)
        }
        "REMOVE_RAFT_VOTER" => {
            let request = RemoveRaftVoterRequest::default().with_voter_id(99);
            is_allowed(asker.ask(case, 0, &request).error_code)
        }
        "REASSIGN" | "LIST_REASSIGNMENTS" => reassignments(asker, case),
        "LIST_CONFIG_RESOURCES" => {
            let request = ListConfigResourcesRequest::default().with_resource_types(vec![2]);
            let version = asker.newest::<ListConfigResourcesRequest>();
            is_allowed(asker.ask(case, version, &request).error_code)
        }
        _ => return None,
    })
}

fn reassignments(asker: &mut impl Ask, case: &str) -> bool {
    if case == "LIST_REASSIGNMENTS" {
        let request =
            ListPartitionReassignmentsRequest::default().with_topics(None).with_timeout_ms(10_000);
        let version = asker.newest::<ListPartitionReassignmentsRequest>();
        return is_allowed(asker.ask(case, version, &request).error_code);
    }
    let partition = ReassignablePartition::default().with_partition_index(0).with_replicas(None);
    let topic = ReassignableTopic::default().with_name(t(TOPIC)).with_partitions(vec![partition]);
    let request = AlterPartitionReassignmentsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(10_000);
    let version = asker.newest::<AlterPartitionReassignmentsRequest>();
    is_allowed(asker.ask(case, version, &request).error_code)
}
