//! How a coordinator comes to be: its partition's log is read from the start.

use std::{
    ops::ControlFlow,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use kastellan_core::{
    group::{Coordinator, Input, Record, Settings},
    id::Uuid,
    machine::Replicated,
};
use kastellan_protocol::{
    ErrorCode,
    batch::{Malformed, Scratch, for_each_record},
};

use super::{
    shard::{Open, Shard, State},
    topic,
};
use crate::{broker::Broker, partition::Partition};

/// Reading a log for longer than this is worth a line in ours.
const WORTH_TELLING: Duration = Duration::from_millis(100);

/// What a replay has come across.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    /// Records of protocols that are not spoken here, and control records.
    others: u64,
    unreadable: u64,
}

/// Has a closed coordinator read its log: at once where there is nothing in it, elsewhere on a
/// thread of its own, while callers are told to come again.
pub(super) fn begin<'a>(
    broker: &Arc<Broker>,
    index: usize,
    shard: &'a Shard,
    mut state: MutexGuard<'a, State>,
) -> MutexGuard<'a, State> {
    let led = topic::partition(broker, index).ok().filter(|(it, _epoch)| !it.has_failed());
    let Some((partition, _epoch)) = led else { return state };
    *state = State::Loading;
    drop(state);
    if partition.ends().is_ok_and(|(start, end)| start == end) {
        now(broker, index, shard);
    } else {
        let broker = Arc::clone(broker);
        tokio::task::spawn_blocking(move || {
            if let Some(shard) = broker.groups.shards.get().and_then(|it| it.get(index)) {
                now(&broker, index, shard);
            }
        });
    }
    shard.lock()
}

/// Reads the log of a coordinator that is [`State::Loading`], on this thread.
pub(super) fn now(broker: &Arc<Broker>, index: usize, shard: &Shard) {
    let opened = topic::partition(broker, index).and_then(|led| open(broker, led));
    let mut state = shard.lock();
    if !matches!(*state, State::Loading) {
        return;
    }
    // it may have been lost, or won anew, while the log was read
    let opened =
        opened.and_then(|open| open.is_led().then_some(open).ok_or(ErrorCode::NotLeaderOrFollower));
    match opened {
        Ok(mut open) => {
            let answers = open.step(broker.clock.now(), Input::Loaded);
            // they may have changed while the log was read
            let settings = Settings::clone(&broker.groups.settings.load());
            open.step(broker.clock.now(), Input::Configure(Box::new(settings))).tell();
            forget_deleted_topics(broker, &mut open);
            open.arm(&shard.deadline, &broker.groups.timer);
            *state = State::Open(Box::new(open));
            drop(state);
            answers.tell();
        }
        // whoever leads it coordinates its groups
        Err(ErrorCode::NotLeaderOrFollower) => *state = State::Closed,
        Err(code) => {
            *state = State::Closed;
            drop(state);
            tracing::error!(index, ?code, "a group coordinator cannot read its log");
        }
    }
}

fn open(broker: &Broker, (partition, epoch): (Arc<Partition>, i32)) -> Result<Open, ErrorCode> {
    let began = broker.clock.monotonic();
    let mut coordinator = Coordinator::new(Settings::clone(&broker.groups.settings.load()));
    let mut seen = Seen::default();
    let mut scratch = Scratch::default();
    let (start, end) = partition.ends()?;
    partition.for_each_batch(start, |header, batch| {
        if header.is_control() {
            seen.others += 1;
            return ControlFlow::Continue(());
        }
        let read = for_each_record(batch, &mut scratch, |record| -> Result<(), Malformed> {
            replay(&mut coordinator, record.key, record.value, &mut seen);
            Ok(())
        });
        if read.is_err() {
            seen.unreadable += u64::from(header.count.unsigned_abs());
        }
        ControlFlow::Continue(())
    })?;
    let took = broker.clock.monotonic().since(began);
    let (groups, index) = (coordinator.len(), partition.index());
    if seen.unreadable > 0 {
        tracing::warn!(index, ?seen, "records of __consumer_offsets were passed over");
    }
    if took > WORTH_TELLING {
        tracing::info!(index, groups, ?seen, ?took, "read the groups of a partition");
    }
    // what a leader finds in its log is going to be committed, and nobody hears of it before
    Ok(Open::new(coordinator, (partition, epoch), end))
}

fn replay(
    coordinator: &mut Coordinator,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    seen: &mut Seen,
) {
    match Record::from_bytes(key, value) {
        Ok(Some(record)) => {
            seen.records += 1;
            coordinator.apply(&record);
        }
        Ok(None) => seen.others += 1,
        Err(error) => {
            seen.unreadable += 1;
            tracing::debug!(%error, "a record of __consumer_offsets is not readable");
        }
    }
}

/// A topic may have been deleted just before the process died: its offsets must not outlive it.
fn forget_deleted_topics(broker: &Arc<Broker>, open: &mut Open) {
    for topic in open.topics() {
        if topic::id(broker, &topic).is_none() {
            let input = Input::TopicDeleted { topic, id: Uuid::nil() };
            open.step(broker.clock.now(), input).tell();
        }
    }
}
