//! From a directory on the disk to a broker that serves.

use std::{collections::BTreeMap, path::Path};

use kastellan_core::{
    id::Uuid,
    metadata::{Input, NewTopic, RegisterBroker, Reply, SUPPORTED, SupportedFeature},
    partition::Durability,
};
use kastellan_log::{Budget, Directory, Properties};

use super::{Broker, Groups, ME, Metadata, OFFSETS, Stop};
use crate::{
    counter::Rare,
    invariant::{Invariant, clean},
    model::Ending,
    world::Env,
};

/// Where the data lies.
pub(crate) const ROOT: &str = "/data";

impl Broker {
    /// Starts on what the last life has left.
    pub(crate) fn open(env: &mut Env, ending: Ending) -> Result<Self, Stop> {
        let properties = Properties {
            cluster_id: "simulated".to_owned(),
            node_id: ME.0,
            directory_id: Uuid::from_u128(7),
        };
        // few files and little index memory, so that both are given up and opened again
        let budget = Budget { open_files: 3, pinned_files: 2, index_bytes: 2_000 };
        let disk = env.disk.clone();
        let directory = Directory::open(disk, Path::new(ROOT), properties, budget)?;
        clean::directory(directory.was_clean(), ending)?;
        env.counters.compared(Invariant::RecoveryTrustsOnlyACleanShutdown);
        let metadata = Metadata::open(env, &directory, ending)?;
        let mut broker = Self {
            partitions: BTreeMap::new(),
            compacting: None,
            groups: Groups::default(),
            metadata,
            directory,
            settled: Vec::new(),
        };
        broker.begin(env)?;
        broker.follow(env, ending)?;
        broker.load_groups(env)?;
        Ok(broker)
    }

    fn begin(&mut self, env: &mut Env) -> Result<(), Stop> {
        self.must(env, |ticket| Input::Bootstrap { ticket })?;
        let feature = |feature: &kastellan_core::metadata::Feature| SupportedFeature {
            name: feature.name.to_owned(),
            min: feature.min,
            max: feature.max,
        };
        let registration = RegisterBroker {
            broker: ME,
            incarnation: env.ids.uuid(),
            epoch: -1,
            endpoints: Vec::new(),
            features: SUPPORTED.iter().map(feature).collect(),
            rack: None,
            fenced: false,
            in_controlled_shutdown: false,
            log_dirs: vec![Uuid::from_u128(7)],
        };
        self.must(env, |ticket| Input::RegisterBroker {
            ticket,
            registration,
            previous_epoch: None,
        })?;
        if self.metadata.machine.image().topic(OFFSETS).is_some() {
            return Ok(());
        }
        let fsync = env.parameters.offsets_durability == Durability::Fsync;
        let mut configs = vec![("cleanup.policy".to_owned(), Some("compact".to_owned()))];
        configs.extend(fsync.then(|| ("flush.messages".to_owned(), Some("1".to_owned()))));
        let topic = NewTopic {
            name: OFFSETS.to_owned(),
            id: env.ids.uuid(),
            partitions: 1,
            replication_factor: 1,
            assignments: Vec::new(),
            configs,
        };
        let topics = vec![topic];
        self.must(env, |ticket| Input::CreateTopics { ticket, topics, validate_only: false })
    }

    fn must(
        &mut self,
        env: &mut Env,
        input: impl FnOnce(kastellan_core::machine::Ticket) -> Input,
    ) -> Result<(), Stop> {
        match self.metadata.ask(env, false, input) {
            Reply::Failed(failure) => Err(Stop::Refused(failure.message)),
            _ => Ok(()),
        }
    }

    /// Asks for a block of producer ids.
    pub(crate) fn producer_ids(&mut self, env: &mut Env) -> Option<i64> {
        let poisoned = self.directory.poisoned().is_some();
        let ask = |ticket| Input::AllocateProducerIds { ticket, broker: ME, epoch: None };
        match self.metadata.ask(env, poisoned, ask) {
            Reply::ProducerIds { first, .. } => Some(first),
            _ => None,
        }
    }
}

/// Counts what a start was like.
pub(crate) fn count(env: &mut Env, ending: Ending, poisoned: bool) {
    env.counters.note_if(ending == Ending::Clean, Rare::CleanRestart);
    env.counters.note_if(poisoned, Rare::PoisonedDirectoryServedAgain);
}
