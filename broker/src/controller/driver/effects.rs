//! Doing what the quorum's machine wants, in its order.

use kastellan_core::{
    id::Uuid,
    machine::{Machine as _, Ticket},
    metadata::Image,
    quorum::{Effect, Event, FetchSnapshotResponse, Input, Response, SnapshotId},
};
use kastellan_log::Disk;
use kastellan_protocol::ErrorCode;

use super::{ControllerError, Driver};
use crate::controller::{follow::Touched, state_file};

impl<D: Disk> Driver<D> {
    /// Hands an event to the machine, does what it wants, and what follows from that. A log that
    /// was appended to is synced once for all of it.
    pub(super) fn step(&mut self, event: Event) -> Result<(), ControllerError> {
        self.events.push_back(event);
        let mut dirty = false;
        loop {
            let Some(event) = self.events.pop_front() else {
                if !std::mem::take(&mut dirty) {
                    break;
                }
                let upto = self.log.sync()?;
                self.events.push_back(Event::Synced { upto });
                continue;
            };
            let random = Uuid::new_v4().as_u64_pair().0;
            let mut effects = Vec::new();
            self.quorum.step(self.clock.now(), Input { random, event }, &mut effects);
            let mut effects = effects.into_iter().peekable();
            while let Some(effect) = effects.next() {
                // nothing came in between that the older state was promised to
                let replaced = matches!(effects.peek(), Some(Effect::Persist(_)));
                if replaced && matches!(effect, Effect::Persist(_)) {
                    continue;
                }
                dirty |= effect == Effect::Sync;
                self.carry_out(effect)?;
            }
        }
        if self.active.is_none() && self.quorum.settled().is_some() {
            self.activate();
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), ControllerError> {
        match effect {
            Effect::Persist(stored) => {
                state_file::write(self.directory.disk(), &self.log.dir(), stored)?;
            }
            Effect::Append(bytes) => self.log.append_batches(&bytes)?,
            Effect::Truncate { end } => self.log.truncate(end)?,
            Effect::Sync => {}
            Effect::Send { to, correlation, request } => match &mut self.outbox {
                Some(outbox) => outbox(to, correlation, request),
                None => self.events.push_back(Event::Unreachable { correlation, gone: false }),
            },
            Effect::Reply { token, response } => self.reply(token, response),
            Effect::ReplyRecords { token, mut response, from, max_bytes } => {
                response.records = self.log.read(from, max_bytes)?;
                self.reply(token, Response::Fetch(response));
            }
            Effect::ReplySnapshot { token, response, max_bytes } => {
                let response = self.read_snapshot(response, max_bytes)?;
                self.reply(token, Response::FetchSnapshot(response));
            }
            Effect::SnapshotChunk { position, bytes, .. } => self.log.download(position, &bytes),
            Effect::SnapshotDone(snapshot) => self.install(snapshot)?,
            Effect::HighWatermark(_) => match self.active {
                Some(_) => self.answer_committed(),
                None => self.fold_committed()?,
            },
            Effect::Role(part) => {
                if self.quorum.voters().len() > 1 {
                    tracing::info!(
                        role = ?part.role,
                        epoch = part.epoch,
                        leader = part.leader.map(|leader| leader.0),
                        "this node's part in the metadata quorum"
                    );
                }
                self.part.store(part.into());
                self.moved.notify_waiters();
                if self.active.is_some() && self.quorum.leads().is_none() {
                    self.step_down(&super::active::not_controller());
                }
            }
        }
        Ok(())
    }

    fn reply(&mut self, token: Ticket, response: Response) {
        if let Some(answer) = self.consulted.remove(&token) {
            answer.answer(response);
        }
    }

    fn read_snapshot(
        &self,
        mut response: FetchSnapshotResponse,
        max_bytes: u32,
    ) -> Result<FetchSnapshotResponse, ControllerError> {
        let position = response.position;
        match self.log.read_snapshot(response.snapshot, position, max_bytes)? {
            None => response.standing.error = Some(ErrorCode::SnapshotNotFound),
            Some((_, size)) if position >= size => {
                response.standing.error = Some(ErrorCode::PositionOutOfRange);
            }
            Some((bytes, size)) => (response.bytes, response.size) = (bytes, size),
        }
        Ok(response)
    }

    fn install(&mut self, snapshot: SnapshotId) -> Result<(), ControllerError> {
        let last = self.log_so_far();
        let Some((image, voters)) = self.log.install(snapshot)? else {
            self.events.push_back(Event::SnapshotDamaged);
            return Ok(());
        };
        // whatever differs may have changed in between
        let mut touched = Touched::everything(&self.published.load(), &image);
        touched.topics.extend(last.topics);
        self.publish(&image, &touched);
        self.events.push_back(Event::SnapshotInstalled { snapshot, voters });
        Ok(())
    }

    /// What the log is about that a snapshot replaces, behind what is published: in its last life
    /// this broker may have known that to be committed.
    fn log_so_far(&self) -> Touched {
        let (mut image, mut touched) = (Image::clone(&self.published.load()), Touched::default());
        if let Err(error) = self.log.fold(&mut image, self.log.end(), |record| touched.note(record))
        {
            tracing::debug!(%error, "a log that is replaced does not read to its end");
        }
        touched
    }
}
