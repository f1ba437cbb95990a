//! Where the mistakes of [`Mutant`] are made.

use bytes::Bytes;
use kastellan_core::{
    id::{BrokerId, LeaderEpoch, Offset},
    log::Log as _,
    quorum::{ControlRecord, Event, Request, VoteRequest, Voters, voters_records},
};
use kastellan_protocol::batch::{Builder, batches};

use super::{Life, Stop, effects::ack};
use crate::fleet::{
    counter::Rare,
    env::Env,
    invariant::{Check, one_vote},
    mutant::Mutant,
    node::Node,
};

impl Life {
    /// Changes a request before the machine sees it.
    pub(super) fn mistake_request(&mut self, env: &mut Env, request: &mut Request) {
        let epoch = self.quorum.epoch();
        let log = self.quorum.log();
        match request {
            Request::Fetch(fetch) if self.quorum.leads().is_some() => {
                let other = fetch.epoch != epoch;
                let blind = env.is(Mutant::AcceptStaleFetch) && other
                    || env.is(Mutant::IgnoreDivergence) && !other;
                if blind && fetch.offset >= log.start {
                    fetch.epoch = epoch;
                    fetch.offset = fetch.offset.min(log.end);
                    fetch.last_epoch = log.epoch_before(fetch.offset);
                }
            }
            Request::BeginQuorumEpoch(begin) if env.is(Mutant::SkipEpochCheck) => {
                begin.epoch = begin.epoch.max(epoch);
            }
            Request::Vote(vote) => {
                self.last_vote = Some(vote.clone());
            }
            _ => {}
        }
    }

    /// Gives votes that the machine refuses.
    pub(super) fn mistake_vote(
        &mut self,
        node: &Node,
        env: &mut Env,
        (to, epoch): (BrokerId, LeaderEpoch),
        granted: &mut bool,
    ) -> Check {
        let asked = self.last_vote.take().filter(|vote| vote.candidate.id == to);
        let Some(vote) = asked.filter(|vote| vote.epoch == epoch) else { return Ok(()) };
        let has_all = self.has_all(&vote);
        let free = self.quorum.leader().is_none();
        if !*granted {
            let counters = &mut env.counters;
            counters.note_if(vote.pre_vote && has_all, Rare::EncouragementRefused);
            counters.note_if(!vote.pre_vote && !has_all, Rare::VoteRefusedForTheLog);
            counters.note_if(!vote.pre_vote && has_all && free, Rare::VoteRefusedForAnother);
            counters.note_if(!vote.pre_vote, Rare::CandidateRefused);
        }
        *granted |= match env.mutant {
            Some(Mutant::VoteTwice) => !vote.pre_vote && has_all && free,
            Some(Mutant::IgnoreCandidatesLog) => {
                let voted = self.quorum.stored().voted;
                let another = voted.is_some_and(|voted| voted != vote.candidate);
                vote.pre_vote || free && !another
            }
            Some(Mutant::AlwaysEncourage) => vote.pre_vote && has_all,
            _ => false,
        };
        if *granted && !vote.pre_vote {
            one_vote::check(env, epoch, node.key, vote.candidate)?;
        }
        Ok(())
    }

    fn has_all(&self, vote: &VoteRequest) -> bool {
        let log = self.quorum.log();
        (vote.last_epoch, vote.last_offset) >= (log.last_epoch(), log.end)
    }

    /// Removes a second voter with every change.
    pub(super) fn mistake_append(&self, env: &Env, bytes: Bytes) -> Bytes {
        if !env.is(Mutant::ChangeTwoVoters) || self.quorum.leads().is_none() {
            return bytes;
        }
        let Some(Ok((header, raw))) = batches(&bytes).next() else { return bytes };
        let Some((at, voters)) = voters_records(&header, raw).pop() else { return bytes };
        let first = self.quorum.log().voters.first().is_none_or(|(first, _)| *first >= at);
        if first || voters.len() < 2 {
            return bytes;
        }
        let fewer = Voters::new(voters.iter().skip(1).cloned());
        let (kind, value) = ControlRecord::Voters(fewer).encode();
        let mut batch = Builder::new(at, header.leader_epoch);
        batch.control(header.max_timestamp, kind, &value);
        batch.finish().into()
    }

    /// Takes the last change of the voters for committed when the next one is asked for.
    pub(super) fn forge_acknowledgements(
        &mut self,
        node: &mut Node,
        env: &mut Env,
        request: &Request,
    ) -> Result<(), Stop> {
        let change = matches!(request, Request::AddRaftVoter(_) | Request::RemoveRaftVoter(_));
        let Some(epoch) = self.quorum.leads().filter(|_| change) else { return Ok(()) };
        if !env.is(Mutant::OverlappingChanges) {
            return Ok(());
        }
        let voters: Vec<_> = self.quorum.voters().iter().map(|voter| voter.key).collect();
        let end = self.quorum.log().end;
        let me = node.key.id;
        for replica in voters.into_iter().filter(|voter| voter.id != me) {
            let token = self.token();
            let request = ack(replica, epoch, end, epoch);
            self.handle(node, env, Event::Request { token, request })?;
        }
        Ok(())
    }

    /// Takes what a majority has for committed, of whichever epoch it is.
    pub(super) fn commit_by_counting(&mut self, node: &Node, env: &mut Env) -> Result<(), Stop> {
        if !env.is(Mutant::CommitOlderEpoch) || self.quorum.leads().is_none() {
            return Ok(());
        }
        let Some(ends) = self.ends_of_voters() else { return Ok(()) };
        let majority = ends.len() / 2;
        let upto: Offset = ends.get(majority).copied().unwrap_or(0);
        if upto > self.read.0 {
            self.committed(node, env, upto)?;
        }
        Ok(())
    }

    /// How far the voters are, as the leader says; the furthest first.
    fn ends_of_voters(&self) -> Option<Vec<Offset>> {
        let described = self.quorum.describe().ok()?;
        let synced = self.quorum.log().synced;
        let ends = described
            .voters
            .iter()
            .map(|voter| if voter.key.matches(self.quorum.me()) { synced } else { voter.log_end });
        let mut ends: Vec<_> = ends.collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        Some(ends)
    }

    /// The end of the log, and a hash over all of it.
    pub(super) fn whole_digest(&self) -> Result<(Offset, u64), Stop> {
        let (from, mut sum) = self.read;
        let mut end = from;
        self.log.for_each_header(from.max(self.log.start()), |header| {
            let batch = crate::fleet::model::Committed::of(header);
            sum = crate::fleet::model::digest(sum, header.base_offset, batch);
            end = batch.next;
        })?;
        Ok((end, sum))
    }
}
