//! Fetching.

use kastellan_core::{
    id::BrokerId,
    machine::Millis,
    partition::{Answer, Followed, Position},
    replica::Settled,
};

use super::{Env, Node, roles::key};
use crate::replication::{
    counter::Rare,
    message::{Fetch, Fetched, Message},
    mutant::Mutant,
};

/// Milliseconds after which an answer is not waited for any more; a leader waits for 200.
const PATIENCE: u64 = 500;

impl Node {
    /// Asks every leader that there is something to ask of.
    pub(in super::super) fn fetch_all(&mut self, env: &mut Env) {
        let id = self.id;
        let Some(up) = &mut self.up else { return };
        let Some(broker_epoch) = up.epoch else { return };
        for (leader, feed) in &mut up.fetchers {
            while let Some(request) = feed.fetcher.request(env.now.monotonic) {
                let correlation = env.correlation();
                env.counters.note_if(!feed.outstanding.is_empty(), Rare::LongPollInterrupted);
                feed.outstanding.push_back((correlation, Millis(env.now.monotonic.0 + PATIENCE)));
                let mut wanted: Vec<_> =
                    request.wanted.iter().map(|(key, position)| (key.index, *position)).collect();
                for (_, position) in &mut wanted {
                    forget(env.mutant, position);
                }
                let fetch = Fetch {
                    correlation,
                    broker_epoch,
                    session_id: request.session_id,
                    session_epoch: request.session_epoch,
                    wanted,
                    forgotten: request.forgotten.iter().map(|key| key.index).collect(),
                };
                env.net.send(env.now.monotonic, id, *leader, Message::Fetch(fetch));
            }
        }
    }

    /// Gives up on answers that do not come.
    pub(super) fn expire_fetches(&mut self, env: &mut Env) {
        let Some(up) = &mut self.up else { return };
        for feed in up.fetchers.values_mut() {
            if feed.outstanding.front().is_some_and(|(_, until)| *until <= env.now.monotonic) {
                feed.outstanding.clear();
                feed.fetcher.failed(env.now.monotonic);
            }
        }
    }

    /// A leader has answered.
    pub(in super::super) fn fetched(&mut self, env: &mut Env, from: BrokerId, answer: Fetched) {
        let Some(up) = &mut self.up else { return };
        let Some(feed) = up.fetchers.get_mut(&from) else { return };
        // answers come in the order of the questions; others belong to a connection that is gone
        if feed.outstanding.front().is_none_or(|(first, _)| *first != answer.correlation) {
            return;
        }
        feed.outstanding.pop_front();
        feed.fetcher.answered(answer.session_id, answer.error);
        if answer.error.is_some() {
            env.counters.note(Rare::SessionLost);
            feed.outstanding.clear();
            feed.fetcher.failed(env.now.monotonic);
        }
        for (index, said) in answer.partitions {
            self.take_in(env, from, index, &said);
        }
        self.fetch_all(env);
    }

    fn take_in(
        &mut self,
        env: &mut Env,
        from: BrokerId,
        index: i32,
        said: &crate::replication::message::Answered,
    ) {
        let id = self.id;
        let Some(up) = &mut self.up else { return };
        let Some(held) = up.replicas.get_mut(&index) else { return };
        let Some(feed) = up.fetchers.get_mut(&from) else { return };
        let Some(sent) = feed.fetcher.sent(key(index)) else { return };
        let answer = Answer {
            error: said.error,
            high_watermark: said.high_watermark,
            log_start: said.log_start,
            diverging: said.diverging,
            records: &said.records,
        };
        let followed = held.machine.follow(env.now, sent, &answer);
        if !matches!(followed, Ok(Followed::Appended { bytes: 0, visible: false })) {
            env.trace.note(format_args!("  {id:?} {index} from {}: {followed:?}", sent.offset));
        }
        let settled = match followed {
            Ok(Followed::Stale) => {
                env.counters.note(Rare::AnswerOfThePastIgnored);
                return;
            }
            Ok(Followed::Appended { .. }) => Settled::At(held.machine.position()),
            Ok(Followed::Truncated { to }) => {
                env.counters.note(Rare::FollowerDiverged);
                held.checked = held.checked.min(to);
                held.seen = held.seen.min(held.machine.high_watermark());
                held.note_ignorance(self.ignorant.entry(index).or_default());
                Settled::At(held.machine.position())
            }
            Ok(Followed::Restarted { at }) => {
                env.counters.note(Rare::FollowerRestartedEmpty);
                self.ignorant.insert(index, at);
                held.checked = 0;
                held.seen = held.seen.min(held.machine.high_watermark());
                Settled::At(held.machine.position())
            }
            Err(code) => {
                use kastellan_protocol::ErrorCode;
                env.counters.note_if(code == ErrorCode::FencedLeaderEpoch, Rare::EpochFenced);
                env.counters.note_if(code == ErrorCode::UnknownLeaderEpoch, Rare::EpochUnknown);
                Settled::Failed(sent)
            }
        };
        feed.fetcher.settle(env.now.monotonic, key(index), settled);
        self.hand_over(env, index);
    }
}

/// What a mistaken follower does not say.
fn forget(mutant: Option<Mutant>, position: &mut Position) {
    match mutant {
        Some(Mutant::SkipTheEpochCheck) => position.leader_epoch = -1,
        Some(Mutant::SkipTheDivergence | Mutant::TruncateToTheHighWatermark) => {
            position.last_epoch = -1;
        }
        _ => {}
    }
}
