//! `DescribeGroups` and `ListGroups`: groups from outside.

use kastellan_protocol::ErrorCode;

use super::{
    Coordinator,
    input::List,
    live::{Live, Phase},
    member::Member,
    name::{GroupId, MemberId},
    reply::{DescribedMember, Description, Listed},
    state::State,
};

/// The only type of group here (KIP-848's name for it).
const TYPE: &str = "classic";

impl Coordinator {
    /// One group, whole.
    pub(super) fn describe(&self, group: &GroupId) -> Result<Description, ErrorCode> {
        match (self.live.get(group), self.hard.get(group)) {
            (Some(live), _) => Ok(live.describe()),
            (None, Some(known)) => {
                let metadata = known.metadata.as_ref();
                Ok(Description {
                    state: State::Empty,
                    protocol_type: metadata.map_or_else(String::new, |m| m.protocol_type.clone()),
                    protocol: String::new(),
                    members: Vec::new(),
                })
            }
            (None, None) => Err(ErrorCode::GroupIdNotFound),
        }
    }

    /// Every group that passes the filters, in order.
    pub(super) fn list(&self, list: &List) -> Vec<Listed> {
        let passes = |filter: &[String], name: &str| {
            filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        if !passes(&list.types, TYPE) {
            return Vec::new();
        }
        let live = self.live.values().map(|live| Listed {
            group: live.id.clone(),
            protocol_type: live.protocol_type.clone(),
            state: live.state(),
        });
        let idle = self.hard.iter().filter(|(group, _)| !self.live.contains_key(*group));
        let idle = idle.map(|(group, known)| Listed {
            group: group.clone(),
            protocol_type: known
                .metadata
                .as_ref()
                .map_or_else(String::new, |m| m.protocol_type.clone()),
            state: State::Empty,
        });
        let shown = live.chain(idle).filter(|line| passes(&list.states, line.state.as_str()));
        let mut shown: Vec<Listed> = shown.collect();
        shown.sort_by(|one, other| one.group.cmp(&other.group));
        shown
    }
}

impl Live {
    fn describe(&self) -> Description {
        let stable = self.phase == Phase::Stable;
        let protocol = self.protocol.as_deref().filter(|_| stable);
        let members = self.members.iter();
        Description {
            state: self.state(),
            protocol_type: self.protocol_type.clone(),
            protocol: protocol.unwrap_or_default().to_owned(),
            members: members.map(|(id, it)| describe_member(id, it, protocol)).collect(),
        }
    }
}

fn describe_member(id: &MemberId, member: &Member, protocol: Option<&str>) -> DescribedMember {
    DescribedMember {
        member: id.clone(),
        instance: member.instance.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        metadata: member.metadata(protocol),
        assignment: member.assignment.clone(),
    }
}
