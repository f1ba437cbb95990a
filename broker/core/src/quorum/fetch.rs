//! Serving fetches: where the other log left ours, what it lacks, and what it proves.

use bytes::Bytes;
use kastellan_protocol::ErrorCode;

use super::{
    Effect, Quorum,
    message::{FetchRequest, FetchResponse, Response},
    role::{Parked, Progress, Role},
    view::{Place, SnapshotId},
    voters::ReplicaKey,
};
use crate::{
    id::{LeaderEpoch, Offset},
    machine::{Millis, Ticket},
};

/// The most replicas without a vote that a leader keeps in mind.
const MOST_OBSERVERS: usize = 1_000;

impl Quorum {
    pub(super) fn serve_fetch(&mut self, token: Ticket, request: FetchRequest) {
        let wrong = self.check_epoch(request.epoch).or_else(|| self.check_leader());
        if wrong.is_some() {
            let response = self.refuse_fetch(wrong);
            self.out.push(Effect::Reply { token, response });
            return;
        }
        match self.log.place(request.offset, request.last_epoch) {
            _ if request.offset < 0 => {
                let response = self.refuse_fetch(Some(ErrorCode::InvalidRequest));
                self.out.push(Effect::Reply { token, response });
            }
            Place::Prefix => {
                self.note_progress(request.replica, Some(request.offset));
                self.supersede(request.replica);
                self.serve_prefix(token, request);
                self.commit();
            }
            Place::Diverging(epoch, end) => {
                self.note_progress(request.replica, None);
                self.reply_fetch(token, Some((epoch, end)), None);
            }
            Place::Snapshot(snapshot) => {
                self.note_progress(request.replica, None);
                self.reply_fetch(token, None, Some(snapshot));
            }
        }
    }

    pub(super) fn check_leader(&self) -> Option<ErrorCode> {
        let leads = matches!(self.role, Role::Leader(_));
        (!leads).then_some(ErrorCode::NotLeaderOrFollower)
    }

    pub(super) fn refuse_fetch(&self, error: Option<ErrorCode>) -> Response {
        Response::Fetch(FetchResponse {
            standing: self.standing(error),
            high_watermark: -1,
            log_start: -1,
            diverging: None,
            snapshot: None,
            records: Bytes::new(),
        })
    }

    fn fetch_response(&self) -> FetchResponse {
        FetchResponse {
            standing: self.standing(None),
            high_watermark: self.high_watermark,
            log_start: self.log.start,
            diverging: None,
            snapshot: None,
            records: Bytes::new(),
        }
    }

    fn reply_fetch(
        &mut self,
        token: Ticket,
        diverging: Option<(LeaderEpoch, Offset)>,
        snapshot: Option<SnapshotId>,
    ) {
        let response = FetchResponse { diverging, snapshot, ..self.fetch_response() };
        self.out.push(Effect::Reply { token, response: Response::Fetch(response) });
    }

    fn serve_prefix(&mut self, token: Ticket, request: FetchRequest) {
        if request.offset < self.log.end {
            let response = self.fetch_response();
            let (from, max_bytes) = (request.offset, request.max_bytes);
            self.out.push(Effect::ReplyRecords { token, response, from, max_bytes });
        } else if request.high_watermark < self.high_watermark || request.max_wait_ms == 0 {
            self.reply_fetch(token, None, None);
        } else {
            // nobody may keep a request longer than half of the time after which it is given up
            let wait = u64::from(request.max_wait_ms);
            let wait = std::time::Duration::from_millis(wait).min(self.setup.timeouts.fetch / 2);
            let until = self.after(wait);
            let Role::Leader(leader) = &mut self.role else { return };
            leader.parked.push(Parked { token, request, until });
        }
    }

    /// A replica that asks again has given up its last question.
    fn supersede(&mut self, replica: ReplicaKey) {
        self.answer_parked(|parked, _| parked.request.replica == replica);
    }

    /// Answers the waiting fetches for which there is something new.
    pub(super) fn serve_parked(&mut self) {
        let (end, high_watermark) = (self.log.end, self.high_watermark);
        self.answer_parked(|parked, _| {
            parked.request.offset < end || parked.request.high_watermark < high_watermark
        });
    }

    pub(super) fn answer_parked(&mut self, due: impl Fn(&Parked, Millis) -> bool) {
        let now = self.now.monotonic;
        let Role::Leader(leader) = &mut self.role else { return };
        let all = std::mem::take(&mut leader.parked);
        let (answered, kept) = all.into_iter().partition(|parked| due(parked, now));
        leader.parked = kept;
        for Parked { token, request, .. } in answered {
            self.serve_prefix(token, FetchRequest { max_wait_ms: 0, ..request });
        }
    }

    /// Notes that a replica asked, and what that proves about its log.
    pub(super) fn note_progress(&mut self, replica: ReplicaKey, end: Option<Offset>) {
        let (now, voters) = (self.now, self.voters().clone());
        let log_end = self.log.end;
        let Role::Leader(leader) = &mut self.role else { return };
        let observers = leader.progress.keys().filter(|key| !voters.holds(**key)).count();
        if observers >= MOST_OBSERVERS && !leader.progress.contains_key(&replica) {
            return;
        }
        let progress = leader.progress.entry(replica).or_insert(Progress {
            end: -1,
            fetched: now.monotonic,
            fetched_wall: now.wall,
            caught_up_wall: -1,
            seen: (Offset::MAX, now.wall),
        });
        progress.fetched = now.monotonic;
        progress.fetched_wall = now.wall;
        let Some(end) = end else { return };
        // what was once on its disk stays there for this epoch: an older word is no news
        progress.end = progress.end.max(end);
        if progress.end >= log_end {
            progress.caught_up_wall = now.wall;
        } else if progress.end >= progress.seen.0 {
            progress.caught_up_wall = progress.caught_up_wall.max(progress.seen.1);
        }
        progress.seen = (log_end, now.wall);
    }
}
