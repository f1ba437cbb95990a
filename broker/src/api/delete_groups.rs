//! `DeleteGroups`: groups that nobody is in go, with all that they committed.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::group::{DeleteGroup, Input, Reply};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DeleteGroupsRequest, DeleteGroupsResponse, GroupId,
        delete_groups_response::DeletableGroupResult,
    },
};

use crate::{
    access::needs::DELETE_GROUPS,
    broker::Broker,
    call::Call,
    groups::{Gather, Groups, wire},
};

/// Answers once the groups are gone. A group that is named twice is answered once.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DeleteGroupsRequest = call.decode()?;
    let mut seen = BTreeSet::new();
    let mut groups = request.groups_names;
    groups.retain(|group| seen.insert(group.clone()));
    let client = Arc::clone(&call.client);
    let gather = Gather::new(groups.len(), move |results| {
        call.reply.send(&DeleteGroupsResponse::default().with_results(results));
    });
    for (index, group) in groups.into_iter().enumerate() {
        let gather = Arc::clone(&gather);
        if !broker.judge(&client).may(DELETE_GROUPS, &group) {
            let code = ErrorCode::GroupAuthorizationFailed.code();
            gather.put(index, result(&group, code));
            continue;
        }
        let name = group.clone();
        let input =
            |ticket| Input::DeleteGroup(DeleteGroup { ticket, group: name.as_str().into() });
        Groups::ask(broker, &name, input, move |reply| {
            if let Reply::DeleteGroup(fate) = reply {
                gather.put(index, result(&group, wire::code(&fate)));
            }
        });
    }
    Ok(())
}

fn result(group: &GroupId, code: i16) -> DeletableGroupResult {
    DeletableGroupResult::default().with_group_id(wire::text(group).into()).with_error_code(code)
}
