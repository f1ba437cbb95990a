//! `LeaveGroup`: members that do not wait for their session to run out.

use kastellan_protocol::ErrorCode;

use super::{
    input::Leave,
    live::{Live, Step},
    name::{InstanceId, MemberId},
    reply::Reply,
};

impl Live {
    /// Takes each of the leaving out, then lets the others know once.
    pub(super) fn leave(&mut self, step: &mut Step<'_>, leave: &Leave) {
        let before = self.members.len();
        let mut fates = Vec::with_capacity(leave.members.len());
        for (member, instance) in &leave.members {
            fates.push(self.take_out(step, member, instance.as_ref()));
        }
        if self.members.len() < before {
            self.settle(step);
        } else {
            // an id that nobody will come back with may be all that the others waited for
            self.open_if_all_are_here(step);
        }
        step.reply(leave.ticket, Reply::Leave(Ok(fates)));
    }

    /// An admin may name a static member by its instance alone.
    fn take_out(
        &mut self,
        step: &mut Step<'_>,
        member: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<(), ErrorCode> {
        if self.forget_pending(step, member) {
            return Ok(());
        }
        let holder = instance.and_then(|instance| self.statics.get(instance));
        let id = match holder {
            Some(holder) if member.is_empty() => holder.clone(),
            _ => member.clone(),
        };
        self.check_member(&id, instance)?;
        self.remove_member(step, &id);
        Ok(())
    }
}
