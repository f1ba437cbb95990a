//! Leading: followers fetch, and that is how the leader knows what they have.

use kastellan_protocol::ErrorCode;

use super::{
    Assignment, Fetched, From, Moved, Partition, Role, in_sync::Pending, replica::Replica,
};
use crate::{
    id::{BrokerId, Offset},
    lease::Standing,
    log::Log,
    machine::Millis,
};

/// What only a leader knows.
#[derive(Debug)]
pub(super) struct Leader {
    /// Where its epoch began.
    pub(super) epoch_start: Offset,
    /// The others that hold the partition.
    pub(super) followers: Vec<Replica>,
    /// What the ISR is proposed to be.
    pub(super) pending: Option<Pending>,
    /// When a proposal that was refused may be made again.
    pub(super) retry: Option<Millis>,
    /// The controller waits to be told that an unclean leader has recovered.
    pub(super) recovering: bool,
}

/// A follower that fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetching {
    /// Whose it is.
    pub replica: BrokerId,
    /// The epoch of its broker's registration as the request says it (KIP-903).
    pub broker_epoch: i64,
    /// Whether the metadata lets it join an ISR: that very registration is there, runs, and is not
    /// about to stop.
    pub eligible: bool,
    /// The first offset that it has, or -1.
    pub log_start: Offset,
}

impl Leader {
    /// At the beginning of an epoch, with a log that ends at `epoch_start`.
    pub(super) fn new(
        now: Millis,
        assignment: &Assignment,
        me: BrokerId,
        epoch_start: Offset,
    ) -> Self {
        let recovering = assignment.recovering;
        let followers = Vec::new();
        let mut leader = Self { epoch_start, followers, pending: None, retry: None, recovering };
        leader.update(now, assignment, me);
        leader
    }

    /// Takes up who holds the partition and who is in sync. A proposal that was made before is
    /// settled by it, one way or the other.
    pub(super) fn update(&mut self, now: Millis, assignment: &Assignment, me: BrokerId) {
        (self.pending, self.retry) = (None, None);
        self.recovering = assignment.recovering;
        self.followers.retain(|known| assignment.replicas.contains(&known.id));
        for id in assignment.replicas.iter().filter(|id| **id != me) {
            let in_sync = assignment.isr.contains(id);
            match self.followers.iter_mut().find(|known| known.id == *id) {
                Some(known) => (known.in_sync, known.joining) = (in_sync, false),
                None => self.followers.push(Replica::new(*id, now, in_sync)),
            }
        }
        self.propose_recovered();
    }

    /// How many are in sync, as it is committed.
    pub(super) fn in_sync(&self) -> usize {
        1 + self.followers.iter().filter(|follower| follower.in_sync).count()
    }

    /// The lowest log end that the high watermark waits for; `own` is the leader's.
    pub(super) fn least_end(&self, own: Offset) -> Offset {
        let waited_for = self.followers.iter().filter(|follower| follower.counts());
        waited_for.map(|follower| follower.log_end).fold(own, Offset::min)
    }

    /// The follower with this id.
    pub(super) fn follower(&mut self, id: BrokerId) -> Option<&mut Replica> {
        self.followers.iter_mut().find(|follower| follower.id == id)
    }
}

impl<L: Log> Partition<L> {
    /// A follower asks for what comes at `from`: it has everything before, and that counts.
    ///
    /// A fetch from another history counts for nothing: the follower is told where it left ours.
    /// Errors: 6 `NOT_LEADER_OR_FOLLOWER` on another broker, and for an earlier registration of the
    /// follower's broker; 74 and 75 for the wrong leader epoch, 75 also for a broker that does not
    /// hold the partition as far as is known here; 1 `OFFSET_OUT_OF_RANGE`.
    pub fn follower_fetch(
        &mut self,
        now: Millis,
        who: Fetching,
        from: From,
    ) -> Result<(Fetched<()>, Moved), ErrorCode> {
        let fetched = self.follower_bounds(who, from)?;
        let end = self.log.end();
        let Role::Leader(leader) = &mut self.role else { return Ok((fetched, Moved::default())) };
        let Some(follower) = leader.follower(who.replica) else {
            return Ok((fetched, Moved::default()));
        };
        follower.broker_epoch = who.broker_epoch;
        follower.log_start = who.log_start;
        if fetched.diverging.is_some() {
            return Ok((fetched, Moved::default()));
        }
        follower.fetched(now, from.offset, end);
        let visible = self.advance();
        let proposal = self.consider_expanding(|id, _epoch| id == who.replica && who.eligible);
        let fetched = Fetched { high_watermark: self.high_watermark, ..fetched };
        Ok((fetched, Moved { visible, proposal }))
    }

    /// What a follower that has asked before may see by now, which says nothing new of it.
    ///
    /// One whose last epoch is older than all that is left here has to begin anew: whether what it
    /// has before our start was ever ours, nobody can tell any more, and a crash may uncover it
    /// where the start is not on the disk yet. Errors: those of [`Partition::follower_fetch`].
    pub fn follower_bounds(&self, who: Fetching, from: From) -> Result<Fetched<()>, ErrorCode> {
        self.check_epoch(from.current_leader_epoch)?;
        let followers = &self.as_leader()?.followers;
        let known = followers.iter().find(|follower| follower.id == who.replica);
        let known = known.ok_or(ErrorCode::UnknownLeaderEpoch)?;
        if who.broker_epoch < known.broker_epoch {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let (start, latest) = (self.log.start(), from.last_fetched_epoch);
        if start > 0 && latest >= 0 && self.log.epoch_at(start) > latest {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        self.bounds_until(from, self.log.end())
    }

    /// What may be answered where it is doubtful who leads: nothing, unless nobody else can have
    /// been elected, as all who could be have asked this leader for records since then. Errors: 6
    /// `NOT_LEADER_OR_FOLLOWER`. A follower says of itself what it does in any case.
    pub fn check_standing(&self, standing: Standing) -> Result<(), ErrorCode> {
        let (Standing::Doubtful(since), Role::Leader(leader)) = (standing, &self.role) else {
            return Ok(());
        };
        // one that is proposed may be in sync, and the answer lost
        let mut may_be_elected = leader.followers.iter().filter(|follower| follower.counts());
        // where fewer are in sync than promised, others are eligible, too (KIP-966)
        let may_lead = leader.followers.is_empty()
            || leader.in_sync() >= self.needed(leader)
                && may_be_elected.all(|follower| follower.asked() >= since);
        if may_lead { Ok(()) } else { Err(ErrorCode::NotLeaderOrFollower) }
    }

    /// Moves the high watermark as far as all that count have got; true where it has moved.
    pub(super) fn advance(&mut self) -> bool {
        let own = self.own_end();
        let Role::Leader(leader) = &self.role else { return false };
        // one that fewer have than promised may be lost with them (KIP-966)
        if leader.in_sync() < self.needed(leader) {
            return false;
        }
        let reached = leader.least_end(own);
        let moved = reached > self.high_watermark;
        self.high_watermark = self.high_watermark.max(reached);
        assert!(self.high_watermark <= self.log.end(), "readers never see what is not in the log");
        moved
    }

    /// How many have to be in sync: `min.insync.replicas`, or all where there are fewer (KIP-966).
    pub(super) fn needed(&self, leader: &Leader) -> usize {
        let wanted = usize::try_from(self.settings.min_in_sync).unwrap_or(1);
        wanted.min(leader.followers.len() + 1)
    }

    /// Whether everything before `upto` is committed. Errors: 6 `NOT_LEADER_OR_FOLLOWER`, 20
    /// `NOT_ENOUGH_REPLICAS_AFTER_APPEND` where it is, and fewer than promised are in sync by now.
    pub fn acknowledged(&self, upto: Offset) -> Result<bool, ErrorCode> {
        let leader = self.as_leader()?;
        if self.high_watermark < upto {
            return Ok(false);
        }
        let counting = leader.followers.iter().filter(|follower| follower.counts()).count() + 1;
        if counting < self.needed(leader) {
            return Err(ErrorCode::NotEnoughReplicasAfterAppend);
        }
        Ok(true)
    }

    /// The first offset that every replica in sync has: `DeleteRecords` is done once it is there.
    /// Errors: 6 `NOT_LEADER_OR_FOLLOWER`.
    pub fn low_watermark(&self) -> Result<Offset, ErrorCode> {
        let in_sync = self.as_leader()?.followers.iter().filter(|follower| follower.in_sync);
        Ok(in_sync.map(|follower| follower.log_start).fold(self.log.start(), Offset::min))
    }

    /// Whether this broker leads and that follower is in sync.
    pub fn has_in_sync(&self, id: BrokerId) -> bool {
        self.in_sync_followers().any(|(known, _)| known == id)
    }

    /// The followers that are in sync, and where their logs end; for a reader that looks for one
    /// near it (KIP-392). None where this broker does not lead.
    pub fn in_sync_followers(&self) -> impl Iterator<Item = (BrokerId, Offset)> {
        let followers = match &self.role {
            Role::Leader(leader) => leader.followers.as_slice(),
            Role::Idle | Role::Follower(_) => &[],
        };
        let in_sync = followers.iter().filter(|follower| follower.in_sync);
        in_sync.map(|follower| (follower.id, follower.log_end))
    }
}
