//! From what the last process left on the disk to a machine.

use std::{collections::VecDeque, path::Path};

use kastellan_core::{
    id::TopicPartition,
    log::Log as _,
    metadata::CLUSTER_METADATA,
    quorum::{LogView, Quorum, voters_records},
};
use kastellan_log::{Budget, Directory, Properties};

use super::{Life, Stop};
use crate::fleet::{
    env::Env,
    invariant::snapshots,
    mutant::Mutant,
    node::{Node, ROOT},
    snapshot, state_file,
};

impl Life {
    /// Opens what is there. What was recovered is synced before anybody is told of it.
    pub(in crate::fleet) fn open(
        node: &mut Node,
        env: &mut Env,
        births: u64,
    ) -> Result<Self, Stop> {
        let properties = Properties {
            cluster_id: "simulated".to_owned(),
            node_id: node.key.id.0,
            directory_id: node.key.directory,
        };
        let disk = node.disk.clone();
        let directory = Directory::open(disk, Path::new(ROOT), properties, Budget::default())?;
        let of = TopicPartition { topic: CLUSTER_METADATA.to_owned(), partition: 0 };
        let mut log = directory.open_log(of, None, env.parameters.log())?;
        let newest = snapshot::newest(&node.disk, log.dir())?;
        let id = newest.as_ref().map(|(id, _)| *id);
        if let Some((id, contents)) = &newest {
            snapshots::check(env, node.key.id, *id, contents.digest)?;
            let behind = log.end() < id.end;
            let other = log.start() < id.end && log.epoch_at(id.end - 1) != id.epoch;
            if behind || other {
                log.restart_at(id.end)?;
            }
        }
        log.flush()?;
        // what the page cache had kept is on the disk now, and nothing else is in the log
        node.durable = log.end();
        let start = id.map_or(0, |id| id.end).max(log.start());
        let mut view = LogView {
            start,
            end: log.end(),
            synced: log.end(),
            epochs: log.epochs().to_vec(),
            snapshot: id,
            voters: Vec::new(),
        };
        let contents = newest.map(|(_, contents)| contents);
        let named = contents.as_ref().and_then(|contents| contents.voters.clone());
        view.voters.extend(named.map(|voters| (start - 1, voters)));
        log.for_each_batch(start, |header, batch| {
            view.voters.extend(voters_records(header, batch));
            std::ops::ControlFlow::<()>::Continue(())
        })?;
        let stored = state_file::read(&node.disk)?.filter(|_| !env.is(Mutant::ForgetState));
        let digest = contents.map_or(0, |contents| contents.digest);
        Ok(Self {
            quorum: Quorum::new(node.setup.clone(), stored, view, births << 32),
            log,
            directory,
            asked: std::collections::BTreeMap::new(),
            next_token: 0,
            proposals: Vec::new(),
            sync: None,
            sync_again: false,
            download: Vec::new(),
            follow_up: VecDeque::new(),
            part: None,
            resigning: false,
            last_vote: None,
            read: (start, digest),
        })
    }
}
