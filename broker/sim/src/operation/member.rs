//! A member of a group takes its next step, and everybody takes in what was answered.

use bytes::Bytes;
use kastellan_core::{
    group::{GroupId, Heartbeat, Input, Join, Joined, Leave, MemberId, Protocol, Reply, Sync},
    machine::Ticket,
};
use kastellan_protocol::ErrorCode;

use crate::{
    broker::offsets_partition,
    counter::Rare,
    invariant::{Check, Invariant, committed_offsets},
    model::groups::{Asked, Member},
    world::World,
};

const GROUPS: [&str; 2] = ["readers", "writers"];
/// Members of all groups.
const MEMBERS: usize = 4;

pub(super) fn run(world: &mut World) -> Check {
    hear(world)?;
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let groups = &mut env.model.groups;
    if groups.members.len() < MEMBERS {
        let group = GroupId::from(env.workload.pick(&GROUPS, "readers"));
        groups.members.push(new_member(group));
    }
    let index = env.workload.below(groups.members.len());
    let Some(member) = groups.members.get(index).cloned() else { return Ok(()) };
    if member.waiting.is_some() {
        return Ok(());
    }
    let ticket = groups.ticket();
    let leaves = member.settled && env.workload.chance(8);
    let input = match (member.settled, member.generation) {
        (true, _) if leaves => leave(ticket, &member),
        (true, _) => heartbeat(ticket, &member),
        (false, 1..) => sync(ticket, &member),
        (false, _) => join(ticket, &member, env.ids.uuid()),
    };
    let said = (member.group.as_str(), member.settled, member.generation, leaves);
    env.trace.note(format_args!("  {ticket:?}: member {index} {said:?}"));
    groups.asked.insert(ticket, Asked::Member(index));
    if let Some(member) = groups.members.get_mut(index) {
        member.waiting = Some(ticket);
        if leaves {
            *member = Member { waiting: None, ..new_member(member.group.clone()) };
        }
    }
    broker.coordinate(env, input)?;
    hear(world)
}

fn new_member(group: GroupId) -> Member {
    Member {
        group,
        id: MemberId::default(),
        generation: 0,
        followers: Vec::new(),
        waiting: None,
        settled: false,
    }
}

fn join(ticket: Ticket, member: &Member, unique: uuid::Uuid) -> Input {
    let protocol = Protocol { name: "range".to_owned(), metadata: Bytes::from_static(b"m") };
    Input::Join(Box::new(Join {
        ticket,
        group: member.group.clone(),
        member: member.id.clone(),
        instance: None,
        client_id: "sim".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        rebalance_timeout_ms: 20_000,
        session_timeout_ms: 30_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![protocol],
        requires_known_member: true,
        skips_assignment: true,
        unique,
    }))
}

fn sync(ticket: Ticket, member: &Member) -> Input {
    let share = |id: &MemberId| (id.clone(), Bytes::from(id.to_string()));
    Input::Sync(Box::new(Sync {
        ticket,
        group: member.group.clone(),
        generation: member.generation,
        member: member.id.clone(),
        instance: None,
        protocol_type: Some("consumer".to_owned()),
        protocol: Some("range".to_owned()),
        assignments: member.followers.iter().map(share).collect(),
    }))
}

fn heartbeat(ticket: Ticket, member: &Member) -> Input {
    let (group, generation) = (member.group.clone(), member.generation);
    Input::Heartbeat(Heartbeat {
        ticket,
        group,
        generation,
        member: member.id.clone(),
        instance: None,
    })
}

fn leave(ticket: Ticket, member: &Member) -> Input {
    let members = vec![(member.id.clone(), None)];
    Input::Leave(Leave { ticket, group: member.group.clone(), members })
}

/// Everybody takes in the answers that have come.
pub(crate) fn hear(world: &mut World) -> Check {
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    for (ticket, reply) in std::mem::take(&mut broker.groups.answers) {
        env.trace.note(format_args!("  {ticket:?}: {}", brief(&reply)));
        let upto = broker
            .partitions
            .get(&offsets_partition())
            .map_or(0, |served| served.machine.high_watermark());
        let groups = &mut env.model.groups;
        let Some(asked) = groups.asked.remove(&ticket) else { continue };
        match (asked, reply) {
            (Asked::Commit(key), Reply::CommitOffsets(Ok(_))) => {
                if let Some(known) = groups.offsets.get_mut(&key) {
                    known.acknowledge(ticket, upto);
                }
            }
            (Asked::Delete(group), Reply::DeleteGroup(Ok(()))) => {
                env.counters.note(Rare::GroupDeleted);
                groups.generations.remove(&group);
                let of_group = groups.offsets.iter_mut().filter(|((of, ..), _)| *of == group);
                of_group.for_each(|(_, known)| known.acknowledge(ticket, upto));
            }
            (Asked::DeleteOffset(key), Reply::DeleteOffsets(Ok(fates))) => {
                let Some(known) = groups.offsets.get_mut(&key) else { continue };
                if fates.contains(&Ok(())) {
                    env.counters.note(Rare::OffsetDeleted);
                    known.acknowledge(ticket, upto);
                } else {
                    // somebody may read on from it: it was not even tried
                    env.counters.note(Rare::OffsetDeletionRefused);
                    known.forget(ticket);
                }
            }
            (Asked::Member(index), reply) => {
                let finished =
                    groups.members.get(index).and_then(|it| groups.generations.get(&it.group));
                let member = groups.members.get(index);
                let anew = member.is_some_and(|it| groups.forgotten.contains(&it.group));
                let finished = finished.map_or(0, |(generation, _)| *generation);
                let finished = if anew { 0 } else { finished };
                let Some(member) = groups.members.get_mut(index) else { continue };
                if member.waiting != Some(ticket) {
                    continue;
                }
                member.waiting = None;
                let done = take(member, reply, finished)?;
                env.counters.compared(Invariant::CommittedOffsetsSurvive);
                if done {
                    env.counters.note(Rare::GroupGenerationFinished);
                    let told = (member.generation, upto);
                    groups.generations.insert(member.group.clone(), told);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// An answer, as the history shows it.
fn brief(reply: &Reply) -> String {
    match reply {
        Reply::Join(joined) => {
            let (error, members) = (joined.error, joined.members.len());
            format!("join {error:?} generation {} members {members}", joined.generation)
        }
        Reply::Sync(answer) => format!("sync {:?}", answer.as_ref().map(|_| ())),
        Reply::Heartbeat(answer) => format!("heartbeat {answer:?}"),
        Reply::Leave(answer) => format!("leave {answer:?}"),
        Reply::CommitOffsets(answer) => format!("commit {answer:?}"),
        other => format!("{other:?}"),
    }
}

/// A member takes in an answer. True: it has its assignment.
fn take(member: &mut Member, reply: Reply, finished: i32) -> Result<bool, crate::Violation> {
    match reply {
        Reply::Join(joined) => joined_as(member, *joined, finished).map(|()| false),
        Reply::Sync(Ok(_)) => {
            member.settled = true;
            Ok(true)
        }
        Reply::Sync(Err(code)) | Reply::Heartbeat(Err(code)) => {
            member.settled = false;
            member.generation = 0;
            if matches!(code, ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId) {
                member.id = MemberId::default();
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

fn joined_as(member: &mut Member, joined: Joined, finished: i32) -> Check {
    member.settled = false;
    member.generation = 0;
    match joined.error {
        None => {
            committed_offsets::generation(member.group.as_str(), joined.generation, finished)?;
            member.id = joined.member;
            member.generation = joined.generation;
            member.followers = joined.members.into_iter().map(|it| it.member).collect();
        }
        Some(ErrorCode::MemberIdRequired) => member.id = joined.member,
        Some(_) => member.id = MemberId::default(),
    }
    Ok(())
}
