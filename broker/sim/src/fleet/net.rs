//! The network between nodes: loses, delays, doubles and reorders messages, and is cut.
//!
//! Harsher than TCP on purpose: what holds here holds over any connection. Generic over what it
//! carries, so that every simulation of a fleet shares it.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::{id::BrokerId, machine::Millis};

use crate::random::Random;

/// How much slower a slow message is.
pub(crate) const SLOW: u64 = 10;

/// What the network does to messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NetFaults {
    /// Percent of messages that are lost.
    pub(crate) drop: usize,
    /// Percent of messages that arrive twice.
    pub(crate) duplicate: usize,
    /// The usual delay, in milliseconds: at least, and at most. Messages overtake each other within
    /// it.
    pub(crate) delay: (u64, u64),
    /// Percent of messages that take ten times as long.
    pub(crate) slow: usize,
}

impl NetFaults {
    /// A network that works.
    pub(crate) const NONE: Self = Self { drop: 0, duplicate: 0, delay: (1, 3), slow: 0 };
}

/// A message that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery<M> {
    pub(crate) from: BrokerId,
    pub(crate) to: BrokerId,
    pub(crate) message: M,
}

/// What the network has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) cut: u64,
    pub(crate) doubled: u64,
    pub(crate) delivered: u64,
    /// Messages that arrived after one that was sent later between the same two nodes.
    pub(crate) overtaken: u64,
}

/// The network.
#[derive(Debug)]
pub(crate) struct Network<M> {
    /// Messages under way, by when they arrive and when they were sent.
    under_way: BTreeMap<(Millis, u64), Delivery<M>>,
    /// The directions in which nothing gets through.
    cuts: BTreeSet<(BrokerId, BrokerId)>,
    newest: BTreeMap<(BrokerId, BrokerId), u64>,
    faults: NetFaults,
    random: Random,
    traffic: Traffic,
}

impl<M: Clone> Network<M> {
    pub(crate) fn new(random: Random, faults: NetFaults) -> Self {
        Self {
            under_way: BTreeMap::new(),
            cuts: BTreeSet::new(),
            newest: BTreeMap::new(),
            faults,
            random,
            traffic: Traffic::default(),
        }
    }

    /// Takes a message in; it arrives later, once, twice or never.
    pub(crate) fn send(&mut self, now: Millis, from: BrokerId, to: BrokerId, message: M) {
        self.traffic.sent += 1;
        if self.random.chance(self.faults.drop) {
            self.traffic.lost += 1;
            return;
        }
        if self.random.chance(self.faults.duplicate) {
            self.traffic.doubled += 1;
            self.enqueue(now, from, to, message.clone());
        }
        self.enqueue(now, from, to, message);
    }

    fn enqueue(&mut self, now: Millis, from: BrokerId, to: BrokerId, message: M) {
        let (least, most) = self.faults.delay;
        let width = usize::try_from(most.saturating_sub(least) + 1).unwrap_or(1);
        let mut delay = least + self.random.below(width) as u64;
        if self.random.chance(self.faults.slow) {
            delay *= SLOW;
        }
        let at = Millis(now.0 + delay);
        // the count of all copies tells those of one moment apart, in the order they were sent
        let nth = self.traffic.sent + self.traffic.doubled;
        let mut place = (at, nth << 1);
        while self.under_way.contains_key(&place) {
            place.1 += 1;
        }
        self.under_way.insert(place, Delivery { from, to, message });
    }

    /// Puts a message that has arrived back, until its receiver can take it.
    pub(crate) fn hold(&mut self, until: Millis, delivery: Delivery<M>) {
        let mut place = (until, 0);
        while self.under_way.contains_key(&place) {
            place.1 += 1;
        }
        self.under_way.insert(place, delivery);
    }

    /// When the next message arrives.
    pub(crate) fn next_at(&self) -> Option<Millis> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next message that has arrived by `now`; those that meet a cut are lost on the way.
    pub(crate) fn take_due(&mut self, now: Millis) -> Option<Delivery<M>> {
        while self.next_at().is_some_and(|at| at <= now) {
            let ((_, nth), delivery) = self.under_way.pop_first()?;
            let way = (delivery.from, delivery.to);
            if self.cuts.contains(&way) {
                self.traffic.cut += 1;
                continue;
            }
            let newest = self.newest.entry(way).or_default();
            self.traffic.overtaken += u64::from(*newest > nth);
            *newest = (*newest).max(nth);
            self.traffic.delivered += 1;
            return Some(delivery);
        }
        None
    }

    /// From now on nothing gets through from the one to the other; the way back stays as it is.
    pub(crate) fn cut(&mut self, from: BrokerId, to: BrokerId) {
        self.cuts.insert((from, to));
    }

    /// Cuts both ways.
    pub(crate) fn cut_both(&mut self, a: BrokerId, b: BrokerId) {
        self.cut(a, b);
        self.cut(b, a);
    }

    /// Cuts `node` off from all others.
    pub(crate) fn isolate(&mut self, node: BrokerId, all: &[BrokerId]) {
        all.iter().filter(|other| **other != node).for_each(|other| self.cut_both(node, *other));
    }

    /// Takes all cuts back.
    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
    }

    /// Changes what happens to messages that are sent from now on.
    pub(crate) fn set_faults(&mut self, faults: NetFaults) {
        self.faults = faults;
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    const A: BrokerId = BrokerId(1);
    const B: BrokerId = BrokerId(2);

    fn network(faults: NetFaults) -> Network<u32> {
        Network::new(Random::new(7, Stream::Network), faults)
    }

    fn arrived(network: &mut Network<u32>) -> Vec<u32> {
        std::iter::from_fn(|| network.take_due(Millis(u64::MAX))).map(|it| it.message).collect()
    }

    #[test]
    fn messages_of_a_network_that_works_all_arrive_once() {
        let mut network = network(NetFaults::NONE);
        (0..100).for_each(|n| network.send(Millis(10), A, B, n));
        assert!(network.next_at().is_some_and(|at| (11..=13).contains(&at.0)));
        assert_eq!(network.take_due(Millis(10)), None);
        let mut all = arrived(&mut network);
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_bad_network_loses_doubles_and_reorders() {
        let faults = NetFaults { drop: 20, duplicate: 20, delay: (1, 50), slow: 10 };
        let mut network = network(faults);
        (0..1000).for_each(|n| network.send(Millis(0), A, B, n));
        let all = arrived(&mut network);
        let traffic = network.traffic();
        assert_eq!(all.len() as u64, traffic.delivered);
        assert_eq!(traffic.delivered, traffic.sent - traffic.lost + traffic.doubled);
        assert!(traffic.lost > 0 && traffic.doubled > 0 && traffic.overtaken > 0);
    }

    #[test]
    fn a_cut_holds_one_way_until_it_is_healed() {
        let mut network = network(NetFaults::NONE);
        network.cut(A, B);
        network.send(Millis(0), A, B, 1);
        network.send(Millis(0), B, A, 2);
        assert_eq!(arrived(&mut network), [2]);
        network.isolate(A, &[A, B]);
        network.send(Millis(0), B, A, 3);
        assert!(arrived(&mut network).is_empty());
        network.heal();
        network.send(Millis(0), A, B, 4);
        assert_eq!(arrived(&mut network), [4]);
    }
}
