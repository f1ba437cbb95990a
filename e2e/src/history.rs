//! What clients did and what they were told, and whether a log that keeps its promises can have
//! told them so: nothing that was acknowledged is lost, repeated, moved or out of order.
//!
//! The rules are those of Jepsen's workload for Kafka, of offsets in the order of time, and of
//! committed offsets. They hold for topics without transactions, retention or compaction, whose
//! offsets have no holes. Every rule costs a sort at most.

mod agreement;
mod groups;
mod loss;
mod order;
mod recency;
mod replicas;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

pub use self::replicas::{Replica, differ};

/// The value of a record: whoever reads it knows who has sent it to which partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    /// To which it was sent.
    pub partition: i32,
    /// Who has sent it.
    pub process: u32,
    /// How many it had sent before.
    pub number: u32,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.partition, self.process, self.number)
    }
}

impl FromStr for Value {
    type Err = anyhow::Error;

    /// The opposite of its `Display`.
    fn from_str(text: &str) -> Result<Value> {
        let mut words = text.split(' ');
        let mut next = || words.next().context("a value of another kind");
        Ok(Value {
            partition: next()?.parse()?,
            process: next()?.parse()?,
            number: next()?.parse()?,
        })
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Acknowledged, with its first offset.
    At(i64),
    /// Acknowledged as a repetition of what is there.
    Somewhere,
    /// Refused with an error that says that nothing was written.
    Refused(i16),
    /// Nobody knows.
    Unknown,
}

/// What a client asked for, and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A batch was sent, with `acks=all`.
    Send {
        /// Its records.
        values: Vec<Value>,
        /// The answer.
        sent: Sent,
    },
    /// Records were read.
    Read {
        /// From which offset on.
        from: i64,
        /// Offsets and what is there.
        records: Vec<(i64, Value)>,
    },
    /// All records were read once everything was well again, from the first to the last.
    All(Vec<(i64, Value)>),
    /// The end of the partition was asked for (`ListOffsets`, latest).
    End(i64),
    /// An offset was committed; the client reads what is before it first.
    Commit {
        /// The offset.
        offset: i64,
        /// Whether that was acknowledged.
        acknowledged: bool,
    },
    /// The committed offset was asked for; -1: there is none.
    Committed(i64),
}

/// Something that a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who: one thing after the other.
    pub process: u32,
    /// Where.
    pub partition: i32,
    /// When it was asked for, since the history began.
    pub begun: Duration,
    /// When the answer was there.
    pub ended: Duration,
    /// What.
    pub what: What,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// Where.
    pub partition: i32,
    /// What shows it.
    pub why: String,
}

/// What a log promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// An offset has one record, whoever is asked (C1, Jepsen's inconsistent-offsets).
    Agreement,
    /// A record has one offset (C2, duplicate).
    Once,
    /// What is read was sent, there and before (C3).
    Sent,
    /// What was refused is not there (C4, aborted read).
    Refused,
    /// What was acknowledged is there at the end (C5, lost-write and unseen).
    Kept,
    /// What was read stays (C6).
    Stays,
    /// A reader is given one offset after the other (C7, poll-skip and nonmonotonic-poll).
    Dense,
    /// What was sent later lies later (C8 and C10, nonmonotonic-send).
    Order,
    /// The end of a partition covers what was acknowledged or read, and does not go back (C11).
    Recency,
    /// A committed offset is the last one that was acknowledged, or a later one (C13).
    Committed,
    /// Members of a group have read everything before what they commit (C12, as far as one reader
    /// after the other can show).
    Covered,
    /// Something was compared.
    Compared,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken in partition {}: {}", self.rule, self.partition, self.why)
    }
}

/// A history in the making; clients write to it from their threads.
#[derive(Debug)]
pub struct History {
    begun: Instant,
    events: Mutex<Vec<Event>>,
    trouble: Mutex<String>,
}

impl History {
    /// An empty one, which begins now.
    pub fn begin() -> History {
        History { begun: Instant::now(), events: Mutex::default(), trouble: Mutex::default() }
    }

    /// The time since it began.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Adds what `process` has been doing in `partition` since `begun`, and is done with now.
    pub fn add(&self, (process, partition): (u32, i32), begun: Duration, what: What) {
        let ended = self.now();
        let event = Event { process, partition, begun, ended, what };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// What went wrong last, which is no event: for whoever reads why nothing happens.
    pub fn trouble(&self) -> String {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something went wrong.
    pub fn set_trouble(&self, what: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// How many batches were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|event| event.acknowledged().is_some()).count()
    }

    /// All of it so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Event {
    /// The records of a batch that was acknowledged, and where it begins if that is known.
    fn acknowledged(&self) -> Option<(Option<i64>, &[Value])> {
        match &self.what {
            What::Send { values, sent: Sent::At(first) } => Some((Some(*first), values)),
            What::Send { values, sent: Sent::Somewhere } => Some((None, values)),
            _ => None,
        }
    }

    /// What was read.
    fn read(&self) -> Option<&[(i64, Value)]> {
        match &self.what {
            What::Read { records, .. } | What::All(records) => Some(records),
            _ => None,
        }
    }

    /// One past the last offset that this shows to be committed.
    fn shown(&self) -> Option<i64> {
        match &self.what {
            What::Send { values, sent: Sent::At(first) } => {
                Some(first + i64::try_from(values.len()).unwrap_or(i64::MAX))
            }
            What::Read { records, .. } => records.last().map(|(offset, _)| offset + 1),
            What::End(end) => Some(*end),
            _ => None,
        }
    }
}

/// The promises that `events` show to be broken, by partition; none where all were kept.
pub fn judge(events: &[Event]) -> Vec<Broken> {
    let mut partitions = BTreeMap::<i32, Vec<&Event>>::new();
    for event in events {
        partitions.entry(event.partition).or_default().push(event);
    }
    let mut broken = Vec::new();
    let mut compared = false;
    for (partition, mut events) in partitions {
        events.sort_by_key(|event| event.begun);
        let rules = [
            agreement::one_record_per_offset,
            agreement::one_offset_per_record,
            agreement::sent_before,
            agreement::refused,
            loss::kept,
            loss::stays,
            order::dense,
            order::by_time,
            recency::of_the_end,
            groups::committed,
            groups::covered,
        ];
        let found = rules.iter().flat_map(|rule| rule(&events));
        broken.extend(found.map(|(rule, why)| Broken { rule, partition, why }));
        compared |= events.iter().any(|event| event.acknowledged().is_some());
    }
    if !compared {
        let why = "nothing was acknowledged".to_owned();
        broken.push(Broken { rule: Rule::Compared, partition: -1, why });
    }
    broken
}

/// The longest time in which nothing was acknowledged in any of the partitions.
pub fn longest_gap(events: &[Event]) -> Duration {
    let mut ends: Vec<Duration> = events
        .iter()
        .filter(|event| event.acknowledged().is_some())
        .map(|event| event.ended)
        .collect();
    ends.sort_unstable();
    let gaps =
        ends.iter().zip(ends.iter().skip(1)).map(|(before, after)| after.saturating_sub(*before));
    gaps.max().unwrap_or_default()
}

/// What a rule finds.
type Found = Vec<(Rule, String)>;
