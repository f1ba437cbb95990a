//! `ListGroups`: every group that this broker coordinates.

use std::sync::Arc;

use kastellan_core::group::{Input, List, Listed, Reply};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{ListGroupsRequest, ListGroupsResponse, list_groups_response::ListedGroup},
    protocol::StrBytes,
};

use crate::{
    access::needs::{LIST_GROUPS, LIST_GROUPS_ALL},
    broker::Broker,
    call::Call,
    groups::{Groups, wire},
};

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: ListGroupsRequest = call.decode()?;
    let owned =
        |names: &[StrBytes]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
    let (states, types) = (owned(&request.states_filter), owned(&request.types_filter));
    let input = |ticket| Input::List(List { ticket, states: states.clone(), types: types.clone() });
    let asker = Arc::clone(broker);
    Groups::ask_all(broker, input, move |replies| {
        let judge = asker.judge(&call.client);
        let all = judge.sees_cluster(LIST_GROUPS_ALL);
        let visible = |line: &Listed| all || judge.sees(LIST_GROUPS, line.group.as_str());
        let mut response = ListGroupsResponse::default();
        for reply in replies {
            match reply {
                Reply::List(Ok(lines)) => {
                    response.groups.extend(lines.into_iter().filter(visible).map(listed));
                }
                // a list without the groups that are still being read would be a lie
                Reply::List(Err(ErrorCode::CoordinatorLoadInProgress)) => {
                    response = response
                        .with_error_code(ErrorCode::CoordinatorLoadInProgress.code())
                        .with_groups(Vec::new());
                    break;
                }
                // groups of a partition that is led elsewhere are not this broker's to list
                _ => (),
            }
        }
        drop(judge);
        call.reply.send(&response);
    });
    Ok(())
}

fn listed(line: Listed) -> ListedGroup {
    ListedGroup::default()
        .with_group_id(wire::text(line.group.as_str()).into())
        .with_protocol_type(StrBytes::from_string(line.protocol_type))
        .with_group_state(StrBytes::from(line.state.as_str()))
        .with_group_type(StrBytes::from("classic"))
}
