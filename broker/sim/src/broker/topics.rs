//! What committed metadata means for the logs: partitions come and go.

use std::path::Path;

use kastellan_core::{
    config::{BrokerConfig, TopicConfig},
    id::{TopicPartition, Uuid},
    log::Log as _,
    metadata::CLUSTER_METADATA,
    partition::Durability,
    producer::Producers,
};
use kastellan_log::{Config, Log, name::Kind};

use super::{Broker, Served, Stop, replica};
use crate::{
    counter::Rare,
    disk::SimDisk,
    invariant::{Invariant, acknowledged, clean, deletion, forward, fsync, served},
    model::{self, Ending},
    mutant::Mutant,
    world::Env,
};

/// A partition that the image wants.
struct Wanted {
    of: TopicPartition,
    topic: Uuid,
    epoch: i32,
    durability: Durability,
    config: Config,
}

impl Broker {
    /// Opens what the image has and the broker has not, deletes what it has not any more.
    pub(crate) fn follow(&mut self, env: &mut Env, ending: Ending) -> Result<(), Stop> {
        let wanted = self.wanted(env);
        let is_wanted = |of: &TopicPartition, topic: Option<Uuid>| {
            wanted.iter().any(|it| it.of == *of && topic.is_none_or(|id| id == it.topic))
        };
        for (of, topic) in self.directory.partitions()? {
            if of.topic == CLUSTER_METADATA || is_wanted(&of, topic) {
                continue;
            }
            env.model.partitions.remove(&of);
            let served = self.partitions.remove(&of);
            env.trace.note(format_args!("  {of} goes"));
            if env.is(Mutant::ForgetTopicDeletion) {
                continue;
            }
            match served {
                Some(served) => self.directory.delete_log(served.machine.into_log())?,
                None => self.directory.delete_partition(&of)?,
            }
        }
        let present = |of: &TopicPartition, _: &mut model::Partition| {
            wanted.iter().any(|wanted| wanted.of == *of)
        };
        env.model.partitions.retain(present);
        for one in wanted {
            match self.partitions.get_mut(&one.of) {
                Some(served) => served.lead(env.now.monotonic, one.epoch),
                None => self.open_partition(env, one, ending)?,
            }
        }
        Ok(())
    }

    /// Tells the logs what their topics' settings are by now.
    pub(crate) fn configure(&mut self, env: &mut Env) {
        for one in self.wanted(env) {
            let served = self.partitions.get_mut(&one.of);
            if let Some((served, model)) = served.zip(env.model.partitions.get_mut(&one.of)) {
                model.config = one.config.clone();
                served.machine.log_mut().set_config(one.config);
            }
        }
    }

    fn wanted(&self, env: &Env) -> Vec<Wanted> {
        let image = self.metadata.machine.image();
        let broker = BrokerConfig::default();
        let mut wanted = Vec::new();
        for topic in image.topics() {
            let settings = TopicConfig::resolve(&image.topic_overrides(&topic.name), &broker);
            let fsync = settings.flush_messages == Some(1);
            let durability = if fsync { Durability::Fsync } else { Durability::Replicated };
            let config = Config {
                delete: settings.cleanup.delete,
                compact: settings.cleanup.compact,
                retention_ms: settings.retention_ms.unwrap_or(-1),
                retention_bytes: settings
                    .retention_bytes
                    .and_then(|bytes| i64::try_from(bytes).ok())
                    .unwrap_or(-1),
                ..env.parameters.log()
            };
            for (index, partition) in &topic.partitions {
                let of = TopicPartition { topic: topic.name.to_string(), partition: *index };
                let (topic, epoch) = (topic.id, partition.leader_epoch);
                wanted.push(Wanted { of, topic, epoch, durability, config: config.clone() });
            }
        }
        wanted
    }

    fn open_partition(&mut self, env: &mut Env, one: Wanted, ending: Ending) -> Result<(), Stop> {
        let Wanted { of, topic, epoch, durability, config } = one;
        let told = (!env.is(Mutant::ForgetTopicDeletion)).then_some(topic);
        let known = env.model.partitions.get(&of).is_some_and(|it| it.topic == topic);
        if !known {
            env.counters.note_if(env.model.deleted.contains(&of.topic), Rare::TopicRecreated);
            let model = model::Partition::new(topic, durability, config.clone());
            env.model.partitions.insert(of.clone(), model);
        } else if let Some(model) = env.model.partitions.get_mut(&of) {
            model.config = config.clone();
        }
        let log = self.directory.open_log(of.clone(), told, config)?;
        settle(env, &of, &log, ending)?;
        let producers = rebuild(env, &log)?;
        let mut served = Served {
            machine: replica(log, producers, durability),
            handed: None,
            done: None,
            waiting: std::collections::VecDeque::new(),
        };
        served.lead(env.now.monotonic, epoch);
        let ends = served.ends();
        if let Some(model) = env.model.partitions.get_mut(&of) {
            forward::recovered(&of, model, ends, ending)?;
            deletion::recovered(&of, model, ends.start)?;
            let crashed = ending != Ending::Clean;
            let counters = &mut env.counters;
            counters.compared(Invariant::DeletedStaysDeleted);
            counters.note_if(crashed && model.deleted > 0, Rare::DeletionSurvivedACrash);
            let within =
                model.batch_at(ends.start).is_some_and(|it| it.header.base_offset < ends.start);
            counters.note_if(crashed && within, Rare::StartInsideABatchRecovered);
            let empty = ends.start == ends.end && ends.end > 0;
            counters.note_if(crashed && empty, Rare::EverythingDeletedAtAStart);
            model.start = ends.start;
            model.high_watermark = ends.high_watermark;
        }
        self.partitions.insert(of, served);
        Ok(())
    }

    /// Closes everything, as a shutdown does; what was open is gone then.
    pub(crate) fn close(self, env: &mut Env) -> Result<(), kastellan_core::log::LogError> {
        let Self { partitions, metadata, directory, .. } = self;
        let mut logs = vec![metadata.log];
        for (_, served) in partitions {
            let mut machine = served.machine;
            let (end, snapshot) = (machine.log().end(), machine.producers().to_snapshot());
            machine.log_mut().store_snapshot(end, &snapshot)?;
            logs.push(machine.into_log());
        }
        directory.close(logs)?;
        for model in env.model.partitions.values_mut() {
            model.durable = model.end;
            model.durable_start = model.start;
        }
        Ok(())
    }
}

/// Holds what recovery found against the model, which takes it over from there.
fn settle(
    env: &mut Env,
    of: &TopicPartition,
    log: &Log<SimDisk>,
    ending: Ending,
) -> Result<(), Stop> {
    let Some(model) = env.model.partitions.get_mut(of) else { return Ok(()) };
    let (start, end, recovery) = (log.start(), log.end(), log.recovery());
    let promised = (model.start, model.durable, model.end);
    env.trace
        .note(format_args!("  {of} {promised:?} after {ending:?}: {start}..{end} {recovery:?}"));
    acknowledged::check(of, model, end, ending)?;
    fsync::check(of, model, end)?;
    clean::log(of, recovery, newest_segment(env, log), ending)?;
    let Some(model) = env.model.partitions.get_mut(of) else { return Ok(()) };
    let counters = &mut env.counters;
    counters.compared(Invariant::AcknowledgedIsNotLost);
    counters.compared(Invariant::FsyncSurvivesEveryCrash);
    counters.compared(Invariant::RecoveryTrustsOnlyACleanShutdown);
    if let Some(refused) = model.refused.take()
        && end >= refused.header.next_offset()
        && model.end < end
    {
        let records = model::partition::records_of(&refused.bytes, &mut env.scratch);
        model.push(refused, records.unwrap_or_default());
    }
    let lost = model.batches.range(end..);
    let (count, acknowledged) =
        lost.fold((0, false), |(n, any), (_, batch)| (n + 1, any || batch.acknowledged));
    counters.note_if(recovery.dropped_bytes > 0, Rare::TornTailRecovered);
    counters.note_if(recovery.dropped_bytes > 0 && count > 1, Rare::CrashLostBlockInTheMiddle);
    counters.note_if(recovery.dropped_segments > 0, Rare::SegmentsDroppedBehindAHole);
    counters.note_if(acknowledged, Rare::CrashLostAcknowledgedInReplicatedMode);
    counters.note_if(model.end > end && end > model.durable, Rare::UnsyncedSurvivedACrash);
    let killed = ending == Ending::Killed && model.end > model.durable;
    counters.note_if(killed, Rare::KilledAndNothingLost);
    model.half_truncated = None;
    // a log that starts behind its end goes on there, and whatever was before is deleted
    let boundary = model.boundary(end);
    model.cut(end);
    model.recovered = model.recovered.min(end);
    let (end, compact) = (model.end, model.has_gaps());
    if start < end && boundary != end && !compact {
        let what = format!("{of} ends at {end}, within a batch: the last one ends at {boundary}");
        return Err(crate::invariant::Violation {
            invariant: Some(Invariant::OffsetsAreDense),
            what,
        }
        .into());
    }
    read_back(env, of, log)
}

/// Reads the whole log and compares it.
fn read_back(env: &mut Env, of: &TopicPartition, log: &Log<SimDisk>) -> Result<(), Stop> {
    let (mut from, end) = (log.start(), log.end());
    let mut bytes = Vec::new();
    log.for_each_batch(from, |_, batch| {
        bytes.extend_from_slice(batch);
        std::ops::ControlFlow::<()>::Continue(())
    })?;
    if !bytes.is_empty() {
        from = served::check(env, of, &bytes, served::Range { from, until: end })?;
    }
    let compact = env.model.partitions.get(of).is_some_and(model::Partition::has_gaps);
    if from != end && !compact {
        let what = format!("{of} ends at {end}, and was read up to {from}");
        let invariant = Some(Invariant::ReadsReturnWhatWasAppended);
        return Err(crate::invariant::Violation { invariant, what }.into());
    }
    Ok(())
}

/// The bytes in the log's newest segment file.
fn newest_segment(env: &Env, log: &Log<SimDisk>) -> u64 {
    use kastellan_log::disk::{Disk as _, File as _, Open};
    let entries = env.disk.list(log.dir()).unwrap_or_default();
    let suffix = Path::new(&Kind::Log.file(0)).extension().map(std::ffi::OsStr::to_os_string);
    let mut segments = entries.into_iter().filter(|entry| {
        Path::new(&entry.name).extension().map(std::ffi::OsStr::to_os_string) == suffix
    });
    let newest = segments.next_back().map(|entry| log.dir().join(entry.name));
    let size = newest.and_then(|path| env.disk.open(&path, Open::Read).ok()?.len().ok());
    size.unwrap_or(0)
}

/// The producers as of the newest snapshot that can be read, and what the log says since.
fn rebuild(env: &mut Env, log: &Log<SimDisk>) -> Result<Producers, Stop> {
    let limit = env.parameters.remembered;
    if env.is(Mutant::DropProducerState) {
        return Ok(Producers::new(limit));
    }
    let (producers, from) = log.replay_producers(limit)?;
    env.counters.note_if(log.snapshots().contains(&from), Rare::ProducersReadFromSnapshot);
    if env.is(Mutant::StaleProducerSnapshot) && from > log.start() {
        let bytes = log.load_snapshot(from)?.unwrap_or_default();
        return Ok(Producers::from_snapshot(&bytes, limit).unwrap_or(Producers::new(limit)));
    }
    Ok(producers)
}
