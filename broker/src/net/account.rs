//! What a connection's answers take of the memory that all answers may take together.
//!
//! Reading a request is cheap and bounded; answering one may not be: eight bytes name a partition
//! and its answer has a hundred. So the memory is drawn before a request is handled, by what the
//! request names, and a request that finds none left waits in its buffer. What an answer really
//! came to is charged when it is known; all of it comes back once the client has read.

use std::{sync::Arc, task::Waker};

use kastellan_protocol::{Refused, messages::ApiKey, walk};

use super::pool::{Held, Pool};

/// What the answer to one thing that a request names may take, with all that is on its way there:
/// a row of the answer as the controller decides it, as a message, and as bytes. A group takes
/// most.
pub(super) const PER_ELEMENT: usize = 768;

/// What the names in a request may take when they come back in the answer.
const PER_BYTE: usize = 4;

/// Requests up to this size are not looked into: their answers are small, or as large as what the
/// broker holds.
const SMALL: usize = 1 << 10;

/// Drawn for a request whose answer is as large as what the broker holds: it waits while other
/// answers take all there is. All settings of a broker with what they mean take about this.
const UNKNOWN: usize = 128 << 10;

/// Things that one request may name. A cluster has fewer, and the answer stays below 160 MiB.
pub(super) const MOST_ELEMENTS: usize = 150_000;

/// One connection's part.
#[derive(Debug)]
pub(super) struct Account {
    pool: Arc<Pool>,
    held: Held,
    /// Drawn for requests that were handled since the client last had all its answers.
    spent: usize,
    /// Where a request waits: what has to be held for it to be handled.
    wanted: Option<usize>,
}

impl Account {
    /// An account that holds nothing.
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self { pool, held: Held::default(), spent: 0, wanted: None }
    }

    /// Draws `cost` bytes more. False: there are none, and [`Self::draw`] has to wait for them.
    pub(super) fn reserve(&mut self, cost: usize) -> bool {
        let wanted = self.spent.saturating_add(cost);
        if cost > 0 && !self.may_draw(wanted, Waker::noop()) {
            self.wanted = Some(wanted);
            return false;
        }
        self.spent = wanted;
        true
    }

    /// Tries once more for the request that waits. False: `waker` is called when it is worth
    /// another try.
    pub(super) fn draw(&mut self, waker: &Waker) -> bool {
        let drawn = self.wanted.is_none_or(|wanted| self.may_draw(wanted, waker));
        if drawn {
            self.wanted = None;
        }
        drawn
    }

    /// What is overdrawn is for one answer: the next one waits until that has been read, which
    /// [`Self::settle`] tells.
    fn may_draw(&mut self, wanted: usize, waker: &Waker) -> bool {
        let another = self.held.overdraws() && self.spent > 0;
        !another && self.pool.draw(&mut self.held, wanted, waker)
    }

    /// Whether a request waits for memory.
    pub(super) fn is_starved(&self) -> bool {
        self.wanted.is_some()
    }

    /// Answers that wait to be sent keep so many bytes, however many were drawn for them.
    pub(super) fn charge(&mut self, bytes: usize) {
        if bytes > self.spent.max(UNKNOWN) {
            self.pool.charge(&mut self.held, bytes);
            self.spent = bytes;
        }
    }

    /// The client has all its answers.
    pub(super) fn settle(&mut self) {
        self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(self.spent));
        self.spent = 0;
        self.pool.give_back(&mut self.held);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.pool.give_back(&mut self.held);
    }
}

/// What answering may take, drawn before a request of one of the cold APIs is handled. A request
/// that names more than [`MOST_ELEMENTS`] is refused.
pub(super) fn cost(api: ApiKey, version: i16, body: &[u8]) -> Result<usize, Refused> {
    // ApiVersions is answered in any version, also in one that nobody can walk
    if body.len() > SMALL && api != ApiKey::ApiVersions {
        let elements = walk::elements(api, version, body)?;
        if elements > MOST_ELEMENTS {
            let field = "all arrays together";
            return Err(Refused::TooMany { field, count: elements, most: MOST_ELEMENTS });
        }
        return Ok(PER_BYTE * body.len() + PER_ELEMENT * elements);
    }
    let as_large_as_what_there_is = matches!(
        api,
        ApiKey::Metadata
            | ApiKey::OffsetFetch
            | ApiKey::DescribeGroups
            | ApiKey::ListGroups
            | ApiKey::DescribeAcls
            | ApiKey::DeleteAcls
            | ApiKey::DescribeClientQuotas
            | ApiKey::DescribeConfigs
            | ApiKey::DescribeDelegationToken
            | ApiKey::DescribeLogDirs
            | ApiKey::DescribeProducers
            | ApiKey::DescribeTopicPartitions
            | ApiKey::ElectLeaders
            | ApiKey::ListConfigResources
            | ApiKey::ListPartitionReassignments
    );
    Ok(if as_large_as_what_there_is { UNKNOWN } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_until_the_answers_of_others_are_read() {
        let pool = Arc::new(Pool::new(100));
        let [mut a, mut b, mut c] = [(); 3].map(|()| Account::new(Arc::clone(&pool)));
        assert!(a.reserve(60) && a.reserve(40), "two requests in a row");
        assert!(b.reserve(30), "one may overdraw");
        assert!(!c.reserve(10) && c.is_starved());
        assert!(!c.draw(Waker::noop()));
        a.settle();
        assert!(c.draw(Waker::noop()) && !c.is_starved());
        assert!(c.reserve(10), "what was drawn is there for the request that waited");
    }

    #[test]
    fn an_answer_that_was_larger_than_drawn_for_keeps_others_waiting() {
        let pool = Arc::new(Pool::new(2 * UNKNOWN));
        let [mut a, mut b, mut c] = [(); 3].map(|()| Account::new(Arc::clone(&pool)));
        assert!(a.reserve(UNKNOWN));
        a.charge(10 * UNKNOWN);
        assert!(b.reserve(UNKNOWN), "one may overdraw");
        assert!(!c.reserve(1));
        drop(a);
        assert!(c.draw(Waker::noop()));
    }
}
