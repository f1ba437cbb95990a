//! What is expected, said as plainly as possible.

use super::{
    super::*,
    Checked, ensure,
    history::{Fleet, Unclean},
};
use crate::metadata::controller::index::Key;

/// Whether the broker runs, means to stay, and the replica's directory works.
pub(super) fn can_lead(image: &Image, state: &Partition, id: BrokerId) -> bool {
    let directory = state.directory_of(id);
    image.broker(id).is_some_and(|broker| {
        !broker.fenced
            && !broker.in_controlled_shutdown
            && (directory == Uuid::nil() || broker.log_dirs.contains(&directory))
    })
}

pub(super) fn is_eligible_on(image: &Image) -> bool {
    image.feature("eligible.leader.replicas.version") == 1
}

pub(super) fn setting(image: &Image, topic: &str, name: &str) -> Option<String> {
    let of = |resource| image.config(&resource)?.get(name).cloned();
    of(crate::metadata::ConfigResource::topic(topic))
        .or_else(|| of(crate::metadata::ConfigResource::broker("")))
}

pub(super) fn min_in_sync(image: &Image, key: Key) -> usize {
    let topic = image.topic_by_id(&key.0).unwrap();
    let min =
        setting(image, &topic.name, "min.insync.replicas").map_or(1, |it| it.parse().unwrap());
    std::cmp::min(min, topic.partitions[&key.1].replicas.len())
}

pub(super) fn is_unclean_on(image: &Image, key: Key) -> bool {
    let topic = image.topic_by_id(&key.0).unwrap();
    setting(image, &topic.name, "unclean.leader.election.enable").as_deref() == Some("true")
}

/// Kafka's code for a proposal, in the order in which it looks.
pub(super) fn code_of_proposal(
    image: &Image,
    sender: BrokerId,
    topic: &Uuid,
    proposal: &IsrProposal,
) -> Option<i16> {
    if image.topic_by_id(topic).is_none() {
        return Some(100);
    }
    let Some(state) = image.partition(topic, proposal.partition) else { return Some(3) };
    let ids: BTreeSet<_> = proposal.isr.iter().map(|(id, _)| *id).collect();
    let broken = ids.len() != proposal.isr.len()
        || ids.iter().any(|id| !state.replicas.contains(id))
        || !ids.contains(&sender)
        || proposal.leader_recovery_state == 1
            && (ids.len() > 1 || state.leader_recovery_state == 0);
    let unfit = proposal.isr.iter().any(|(id, epoch)| {
        !can_lead(image, state, *id)
            || epoch.is_some_and(|epoch| image.broker(*id).unwrap().epoch != epoch)
    });
    let questions = [
        (proposal.leader_epoch > state.leader_epoch, 41),
        (proposal.partition_epoch > state.partition_epoch, 41),
        (proposal.leader_epoch < state.leader_epoch, 74),
        (state.leader != Some(sender), 42),
        (proposal.partition_epoch < state.partition_epoch, 95),
        (broken, 42),
        (unfit, 107),
    ];
    questions.iter().find(|(wrong, _)| *wrong).map(|(_, code)| *code)
}

impl Fleet {
    /// A partition is about to change: who has everything then?
    pub(super) fn observe(&mut self, change: &PartitionChangeRecord) -> Checked {
        let key = (change.topic, change.partition);
        let before = Arc::clone(self.image().partition(&key.0, key.1).unwrap());
        let mut image = self.image().clone();
        image.apply(&Record::PartitionChange(change.clone())).map_err(|error| error.to_string())?;
        let after = Arc::clone(image.partition(&key.0, key.1).unwrap());
        let lossy = |id: &BrokerId| is_eligible_on(&image) && self.asked.lossy == Some(*id);
        let mut clean: BTreeSet<_> =
            before.isr.iter().chain(&before.elr).copied().filter(|id| !lossy(id)).collect();
        let mut whole = self.whole.get(&key).cloned().unwrap_or_default();
        whole.retain(|id| !lossy(id));
        if let Some((place, id)) = self.asked.caught_up
            && place == key
            && after.isr.contains(&id)
            && before.leader.is_some_and(|leader| whole.contains(&leader))
        {
            whole.insert(id);
            clean.insert(id);
        }
        let mut words = Vec::new();
        if let Some(leader) = after.leader.filter(|_| change.leader.0 >= 0) {
            if clean.contains(&leader) {
                if before.elr.contains(&leader) {
                    ensure!(
                        before.isr.iter().all(|id| !after.isr.contains(id)),
                        "{leader:?} passes over the ISR"
                    );
                    words.push("elected from the ELR");
                }
            } else {
                let asked = matches!(self.asked.unclean, Unclean::All)
                    || self.asked.unclean == Unclean::One(key)
                    || is_unclean_on(&image, key);
                let guess = clean.is_empty() && before.last_known_elr.as_slice() == [leader];
                ensure!(asked || guess, "{leader:?} was elected uncleanly: {before:?}");
                let told = after.leader_recovery_state == 1 || after.replicas.len() == 1;
                ensure!(told, "an unclean election is not told of");
                words.push(if guess { "elected the last leader" } else { "elected uncleanly" });
                whole = BTreeSet::from([leader]);
            }
        }
        if before.adding.len() > after.adding.len() && self.asked.moving != Some(key) {
            let there = before.adding.iter().all(|id| after.isr.contains(id));
            ensure!(there && after.adding.is_empty(), "a move ended before its time");
            words.push("moved");
        }
        let kept = after.isr.iter().chain(&after.elr).any(|id| clean.contains(id));
        let asked = self.asked.unclean != Unclean::None || is_unclean_on(&image, key);
        ensure!(
            kept || clean.is_empty() || asked,
            "all that was acknowledged is given up: {before:?}"
        );
        let grows = after.isr.iter().any(|id| !before.isr.contains(id));
        if grows && change.leader.0 < 0 {
            words.push("grew an ISR");
        }
        whole.retain(|id| after.replicas.contains(id));
        self.whole.insert(key, whole);
        for words in words {
            self.saw(words);
        }
        Ok(())
    }
}
