//! Snapshots: a replica that lacks what is in the log no more fetches the leader's, part by part
//! (KIP-630).

use bytes::Bytes;
use kastellan_protocol::ErrorCode;

use super::{
    Effect, Quorum,
    message::{FetchSnapshotRequest, FetchSnapshotResponse, Response},
    role::{Download, Role},
    send::Outstanding,
    view::SnapshotId,
    voters::Voters,
};
use crate::machine::Ticket;

impl Quorum {
    pub(super) fn serve_snapshot(&mut self, token: Ticket, request: &FetchSnapshotRequest) {
        let gone = || {
            let there = self.log.snapshot == Some(request.snapshot);
            (!there).then_some(ErrorCode::SnapshotNotFound)
        };
        let error = self.check_epoch(request.epoch).or_else(|| self.check_leader());
        let error = error.or_else(gone);
        let response = FetchSnapshotResponse {
            standing: self.standing(error),
            snapshot: request.snapshot,
            size: 0,
            position: request.position,
            bytes: Bytes::new(),
        };
        if error.is_some() {
            let response = Response::FetchSnapshot(response);
            self.out.push(Effect::Reply { token, response });
            return;
        }
        self.note_progress(request.replica, None);
        let max_bytes = request.max_bytes;
        self.out.push(Effect::ReplySnapshot { token, response, max_bytes });
    }

    /// Fetches a snapshot in the place of the log.
    pub(super) fn begin_download(&mut self, snapshot: SnapshotId) {
        assert!(
            self.high_watermark <= snapshot.end,
            "what is committed is in the leader's log or in its snapshot: {} and {snapshot:?}",
            self.high_watermark
        );
        if let Role::Follower(follower) = &mut self.role {
            follower.download = Some(Download { snapshot, position: 0, whole: false });
        }
    }

    /// A part of a snapshot has come.
    pub(super) fn fetched_part(&mut self, asked: Outstanding, response: FetchSnapshotResponse) {
        let standing = &response.standing;
        if self.learn(standing.epoch, standing.leader, &standing.endpoints) {
            return;
        }
        let timeout = self.after(self.setup.timeouts.fetch);
        let again = self.after(self.setup.timeouts.retry);
        let from_leader = self.stored.leader == Some(asked.to);
        let leads = from_leader && standing.epoch == self.stored.epoch;
        let Role::Follower(follower) = &mut self.role else { return };
        let Some(download) = &mut follower.download else { return };
        let expected = leads
            && standing.error.is_none()
            && response.snapshot == download.snapshot
            && response.position == download.position
            && !response.bytes.is_empty();
        if !expected {
            // it may be gone: the next fetch says what there is now
            let gone = [ErrorCode::SnapshotNotFound, ErrorCode::PositionOutOfRange];
            if standing.error.is_some_and(|error| gone.contains(&error)) {
                follower.download = None;
            }
            follower.fetch_at = again;
            return;
        }
        follower.until = timeout;
        follower.fetched = true;
        follower.fetch_at = self.now.monotonic;
        let (snapshot, position) = (download.snapshot, download.position);
        download.position += response.bytes.len() as u64;
        download.whole = download.position >= response.size;
        let whole = download.whole;
        self.out.push(Effect::SnapshotChunk { snapshot, position, bytes: response.bytes });
        if whole {
            self.out.push(Effect::SnapshotDone(snapshot));
        }
    }

    /// The snapshot has taken the log's place.
    pub(super) fn installed(&mut self, snapshot: SnapshotId, voters: Option<Voters>) {
        self.log.restart(snapshot, voters);
        if let Role::Follower(follower) = &mut self.role {
            follower.download = None;
            follower.fetch_at = self.now.monotonic;
        }
        self.advance(snapshot.end);
    }

    /// What was fetched is no snapshot: once more from the beginning.
    pub(super) fn damaged(&mut self) {
        let again = self.after(self.setup.timeouts.retry);
        if let Role::Follower(follower) = &mut self.role {
            follower.download = None;
            follower.fetch_at = again;
        }
    }
}
