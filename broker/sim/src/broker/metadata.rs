//! The controller's driver: decide, append, sync, and only then answer.

use kastellan_core::{
    config::BrokerConfig,
    id::{BrokerId, LeaderEpoch, TopicPartition},
    log::{Appended, Log as _, LogError},
    machine::{Machine as _, Replicated as _, Ticket},
    metadata::{CLUSTER_METADATA, Controller, Effect, Failure, Image, Input, Record, Reply},
};
use kastellan_log::{Config, Directory, Log};
use kastellan_protocol::{
    ErrorCode,
    batch::{Builder, Malformed, Scratch, for_each_record},
};

use super::Stop;
use crate::{
    counter::Rare,
    disk::SimDisk,
    invariant::{Invariant, metadata},
    model::Ending,
    mutant::Mutant,
    world::Env,
};

const ME: BrokerId = BrokerId(1);

/// The controller and its log.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) machine: Controller,
    pub(crate) log: Log<SimDisk>,
    epoch: LeaderEpoch,
}

impl Metadata {
    /// Replays the log.
    pub(crate) fn open(
        env: &mut Env,
        directory: &Directory<SimDisk>,
        ending: Ending,
    ) -> Result<Self, Stop> {
        let of = TopicPartition { topic: CLUSTER_METADATA.to_owned(), partition: 0 };
        let config = Config { delete: false, ..env.parameters.log() };
        let log = directory.open_log(of, None, config)?;
        let (start, end, recovery) = (log.start(), log.end(), log.recovery());
        let known = (env.model.committed.offset(), env.model.uncommitted.len());
        env.trace.note(format_args!(
            "  metadata {known:?} after {ending:?}: {start}..{end} {recovery:?}"
        ));
        let image = replay(&log, &mut env.scratch)?;
        let lost = metadata::check(&env.model, &image, ending)?;
        env.counters.note_if(lost, Rare::MetadataLostWhatWasNotCommitted);
        env.counters.compared(Invariant::MetadataReplaysToTheSameImage);
        // what was replayed is committed with the next commit, not before
        let at = env.model.uncommitted.iter().rposition(|(known, _)| *known == image);
        env.model.uncommitted.truncate(at.map_or(0, |at| at + 1));
        env.model.uncommitted.iter_mut().for_each(|(_, taken)| *taken = true);
        let epoch = log.latest_epoch().saturating_add(1);
        Ok(Self { machine: Controller::new(image, ME, BrokerConfig::default()), log, epoch })
    }

    /// Decides one input; the answer holds once it is here.
    pub(crate) fn ask(
        &mut self,
        env: &mut Env,
        poisoned: bool,
        input: impl FnOnce(Ticket) -> Input,
    ) -> Reply {
        let mut effects = Vec::new();
        self.machine.step(env.now, input(Ticket(0)), &mut effects);
        env.trace.note(format_args!("  metadata at {}: {} effects", self.log.end(), effects.len()));
        let mut reply = Reply::Done;
        let mut appended = false;
        for effect in effects {
            match effect {
                Effect::Append(records) => match self.append(env, poisoned, &records) {
                    Ok(()) => appended = true,
                    Err(error) => return failed(&error),
                },
                Effect::Reply(_, answer) => reply = answer,
                // the only broker there is
                Effect::Dial { .. } => (),
            }
        }
        if appended
            && !env.is(Mutant::MetadataBeforeSync)
            && let Err(error) = self.log.flush()
        {
            let committed = env.model.committed.clone();
            self.machine = Controller::new(committed, ME, BrokerConfig::default());
            return failed(&error);
        }
        if appended {
            env.model.committed = self.machine.image().clone();
            env.model.uncommitted.clear();
        }
        reply
    }

    fn append(
        &mut self,
        env: &mut Env,
        poisoned: bool,
        records: &[Record],
    ) -> Result<(), LogError> {
        let first = self.log.end();
        let wall = env.now.wall;
        let mut batch = Builder::new(first, self.epoch);
        for record in records {
            let forgotten = matches!(record, Record::Config(_));
            let record = if forgotten && env.is(Mutant::MetadataForgetConfig) {
                &Record::NoOp
            } else {
                record
            };
            batch.record(wall, None, Some(&record.encode()), &[]);
        }
        let last = first + i64::from(batch.count()) - 1;
        let appended = Appended {
            first,
            last,
            max_timestamp: wall,
            offset_of_max_timestamp: first,
            epoch: self.epoch,
        };
        let taken = self.log.append(&batch.finish(), appended);
        let mut after = self.machine.image().clone();
        let fits = records.iter().all(|record| after.apply(record).is_ok());
        assert!(fits, "what was decided follows the image");
        after.advance(last);
        if taken.is_ok() || !poisoned {
            env.model.uncommitted.push((after, taken.is_ok()));
        }
        taken?;
        for record in records {
            self.machine.apply(record);
        }
        self.machine.advance(last);
        Ok(())
    }
}

fn failed(error: &LogError) -> Reply {
    Reply::Failed(Failure::new(ErrorCode::KafkaStorageError, error.to_string()))
}

fn replay(log: &Log<SimDisk>, scratch: &mut Scratch) -> Result<Image, Stop> {
    let mut image = Image::default();
    let failed = log.for_each_batch(log.start(), |header, batch| {
        let folded = for_each_record(batch, scratch, |record| -> Result<(), Malformed> {
            let decoded = Record::decode(record.value.unwrap_or_default());
            // what does not fit shows when the images are compared
            drop(decoded.map(|decoded| image.apply(&decoded)));
            Ok(())
        });
        if let Err(error) = folded {
            return std::ops::ControlFlow::Break(error);
        }
        image.advance(header.last_offset());
        std::ops::ControlFlow::Continue(())
    })?;
    match failed {
        Some(error) => Err(Stop::Refused(format!("the metadata log: {error}"))),
        None => Ok(image),
    }
}
