//! Committed offsets as the groups' clients know them.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::{
    group::{GroupId, MemberId},
    id::Offset,
    machine::Ticket,
};

/// Whose offset: group, topic, partition.
pub(crate) type Key = (GroupId, String, i32);

/// What was asked for and not answered yet, and what the client believes in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The last answer: the offset, -1 for none, and the end of the log at that moment.
    pub(crate) acknowledged: Option<(i64, Offset)>,
    /// What was asked for since then, with which question.
    pub(crate) attempts: Vec<(Ticket, i64)>,
}

impl Known {
    /// The question came true while the log ended at `upto`. What was asked before it is over: the
    /// log has everything in the order it was asked. Nothing, where it was not about this offset.
    pub(crate) fn acknowledge(&mut self, ticket: Ticket, upto: Offset) {
        if let Some(at) = self.attempts.iter().position(|(asked, _)| *asked == ticket) {
            let last = self.attempts.drain(..=at).next_back();
            self.acknowledged = last.map(|(_, offset)| (offset, upto));
        }
    }

    /// The question was refused before anything was tried.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        self.attempts.retain(|(asked, _)| *asked != ticket);
    }
}

/// What a ticket was for.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// The commit of an offset.
    Commit(Key),
    /// A group's deletion.
    Delete(GroupId),
    /// The deletion of a committed offset.
    DeleteOffset(Key),
    /// A member's next step.
    Member(usize),
}

/// One client that wants to be a member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) group: GroupId,
    pub(crate) id: MemberId,
    pub(crate) generation: i32,
    /// Whom the leader shares work out to.
    pub(crate) followers: Vec<MemberId>,
    /// The answer that it waits for.
    pub(crate) waiting: Option<Ticket>,
    /// Whether it has its assignment.
    pub(crate) settled: bool,
}

/// What the groups' clients know.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) offsets: BTreeMap<Key, Known>,
    pub(crate) asked: BTreeMap<Ticket, Asked>,
    pub(crate) members: Vec<Member>,
    /// The last generation of each group whose work was shared out, and the end of the log then.
    pub(crate) generations: BTreeMap<GroupId, (i32, Offset)>,
    /// Groups that were forgotten once: they count anew, and late answers tell of before.
    pub(crate) forgotten: BTreeSet<GroupId>,
    pub(crate) next_ticket: u64,
}

impl Groups {
    /// A new ticket.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Nobody who asked will be answered any more.
    pub(crate) fn disconnect(&mut self) {
        self.asked.clear();
        for member in &mut self.members {
            member.waiting = None;
        }
    }
}
