//! Doing what the machine wants.

use bytes::Bytes;
use kastellan_core::{
    id::Offset,
    log::{Appended, Log as _},
    machine::{Millis, Ticket},
    quorum::{
        Effect, Event, FetchSnapshotResponse, Part, ReplicaKey, Request, Response, RoleKind,
        SnapshotId, Stored,
    },
};
use kastellan_log::Log;
use kastellan_protocol::{
    ErrorCode,
    batch::{Header, batches},
};

use super::{Life, Stop};
use crate::{
    disk::SimDisk,
    fleet::{
        counter::Rare,
        env::Env,
        invariant::{leader_complete, one_leader, one_vote, right_leader, snapshots},
        mutant::Mutant,
        node::{Node, Packet},
        snapshot::{self, Contents},
        state_file,
    },
};

/// Appends whole batches.
pub(super) fn append(log: &mut Log<SimDisk>, bytes: &[u8]) -> Result<(), Stop> {
    for batch in batches(bytes) {
        let (header, raw) = batch.map_err(|error| Stop::Disk(error.to_string()))?;
        log.append(raw, appended(&header))?;
    }
    Ok(())
}

fn appended(header: &Header) -> Appended {
    Appended {
        first: header.base_offset,
        last: header.last_offset(),
        max_timestamp: header.max_timestamp,
        offset_of_max_timestamp: header.last_offset(),
        epoch: header.leader_epoch,
    }
}

impl Life {
    pub(super) fn carry_out(
        &mut self,
        node: &mut Node,
        env: &mut Env,
        effect: Effect,
    ) -> Result<(), Stop> {
        match effect {
            Effect::Persist(stored) => persist(node, env, stored)?,
            Effect::Append(bytes) => {
                let bytes = self.mistake_append(env, bytes);
                append(&mut self.log, &bytes)?;
            }
            Effect::Truncate { end } => {
                env.counters.note(Rare::LogTruncated);
                env.note(node.key.id, format_args!("cuts its log at {end}"));
                node.durable = node.durable.min(end);
                self.log.truncate(end)?;
                assert_eq!(self.log.end(), end, "epochs end with batches");
            }
            Effect::Sync => self.begin_sync(node, env)?,
            Effect::Send { to, correlation, request } => {
                env.note(node.key.id, format_args!("-> {} {request:?}", to.0));
                env.net.send(env.now, node.key.id, to, Packet::Request { correlation, request });
            }
            Effect::Reply { token, response } => self.reply(node, env, token, response)?,
            Effect::ReplyRecords { token, mut response, from, max_bytes } => {
                let most = (max_bytes as usize).min(env.parameters.fetch);
                let slice = self.log.read(from, self.log.end(), most, true)?;
                response.records = Bytes::from(slice.to_vec()?);
                self.reply(node, env, token, Response::Fetch(response))?;
            }
            Effect::ReplySnapshot { token, response, max_bytes } => {
                let response = self.read_snapshot(node, env, response, max_bytes)?;
                self.reply(node, env, token, Response::FetchSnapshot(response))?;
            }
            Effect::SnapshotChunk { position, bytes, .. } => {
                self.download.truncate(if position == 0 { 0 } else { self.download.len() });
                env.counters.note_if(position > 0, Rare::SnapshotFetchedInParts);
                self.download.extend_from_slice(&bytes);
            }
            Effect::SnapshotDone(id) => self.install(node, env, id)?,
            Effect::HighWatermark(upto) => {
                let ahead = env.is(Mutant::HighWatermarkAhead) && self.quorum.leads().is_none();
                let upto = if ahead { self.log.end() } else { upto };
                self.committed(node, env, upto)?;
            }
            Effect::Role(part) => self.plays(node, env, part)?,
        }
        Ok(())
    }

    fn begin_sync(&mut self, node: &mut Node, env: &mut Env) -> Result<(), Stop> {
        let leads = self.quorum.leads().is_some();
        let forgets = env.is(Mutant::LeaderCountsUnsynced) && leads
            || env.is(Mutant::FollowerCountsUnsynced) && !leads;
        if forgets {
            self.follow_up.push_back(Event::Synced { upto: self.log.end() });
        } else if self.sync.is_some() {
            self.sync_again = true;
        } else if let Some(unsynced) = self.log.take_unsynced()? {
            let slow = node.slow_until > env.now;
            let most = if slow { env.parameters.slow_sync } else { env.parameters.sync };
            let done = Millis(env.now.0 + 1 + env.time.below(most) as u64);
            self.sync = Some((done, unsynced));
        } else {
            self.follow_up.push_back(Event::Synced { upto: self.log.durable_end() });
        }
        Ok(())
    }

    /// The sync under way is done.
    pub(in crate::fleet) fn finish_sync(
        &mut self,
        node: &mut Node,
        env: &mut Env,
    ) -> Result<(), Stop> {
        let Some((_, unsynced)) = self.sync.take() else { return Ok(()) };
        unsynced.sync()?;
        let upto = self.log.synced(unsynced.receipt);
        node.durable = node.durable.max(upto);
        if std::mem::take(&mut self.sync_again) {
            self.begin_sync(node, env)?;
        }
        self.handle(node, env, Event::Synced { upto })
    }

    pub(super) fn reply(
        &mut self,
        node: &mut Node,
        env: &mut Env,
        token: Ticket,
        mut response: Response,
    ) -> Result<(), Stop> {
        let Some((to, correlation)) = self.asked.remove(&token) else { return Ok(()) };
        if let Response::Vote { standing, granted } = &mut response {
            self.mistake_vote(node, env, (to, standing.epoch), granted)?;
        }
        count_response(env, &response);
        env.note(node.key.id, format_args!("=> {} {}", to.0, shown(&response)));
        env.net.send(env.now, node.key.id, to, Packet::Response { correlation, response });
        Ok(())
    }

    fn read_snapshot(
        &self,
        node: &Node,
        env: &Env,
        mut response: FetchSnapshotResponse,
        max_bytes: u32,
    ) -> Result<FetchSnapshotResponse, Stop> {
        let bytes = snapshot::read(&node.disk, self.log.dir(), response.snapshot)?;
        let Some(bytes) = bytes else {
            response.standing.error = Some(ErrorCode::SnapshotNotFound);
            return Ok(response);
        };
        let most = (max_bytes as usize).min(env.parameters.part);
        let from = usize::try_from(response.position).unwrap_or(usize::MAX);
        let part = bytes.get(from..bytes.len().min(from.saturating_add(most)));
        match part {
            Some(part) => response.bytes = Bytes::copy_from_slice(part),
            None => response.standing.error = Some(ErrorCode::PositionOutOfRange),
        }
        response.size = bytes.len() as u64;
        Ok(response)
    }

    fn install(&mut self, node: &mut Node, env: &mut Env, id: SnapshotId) -> Result<(), Stop> {
        let Some(contents) = Contents::from_bytes(&self.download) else {
            self.follow_up.push_back(Event::SnapshotDamaged);
            return Ok(());
        };
        snapshots::check(env, node.key.id, id, contents.digest)?;
        env.note(node.key.id, format_args!("installs {id:?}"));
        env.counters.note(Rare::SnapshotInstalled);
        snapshot::write(&node.disk, self.log.dir(), id, &self.download)?;
        node.durable = id.end;
        self.sync = None;
        self.sync_again = false;
        self.log.restart_at(id.end)?;
        snapshot::remove_older(&node.disk, self.log.dir(), id)?;
        self.read = (id.end, contents.digest);
        self.follow_up
            .push_back(Event::SnapshotInstalled { snapshot: id, voters: contents.voters });
        Ok(())
    }

    /// Writes a snapshot of what is committed, and lets go of the log before it.
    pub(in crate::fleet) fn take_snapshot(
        &mut self,
        node: &mut Node,
        env: &mut Env,
    ) -> Result<(), Stop> {
        let (mut end, mut sum) = self.read;
        if env.is(Mutant::SnapshotOfUncommitted) {
            (end, sum) = self.whole_digest()?;
        }
        let view = self.quorum.log();
        if end <= view.start {
            return Ok(());
        }
        let id = SnapshotId { end, epoch: view.epoch_before(end) };
        let named = view.voters.iter().rfind(|(at, _)| *at < end).map(|(_, voters)| voters.clone());
        let voters = named.filter(|_| !env.is(Mutant::SnapshotWithoutVoters));
        let bytes = Contents { digest: sum, voters }.to_bytes();
        env.note(node.key.id, format_args!("takes {id:?}"));
        env.counters.note(Rare::SnapshotTaken);
        snapshot::write(&node.disk, self.log.dir(), id, &bytes)?;
        self.log.advance_start(end)?;
        self.directory.write_checkpoints(&[self.log.checkpoints()])?;
        self.log.remove_expired(i64::MAX)?;
        snapshot::remove_older(&node.disk, self.log.dir(), id)?;
        self.handle(node, env, Event::SnapshotTaken(id))
    }

    fn plays(&mut self, node: &Node, env: &mut Env, part: Part) -> Result<(), Stop> {
        env.note(node.key.id, format_args!("is now {part:?}"));
        let led = self.part.replace(part).filter(|before| before.role == RoleKind::Leader);
        let gave_up = led.is_some_and(|before| before.epoch == part.epoch);
        let by_itself = gave_up && !self.resigning && self.quorum.is_voter();
        env.counters.note_if(by_itself, Rare::LeaderGaveUp);
        if part.role == RoleKind::Leader {
            env.counters.elections += 1;
            one_leader::check(env, part.epoch, node.key.id)?;
            leader_complete::check(env, node.key.id, self)?;
        } else {
            self.proposals.clear();
        }
        right_leader::check(env, node.key.id, part)?;
        Ok(())
    }
}

/// Writes down what has to outlive the process.
fn persist(node: &Node, env: &mut Env, stored: Stored) -> Result<(), Stop> {
    state_file::write(&node.disk, stored, !env.is(Mutant::ForgetVoteSync))?;
    if let Some(voted) = stored.voted.filter(|voted| *voted == node.key) {
        let others = env.model.votes.iter().filter(|((epoch, voter), candidate)| {
            *epoch == stored.epoch && *voter == **candidate && *voter != voted
        });
        let other = others.count() > 0;
        env.counters.note_if(other, Rare::TwoCandidatesInAnEpoch);
        one_vote::check(env, stored.epoch, node.key, voted)?;
    }
    Ok(())
}

fn count_response(env: &mut Env, response: &Response) {
    if let Response::FetchSnapshot(response) = response {
        let gone = response.standing.error == Some(ErrorCode::SnapshotNotFound);
        env.counters.note_if(gone, Rare::SnapshotVanished);
    }
    let changed = match response {
        Response::AddRaftVoter(standing) => Some((standing, Rare::VoterAdded)),
        Response::RemoveRaftVoter(standing) => Some((standing, Rare::VoterRemoved)),
        Response::UpdateRaftVoter(standing) => Some((standing, Rare::VoterUpdated)),
        _ => None,
    };
    let Some((standing, rare)) = changed else { return };
    let refused = standing.error == Some(ErrorCode::RequestTimedOut);
    env.counters.note_if(standing.error.is_none(), rare);
    env.counters.note_if(refused, Rare::ChangeOfVotersRefused);
    let lost = standing.error == Some(ErrorCode::NotLeaderOrFollower);
    env.counters.note_if(lost, Rare::ChangeOfVotersTruncated);
}

/// A response without its bytes.
fn shown(response: &Response) -> String {
    match response {
        Response::Fetch(fetch) => {
            let mut short = fetch.clone();
            let len = short.records.len();
            short.records = Bytes::new();
            format!("{short:?} with {len} bytes")
        }
        Response::FetchSnapshot(fetch) => {
            format!("{} bytes at {}", fetch.bytes.len(), fetch.position)
        }
        other => format!("{other:?}"),
    }
}

pub(super) fn ack(replica: ReplicaKey, epoch: i32, offset: Offset, last_epoch: i32) -> Request {
    Request::Fetch(kastellan_core::quorum::FetchRequest {
        replica,
        epoch,
        offset,
        last_epoch,
        high_watermark: Offset::MAX,
        max_wait_ms: 0,
        max_bytes: 1,
    })
}
