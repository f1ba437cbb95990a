//! Serving followers: sessions, long polls, and what their fetches mean.

use kastellan_core::{
    id::BrokerId,
    machine::Millis,
    partition::{Fetching, From, Moved, Position},
    session::{Look, Session, TopicKey},
};
use kastellan_protocol::{ErrorCode, fetch::FetchPartition};

use super::{Env, Node, Parked, Serving, Up, topic};
use crate::replication::{
    message::{Answered, Fetch, Fetched, Message},
    mutant::Mutant,
};

/// Milliseconds that a fetch waits for bytes.
pub(in super::super) const WAIT: u64 = 200;

impl Node {
    /// A follower asks.
    pub(in super::super) fn serve(&mut self, env: &mut Env, from: BrokerId, fetch: Fetch) {
        let Some(up) = &mut self.up else { return };
        let id = if fetch.session_epoch == 0 {
            up.sessions.retain(|_, serving| serving.follower != from);
            let id = up.next_session;
            up.next_session += 1;
            let serving = Serving {
                session: Session::new(true),
                follower: from,
                broker_epoch: fetch.broker_epoch,
                parked: None,
            };
            up.sessions.insert(id, serving);
            id
        } else {
            fetch.session_id
        };
        let same = |serving: &&mut Serving| serving.broker_epoch == fetch.broker_epoch;
        let known = up.sessions.get_mut(&id).filter(same);
        let known = known.ok_or(ErrorCode::FetchSessionIdNotFound);
        let advanced = known.and_then(|serving| {
            if fetch.session_epoch != 0 {
                serving.session.advance(fetch.session_epoch, true)?;
            }
            Ok(serving)
        });
        let serving = match advanced {
            Ok(serving) => serving,
            Err(code) => {
                let (correlation, error) = (fetch.correlation, Some(code));
                let answer = Fetched { correlation, error, session_id: 0, partitions: Vec::new() };
                return env.send(self.id, from, Message::Fetched(answer));
            }
        };
        // one that waits is answered before the next is taken up
        if let Some(parked) = serving.parked.take() {
            let correlation = parked.correlation;
            let answer =
                Fetched { correlation, error: None, session_id: id, partitions: Vec::new() };
            env.send(self.id, from, Message::Fetched(answer));
        }
        let Some(serving) = self.up.as_mut().and_then(|up| up.sessions.get_mut(&id)) else {
            return;
        };
        let key = TopicKey::Id(topic());
        for index in fetch.forgotten {
            serving.session.forget(&key, index);
        }
        for (index, position) in fetch.wanted {
            serving.session.put(&key, wanted(index, position));
        }
        let until = Millis(env.now.monotonic.0 + WAIT);
        serving.parked = Some(Parked { correlation: fetch.correlation, until });
        self.attempt(env, id, false);
    }

    /// Looks at what has changed in a session that waits, and answers if that is enough.
    fn attempt(&mut self, env: &mut Env, id: i32, force: bool) {
        let me = self.id;
        let Some(up) = &mut self.up else { return };
        let Some(serving) = up.sessions.get_mut(&id) else { return };
        let (follower, broker_epoch) = (serving.follower, serving.broker_epoch);
        let Some(parked) = serving.parked else { return };
        let mut queue = Vec::new();
        serving.session.take_queue(&mut queue);
        let (mut asked, mut seen) = (Vec::new(), Vec::new());
        let (mut enough, mut touched) = (force, Vec::new());
        for slot in queue {
            let Some(entry) = serving.session.entry(slot) else { continue };
            let (wanted, fresh) = (entry.wanted, std::mem::take(&mut entry.fresh));
            asked.push((slot, wanted, fresh));
        }
        for (slot, wanted, fresh) in asked {
            let (answered, look, moved) = up.look(env, (follower, broker_epoch), wanted, fresh);
            if moved {
                touched.push(wanted.index);
            }
            enough |= look.records || look.urgent;
            seen.push((slot, wanted.index, answered, look));
        }
        let Some(serving) = up.sessions.get_mut(&id) else { return };
        if enough {
            serving.parked = None;
            let told = |(slot, _, _, look): &&(usize, i32, Answered, Look)| {
                serving.session.is_news(*slot, *look)
            };
            let partitions = seen.iter().filter(told);
            let partitions = partitions.map(|(_, index, said, _)| (*index, said.clone())).collect();
            for (slot, _, _, look) in &seen {
                serving.session.settle(*slot, *look);
            }
            let correlation = parked.correlation;
            let answer = Fetched { correlation, error: None, session_id: id, partitions };
            env.send(me, follower, Message::Fetched(answer));
        } else {
            for (slot, _, _, look) in &seen {
                if serving.session.is_news(*slot, *look) {
                    serving.session.mark(*slot);
                }
            }
        }
        for index in touched {
            self.moved(env, index);
        }
    }

    /// Something has happened to a partition: sessions that wait for it look.
    pub(super) fn wake_followers(&mut self, env: &mut Env, index: i32) {
        let key = TopicKey::Id(topic());
        let Some(up) = &mut self.up else { return };
        let mut woken = Vec::new();
        for (id, serving) in &mut up.sessions {
            let slot = (0..64).find(|slot| {
                serving.session.topic(*slot) == Some(&key)
                    && serving.session.index(*slot) == Some(index)
            });
            if let Some(slot) = slot {
                serving.session.mark(slot);
                woken.push(*id);
            }
        }
        for id in woken {
            self.attempt(env, id, false);
        }
    }

    /// Answers the fetches whose time is over.
    pub(in super::super) fn expire_polls(&mut self, env: &mut Env) {
        let Some(up) = &self.up else { return };
        let over = |serving: &Serving| {
            serving.parked.is_some_and(|parked| parked.until <= env.now.monotonic)
        };
        let due: Vec<_> =
            up.sessions.iter().filter(|(_, serving)| over(serving)).map(|(id, _)| *id).collect();
        for id in due {
            self.attempt(env, id, true);
        }
    }
}

impl Up {
    fn look(
        &mut self,
        env: &mut Env,
        (follower, broker_epoch): (BrokerId, i64),
        wanted: FetchPartition,
        fresh: bool,
    ) -> (Answered, Look, bool) {
        let eligible = self.cluster.is_eligible(follower, broker_epoch);
        let from = From {
            offset: wanted.fetch_offset,
            current_leader_epoch: wanted.current_leader_epoch,
            last_fetched_epoch: wanted.last_fetched_epoch,
            max_bytes: env.parameters.fetch_bytes,
            at_least_one: true,
        };
        let log_start = wanted.log_start_offset;
        let who = Fetching { replica: follower, broker_epoch, eligible, log_start };
        let Some(held) = self.replicas.get_mut(&wanted.index) else {
            return refused(ErrorCode::UnknownTopicOrPartition, -1);
        };
        let start = kastellan_core::log::Log::start(held.machine.log());
        let fetched = if fresh {
            held.machine.follower_fetch(env.now.monotonic, who, from)
        } else {
            held.machine.follower_bounds(who, from).map(|bounds| (bounds, Moved::default()))
        };
        match fetched {
            Err(code) => refused(code, start),
            Ok((bounds, mut moved)) => {
                moved.proposal |= fresh && env.is(Mutant::ExpandTooEarly);
                let records = match bounds.slice {
                    Some(()) => held.records(from.offset, bounds.until, from.max_bytes, env),
                    None => Vec::new(),
                };
                let look = Look {
                    high_watermark: bounds.high_watermark,
                    log_start: bounds.log_start,
                    records: !records.is_empty(),
                    urgent: bounds.diverging.is_some(),
                };
                let said = Answered {
                    error: None,
                    high_watermark: bounds.high_watermark,
                    log_start: bounds.log_start,
                    diverging: bounds.diverging,
                    records,
                };
                (said, look, moved.visible || moved.proposal)
            }
        }
    }
}

fn refused(code: ErrorCode, log_start: i64) -> (Answered, Look, bool) {
    let look = Look { high_watermark: -1, log_start: -1, records: false, urgent: true };
    let said = Answered { error: Some(code), high_watermark: -1, log_start, ..Answered::default() };
    (said, look, false)
}

fn wanted(index: i32, position: Position) -> FetchPartition {
    FetchPartition {
        index,
        current_leader_epoch: position.leader_epoch,
        fetch_offset: position.offset,
        last_fetched_epoch: position.last_epoch,
        max_bytes: i32::MAX,
        log_start_offset: position.log_start,
        high_watermark: i64::MAX,
        replica_directory_id: kastellan_core::id::Uuid::nil(),
    }
}

impl super::Held {
    /// Whole batches from the one that holds `from` on, before `until`; sometimes the last is cut.
    pub(super) fn records(&self, from: i64, until: i64, most: usize, env: &mut Env) -> Vec<u8> {
        use std::ops::ControlFlow;
        let mut records = Vec::new();
        let read = self.machine.log().for_each_batch(from, |header, bytes| {
            if header.next_offset() <= from {
                return ControlFlow::Continue(());
            }
            if header.base_offset >= until || !records.is_empty() && records.len() >= most {
                return ControlFlow::Break(());
            }
            records.extend_from_slice(bytes);
            ControlFlow::Continue(())
        });
        let _broke = read.expect("the disk works");
        let first = kastellan_protocol::batch::batches(&records).flatten().next();
        let first = first.map_or(0, |(header, _)| header.size());
        if records.len() > first && env.random.chance(30) {
            let cut = env.random.below(records.len() - first);
            records.truncate(records.len() - cut);
        }
        records
    }
}
