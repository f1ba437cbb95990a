//! What holds after every step.

use super::{
    super::*,
    Checked, ensure,
    history::{Fleet, settings},
    model::{can_lead, is_eligible_on, min_in_sync},
};
use crate::metadata::controller::index::Key;

impl Fleet {
    pub(super) fn check(&mut self, before: &Image) -> Checked {
        ensure!(self.controller.fault().is_none(), "{:?}", self.controller.fault());
        ensure!(self.replayed == *self.image(), "a replay gives another image");
        let image = self.image().clone();
        ensure!(self.controller.index == Index::of(&image), "the index is another one");
        ensure!(self.controller.rules == Rules::of(&image, &settings()), "the rules are others");
        for topic in image.topics() {
            for (index, state) in &topic.partitions {
                let key = (topic.id, *index);
                let earlier = before.partition(&key.0, key.1);
                partition(&image, key, state)
                    .and_then(|()| earlier.map_or(Ok(()), |it| epochs(it, state)))
                    .and_then(|()| self.holders(key, state))
                    .map_err(|why| format!("{}-{index}: {why}: {state:?}", topic.name))?;
            }
        }
        Ok(())
    }

    /// Who is in sync or eligible has all that was acknowledged.
    fn holders(&self, key: Key, state: &Partition) -> Checked {
        if state.replicas.len() == 1 || !is_eligible_on(self.image()) {
            return Ok(());
        }
        let whole = &self.whole[&key];
        for id in state.isr.iter().chain(&state.elr) {
            ensure!(whole.contains(id), "{id:?} lacks records, {whole:?} have them");
        }
        Ok(())
    }
}

fn partition(image: &Image, key: Key, state: &Partition) -> Checked {
    let Partition { replicas, isr, elr, last_known_elr, adding, removing, .. } = state;
    let active = |id: BrokerId| {
        image.broker(id).is_some_and(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    };
    if let Some(leader) = state.leader {
        ensure!(isr.contains(&leader), "the leader is not in the ISR");
        ensure!(can_lead(image, state, leader), "the leader cannot lead");
        ensure!(last_known_elr.is_empty(), "a last leader beside the leader");
    }
    let distinct = |ids: &[BrokerId]| ids.iter().collect::<BTreeSet<_>>().len() == ids.len();
    let known = |ids: &[BrokerId]| distinct(ids) && ids.iter().all(|id| replicas.contains(id));
    ensure!(known(isr) && known(elr), "the ISR and the ELR are among the replicas");
    ensure!(known(replicas) && !replicas.is_empty(), "replicas are distinct");
    ensure!(!isr.iter().any(|id| elr.contains(id)), "the ISR and the ELR are disjoint");
    ensure!(known(adding) && known(removing), "what moves is among the replicas");
    ensure!(state.directories.len() == replicas.len(), "each replica has its directory");
    if is_eligible_on(image) {
        let enough = isr.len() >= min_in_sync(image, key);
        ensure!(!enough || elr.is_empty(), "a large enough ISR, and an ELR");
        let stray = isr.iter().find(|id| !active(**id));
        ensure!(stray.is_none(), "{stray:?} is in the ISR and does not run");
        ensure!(state.leader.is_some() || isr.is_empty(), "an ISR without a leader");
        let could = elr.iter().find(|id| can_lead(image, state, **id));
        ensure!(state.leader.is_some() || could.is_none(), "{could:?} could lead");
        ensure!(last_known_elr.len() <= 1, "one leader was the last");
    } else {
        ensure!(elr.is_empty() && last_known_elr.is_empty(), "an ELR although it is off");
        ensure!(!isr.is_empty(), "an empty ISR");
        let stray = isr.iter().find(|id| !active(**id));
        ensure!(stray.is_none() || state.leader.is_none(), "{stray:?} does not run");
    }
    Ok(())
}

fn epochs(before: &Partition, after: &Partition) -> Checked {
    if before == after {
        return Ok(());
    }
    let (old, new) = (before.leader_epoch, after.leader_epoch);
    ensure!(after.partition_epoch > before.partition_epoch, "the partition epoch stands still");
    ensure!(new >= old, "the leader epoch goes back");
    ensure!(new > old || before.leader == after.leader, "another leader in the same epoch");
    Ok(())
}
