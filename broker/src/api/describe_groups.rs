//! `DescribeGroups`: groups from outside, whole.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::{
    group::{Describe, DescribedMember, Description, Input, Reply, State},
    security::ResourceType,
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
    },
    protocol::StrBytes,
};

use crate::{
    access::needs::DESCRIBE_GROUPS,
    broker::Broker,
    call::Call,
    groups::{Gather, Groups, wire},
};

/// From here on a group that does not exist is an error (KIP-1043).
const MISSING_GROUPS: i16 = 6;
/// The operations were not asked for.
const NOT_ASKED: i32 = i32::MIN;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeGroupsRequest = call.decode()?;
    let version = call.version();
    let tells_operations = request.include_authorized_operations;
    let client = Arc::clone(&call.client);
    // each is answered once: a group with its members is far longer than its name
    let mut seen = BTreeSet::new();
    let mut groups = request.groups;
    groups.retain(|group| seen.insert(group.clone()));
    let gather = Gather::new(groups.len(), move |groups| {
        call.reply.send(&DescribeGroupsResponse::default().with_groups(groups));
    });
    for (index, group) in groups.into_iter().enumerate() {
        let gather = Arc::clone(&gather);
        let judge = broker.judge(&client);
        if !judge.may(DESCRIBE_GROUPS, &group) {
            let denied = Err(ErrorCode::GroupAuthorizationFailed);
            gather.put(index, answer(version, &group, denied, NOT_ASKED));
            continue;
        }
        let operations = if tells_operations {
            judge.operations(ResourceType::Group, &group)
        } else {
            NOT_ASKED
        };
        drop(judge);
        let name = group.clone();
        let input = |ticket| Input::Describe(Describe { ticket, group: name.as_str().into() });
        Groups::ask(broker, &name, input, move |reply| {
            if let Reply::Describe(description) = reply {
                gather.put(index, answer(version, &group, description, operations));
            }
        });
    }
    Ok(())
}

fn answer(
    version: i16,
    group: &GroupId,
    description: Result<Description, ErrorCode>,
    operations: i32,
) -> DescribedGroup {
    let answer = DescribedGroup::default()
        .with_group_id(wire::text(group).into())
        .with_authorized_operations(operations);
    match description {
        Ok(it) => answer
            .with_group_state(StrBytes::from(it.state.as_str()))
            .with_protocol_type(StrBytes::from_string(it.protocol_type))
            .with_protocol_data(StrBytes::from_string(it.protocol))
            .with_members(it.members.into_iter().map(member).collect()),
        Err(ErrorCode::GroupIdNotFound) => {
            let dead = answer.with_group_state(StrBytes::from(State::Dead.as_str()));
            if version < MISSING_GROUPS {
                return dead;
            }
            let message = format!("Group {} not found.", group.as_str());
            dead.with_error_code(ErrorCode::GroupIdNotFound.code())
                .with_error_message(Some(StrBytes::from_string(message)))
        }
        Err(error) => answer.with_error_code(error.code()),
    }
}

fn member(described: DescribedMember) -> DescribedGroupMember {
    DescribedGroupMember::default()
        .with_member_id(wire::member(&described.member))
        .with_group_instance_id(wire::instance(described.instance.as_ref()))
        .with_client_id(StrBytes::from_string(described.client_id))
        .with_client_host(StrBytes::from_string(described.client_host))
        .with_member_metadata(described.metadata)
        .with_member_assignment(described.assignment)
}
