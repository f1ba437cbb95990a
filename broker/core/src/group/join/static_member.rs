//! Static members (KIP-345): somebody comes back under its own name and takes its old place.

use kastellan_protocol::ErrorCode;

use crate::group::{
    input::Join,
    live::{Live, Phase, Step},
    name::MemberId,
    reply::{Joined, Reply},
    timers::Timer,
};

impl Live {
    /// Puts the caller, under the fresh id `id`, in the place of `holder`, who is fenced. A stable
    /// group goes on without a rebalance as long as its protocol stays: what members say about
    /// themselves is opaque, and some put their last assignment into it.
    pub(super) fn replace_static(
        &mut self,
        step: &mut Step<'_>,
        join: &Join,
        holder: &MemberId,
        id: &MemberId,
    ) {
        let led_by = self.leader.clone();
        self.change_id(step, holder, id);
        self.update(id, join);
        self.renew(step, id);
        if self.phase == Phase::Stable && self.select_protocol() == self.protocol {
            let record = self.to_record();
            step.append(&self.id, vec![record]);
            let joined = self.back_in_place(join, id, led_by);
            step.reply(join.ticket, Reply::Join(Box::new(joined)));
            return;
        }
        // a leader that is sharing out the work may be about to give the old id an assignment,
        // hence also a group that is completing starts over
        self.park_join(step, join, id);
        self.rebalance(step);
    }

    /// The answer that keeps the assignment. A returning leader that knows how to skip the
    /// assignment (KIP-814) is told that it leads; an older one is told that its former self does.
    fn back_in_place(&self, join: &Join, id: &MemberId, led_by: Option<MemberId>) -> Joined {
        let mut joined = self.joined(id);
        if join.skips_assignment {
            joined.skip_assignment = self.leader.as_ref() == Some(id);
        } else {
            joined.leader = led_by.unwrap_or_default();
            joined.members = Vec::new();
        }
        joined
    }

    fn change_id(&mut self, step: &mut Step<'_>, from: &MemberId, to: &MemberId) {
        let Some(mut member) = self.members.remove(from) else { return };
        step.timers.set(&mut member.session_at, None, &self.id, Timer::Session(from.clone()));
        if let Some(ticket) = member.joining.take() {
            step.turn_away(ticket, from.clone(), ErrorCode::FencedInstanceId);
        }
        if let Some(ticket) = member.syncing.take() {
            step.reply(ticket, Reply::Sync(Err(ErrorCode::FencedInstanceId)));
        }
        // whoever comes back under a name of its own can be found again: it is no zombie
        member.is_newcomer = false;
        if self.leader.as_ref() == Some(from) {
            self.leader = Some(to.clone());
        }
        if let Some(instance) = &member.instance {
            self.statics.insert(instance.clone(), to.clone());
        }
        self.members.insert(to.clone(), member);
    }
}
