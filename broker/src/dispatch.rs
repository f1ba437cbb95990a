//! One line per API.

use std::sync::Arc;

use kastellan_protocol::{Refused, messages::ApiKey};

use crate::{
    api,
    broker::Broker,
    call::{Call, Proof, Way},
    controller::Active,
    peers,
};

/// Whether only the active controller can answer: other brokers hand the request to it.
pub(crate) fn needs_controller(api: ApiKey) -> bool {
    matches!(
        api,
        ApiKey::AddRaftVoter
            | ApiKey::AlterClientQuotas
            | ApiKey::AlterConfigs
            | ApiKey::AlterPartitionReassignments
            | ApiKey::AlterUserScramCredentials
            | ApiKey::CreateAcls
            | ApiKey::CreateDelegationToken
            | ApiKey::CreatePartitions
            | ApiKey::CreateTopics
            | ApiKey::DeleteAcls
            | ApiKey::DeleteTopics
            | ApiKey::DescribeQuorum
            | ApiKey::ElectLeaders
            | ApiKey::ExpireDelegationToken
            | ApiKey::IncrementalAlterConfigs
            | ApiKey::RemoveRaftVoter
            | ApiKey::RenewDelegationToken
            | ApiKey::UnregisterBroker
            | ApiKey::UpdateFeatures
    )
}

/// Routes a request of a cold API: to the active controller, or to its handler here. `Refused`
/// closes the connection.
pub(crate) fn dispatch(broker: &Arc<Broker>, api: ApiKey, call: Call) -> Result<(), Refused> {
    if call.client.peer.is_some() {
        return peers::dispatch(broker, api, call);
    }
    // how a client has come in is known here alone
    let is_refused_here = call.client.proof != Proof::Credential
        && matches!(
            api,
            ApiKey::CreateDelegationToken
                | ApiKey::RenewDelegationToken
                | ApiKey::ExpireDelegationToken
        );
    let is_direct = matches!(call.way, Way::Direct | Way::Again { .. });
    if is_direct && needs_controller(api) && !is_refused_here {
        return match broker.controller.active() {
            Active::Here => peers::decide_here(broker, api, call),
            Active::There(node) => peers::forward(broker, node, api, call),
            Active::Nobody => peers::forward_later(broker, api, call),
        };
    }
    handle(broker, api, call)
}

/// Routes a request to its handler here.
pub(crate) fn handle(broker: &Arc<Broker>, api: ApiKey, call: Call) -> Result<(), Refused> {
    match api {
        ApiKey::ListOffsets => api::list_offsets::handle(broker, call),
        ApiKey::DescribeGroups => api::describe_groups::handle(broker, call),
        ApiKey::FindCoordinator => api::find_coordinator::handle(broker, call),
        ApiKey::Heartbeat => api::heartbeat::handle(broker, call),
        ApiKey::JoinGroup => api::join_group::handle(broker, call),
        ApiKey::LeaveGroup => api::leave_group::handle(broker, call),
        ApiKey::ListGroups => api::list_groups::handle(broker, call),
        ApiKey::OffsetCommit => api::offset_commit::handle(broker, call),
        ApiKey::OffsetFetch => api::offset_fetch::handle(broker, call),
        ApiKey::OffsetForLeaderEpoch => api::offset_for_leader_epoch::handle(broker, call),
        ApiKey::SyncGroup => api::sync_group::handle(broker, call),
        ApiKey::AlterConfigs => api::alter_configs::handle(broker, call),
        ApiKey::ApiVersions => api::api_versions::handle(broker, call),
        ApiKey::CreatePartitions => api::create_partitions::handle(broker, call),
        ApiKey::CreateTopics => api::create_topics::handle(broker, call),
        ApiKey::DeleteRecords => api::delete_records::handle(broker, call),
        ApiKey::DeleteTopics => api::delete_topics::handle(broker, call),
        ApiKey::DescribeCluster => api::describe_cluster::handle(broker, call),
        ApiKey::DescribeAcls => api::describe_acls::handle(broker, call),
        ApiKey::CreateAcls => api::create_acls::handle(broker, call),
        ApiKey::DeleteAcls => api::delete_acls::handle(broker, call),
        ApiKey::DescribeConfigs => api::describe_configs::handle(broker, call),
        ApiKey::AlterReplicaLogDirs => api::alter_replica_log_dirs::handle(broker, call),
        ApiKey::DescribeLogDirs => api::describe_log_dirs::handle(broker, call),
        ApiKey::DescribeProducers => api::describe_producers::handle(broker, call),
        ApiKey::DescribeQuorum => api::describe_quorum::handle(broker, call),
        ApiKey::IncrementalAlterConfigs => api::incremental_alter_configs::handle(broker, call),
        ApiKey::InitProducerId => api::init_producer_id::handle(broker, call),
        ApiKey::ListConfigResources => api::list_config_resources::handle(broker, call),
        ApiKey::Metadata => api::metadata::handle(broker, call),
        ApiKey::AlterPartitionReassignments => {
            api::alter_partition_reassignments::handle(broker, call)
        }
        ApiKey::DeleteGroups => api::delete_groups::handle(broker, call),
        ApiKey::DescribeTopicPartitions => api::describe_topic_partitions::handle(broker, call),
        ApiKey::ElectLeaders => api::elect_leaders::handle(broker, call),
        ApiKey::ListPartitionReassignments => {
            api::list_partition_reassignments::handle(broker, call)
        }
        ApiKey::OffsetDelete => api::offset_delete::handle(broker, call),
        ApiKey::SaslHandshake => api::sasl_handshake::handle(broker, call),
        ApiKey::SaslAuthenticate => api::sasl_authenticate::handle(broker, call),
        ApiKey::DescribeClientQuotas => api::describe_client_quotas::handle(broker, call),
        ApiKey::AlterClientQuotas => api::alter_client_quotas::handle(broker, call),
        ApiKey::DescribeUserScramCredentials => {
            api::describe_user_scram_credentials::handle(broker, call)
        }
        ApiKey::AlterUserScramCredentials => {
            api::alter_user_scram_credentials::handle(broker, call)
        }
        ApiKey::CreateDelegationToken => api::create_delegation_token::handle(broker, call),
        ApiKey::RenewDelegationToken => api::renew_delegation_token::handle(broker, call),
        ApiKey::ExpireDelegationToken => api::expire_delegation_token::handle(broker, call),
        ApiKey::DescribeDelegationToken => api::describe_delegation_token::handle(broker, call),
        ApiKey::UnregisterBroker => api::unregister_broker::handle(broker, call),
        ApiKey::UpdateFeatures => api::update_features::handle(broker, call),
        ApiKey::AddRaftVoter => api::add_raft_voter::handle(broker, call),
        ApiKey::RemoveRaftVoter => api::remove_raft_voter::handle(broker, call),
        _ => {
            call.reply.close("an API that is not served");
            Ok(())
        }
    }
}
