//! For how long a broker may speak as a leader without hearing from the active controller.
//!
//! The controller has others lead what a broker led that it has not heard of for a session. A
//! broker that was stopped for as long, or that is cut off, does not hear of that; so it goes by
//! its own clock, and gives up sooner than the controller does. Kafka's brokers go on answering as
//! leaders: nothing that rests on the high watermark is acknowledged in error there either, but a
//! client that believes them is told ends, committed offsets and sequence numbers that are over.
//!
//! That no controller answers does not mean that there is one which has decided something: while
//! every replica that could be elected asks this broker for records, it leads. So partitions are
//! served without any controller, as in Kafka.

use std::time::Duration;

use crate::machine::Millis;

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// A lease, from when the heartbeat was sent that was answered.
    lease: Duration,
    /// What a follower has asked for proves so long that it follows.
    asked: Duration,
}

impl Lengths {
    /// For these settings: `broker.session.timeout.ms`, `broker.heartbeat.interval.ms` and
    /// `replica.fetch.wait.max.ms`.
    ///
    /// A lease is over before anybody fences: neither the controller that has answered, which waits
    /// for a session, nor its successor, who may be there a moment later, waits for less than
    /// [`assumed`]. An eighth is left to clocks that do not go alike.
    pub fn new(session: Duration, heartbeat: Duration, wait: Duration) -> Self {
        Self { lease: assumed(session, heartbeat) / 8 * 7, asked: wait * 2 }
    }
}

/// For how long a new controller assumes of brokers it has not heard of that they live: three
/// heartbeats, never more than a session. One may get lost, and the lease of whoever is a heartbeat
/// late, as brokers on a busy machine are, is not over yet.
pub fn assumed(session: Duration, heartbeat: Duration) -> Duration {
    session.min(heartbeat * 3)
}

/// Whether a broker leads what it led when it last heard of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Sure,
    /// It leads what nobody else could lead, and where all who could be elected have asked for
    /// records since then.
    Doubtful(Millis),
}

/// A broker's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    lengths: Lengths,
    /// When the last heartbeat was sent that the controller has answered.
    heard: Millis,
    /// When this broker was last seen to run.
    ran: Millis,
    /// When it ran again after it had not for so long that what it finds may be of long ago.
    woke: Option<Millis>,
}

impl Lease {
    /// The lease of a broker that starts now: it leads nothing yet.
    pub fn new(now: Millis, lengths: Lengths) -> Self {
        Self { lengths, heard: now, ran: now, woke: None }
    }

    /// The settings are these now.
    pub fn configure(&mut self, lengths: Lengths) {
        self.lengths = lengths;
    }

    /// The broker runs; to be called before it sends a heartbeat, and every
    /// `broker.heartbeat.interval.ms` while it waits for the answer.
    pub fn run(&mut self, now: Millis) {
        if self.has_slept(now) {
            self.woke = Some(now);
        }
        self.ran = now;
    }

    /// The controller knows this broker as one that is not fenced; so it says in its answer to what
    /// was sent then.
    pub fn hear(&mut self, sent: Millis) {
        self.heard = self.heard.max(sent);
        self.woke = self.woke.filter(|woke| sent < *woke);
    }

    /// Until when nothing is doubtful.
    pub fn until(&self) -> Millis {
        self.heard.after(self.lengths.lease)
    }

    /// What may be said now.
    pub fn standing(&self, now: Millis) -> Standing {
        if now < self.until() {
            return Standing::Sure;
        }
        if self.woke.is_some() || self.has_slept(now) {
            // what followers asked before lies in the sockets still, and proves nothing
            return Standing::Doubtful(Millis(u64::MAX));
        }
        let asked = u64::try_from(self.lengths.asked.as_millis()).unwrap_or(u64::MAX);
        Standing::Doubtful(Millis(now.0.saturating_sub(asked)))
    }

    fn has_slept(&self, now: Millis) -> bool {
        now.since(self.ran) >= self.lengths.lease
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn lease() -> Lease {
        Lease::new(Millis(0), Lengths::new(4 * SECOND, SECOND, SECOND / 2))
    }

    #[test]
    fn a_lease_is_shorter_than_what_controllers_wait_and_counts_from_the_question() {
        let mut lease = lease();
        assert_eq!(lease.until(), Millis(2625));
        lease.hear(Millis(700));
        assert_eq!(lease.until(), Millis(3325));
        lease.hear(Millis(500));
        assert_eq!(lease.until(), Millis(3325), "an earlier answer came later");
        let short = Lengths::new(SECOND, SECOND, SECOND / 2);
        assert_eq!(Lease::new(Millis(0), short).until(), Millis(875));
    }

    #[test]
    fn without_a_controller_it_is_the_followers_that_count() {
        let mut lease = lease();
        for now in [500, 1000, 1500, 2000, 2500, 3000] {
            lease.run(Millis(now));
        }
        assert_eq!(lease.standing(Millis(2624)), Standing::Sure);
        assert_eq!(lease.standing(Millis(2700)), Standing::Doubtful(Millis(1700)));
        lease.hear(Millis(2500));
        assert_eq!(lease.standing(Millis(2700)), Standing::Sure);
    }

    #[test]
    fn who_was_stopped_believes_no_follower_until_the_controller_has_answered() {
        let mut lease = lease();
        lease.run(Millis(500));
        let nobody = Standing::Doubtful(Millis(u64::MAX));
        assert_eq!(lease.standing(Millis(9000)), nobody);
        lease.run(Millis(9001));
        assert_eq!(lease.standing(Millis(9002)), nobody);
        // the answer to what was sent before it was stopped
        lease.hear(Millis(500));
        assert_eq!(lease.standing(Millis(9003)), nobody);
        lease.hear(Millis(9001));
        assert_eq!(lease.standing(Millis(9004)), Standing::Sure);
    }
}
