//! Requests of clients and leaders.

use super::{
    super::*,
    Checked, ensure,
    history::{Asked, Fleet, Unclean},
    model::{can_lead, code_of_proposal, is_unclean_on, min_in_sync},
    operation::Wrong,
    processes::Process,
};
use crate::metadata::{ConfigResource, controller::index::Key};

/// The partition that a number stands for.
type Place = (Key, String, Partition);

impl Fleet {
    fn place(&self, at: u8) -> Option<Place> {
        let all = self.image().topics().flat_map(|topic| {
            topic.partitions.iter().map(|(index, state)| {
                ((topic.id, *index), topic.name.as_ref().to_owned(), Partition::clone(state))
            })
        });
        let all: Vec<_> = all.collect();
        (!all.is_empty()).then(|| all[usize::from(at) % all.len()].clone())
    }

    pub(super) fn create(&mut self, partitions: u8, replication_factor: i16) -> Checked {
        if self.image().topic_count() >= 5 {
            return Ok(());
        }
        self.topics += 1;
        let wanted = NewTopic {
            id: Uuid::from_u128(self.topics),
            ..topic(&format!("t{}", self.topics), i32::from(partitions), replication_factor)
        };
        let all = self.image().brokers().count();
        let running = self.image().brokers().filter(|it| it.is_active()).count();
        let can = running > 0 && usize::try_from(replication_factor).unwrap() <= all;
        let topics = vec![wanted.clone()];
        let told =
            self.ask(Input::CreateTopics { ticket: TICKET, topics, validate_only: false })?;
        let Some(Reply::Created(created)) = told else { return Err(format!("{told:?}")) };
        let expected = if can { None } else { Some(38) };
        ensure!(code(&created[0].result) == expected, "{created:?}");
        for state in
            self.image().topic(&wanted.name).into_iter().flat_map(|it| it.partitions.values())
        {
            let running = running.min(state.replicas.len());
            ensure!(state.isr.len() == running, "as many in sync as run: {state:?}");
            ensure!(state.leader == Some(state.replicas[0]), "the first leads: {state:?}");
        }
        Ok(())
    }

    pub(super) fn grow(&mut self, at: u8) -> Checked {
        let Some(((id, _), topic, _)) = self.place(at) else { return Ok(()) };
        let count = self.image().topic_by_id(&id).unwrap().partitions.len() + 1;
        let factor = self.image().topic_by_id(&id).unwrap().partitions[&0].replicas.len();
        let running = self.image().brokers().any(|it| it.is_active());
        let can = running && self.image().brokers().count() >= factor;
        let count = i32::try_from(count).unwrap();
        let topics = vec![NewPartitions { topic, count, assignments: None }];
        let told =
            self.ask(Input::CreatePartitions { ticket: TICKET, topics, validate_only: false })?;
        let Some(Reply::Results(results)) = told else { return Err(format!("{told:?}")) };
        let expected = if can { None } else { Some(38) };
        ensure!(code(&results[0].1) == expected, "{results:?}");
        Ok(())
    }

    pub(super) fn delete(&mut self, at: u8) -> Checked {
        let Some(((id, _), ..)) = self.place(at) else { return Ok(()) };
        self.ask(Input::DeleteTopics { ticket: TICKET, topics: vec![TopicRef::Id(id)] })?;
        ensure!(self.image().topic_by_id(&id).is_none(), "it is still there");
        Ok(())
    }

    /// A leader takes in a record, which is acknowledged once all that are in sync have it, and
    /// they are enough.
    pub(super) fn produce(&mut self, at: u8) -> Checked {
        let Some((key, _, state)) = self.place(at) else { return Ok(()) };
        let works = |id: &BrokerId| {
            let epoch = self.image().broker(*id).map(|known| known.epoch);
            self.processes.get(id).is_some_and(|it| it.works() && Some(it.epoch) == epoch)
        };
        let enough = state.isr.len() >= min_in_sync(self.image(), key);
        if state.leader.is_some() && enough && state.isr.iter().all(works) {
            self.whole.insert(key, state.isr.into_iter().collect());
        }
        Ok(())
    }

    fn proposal(&self, (key, _, state): &Place, isr: &[BrokerId]) -> IsrProposal {
        let epoch = |id: &BrokerId| self.image().broker(*id).map(|known| known.epoch);
        IsrProposal {
            partition: key.1,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            isr: isr.iter().map(|id| (*id, epoch(id))).collect(),
            leader_recovery_state: 0,
        }
    }

    /// The leader finds that `id` has caught up, or that it lags behind.
    pub(super) fn propose(&mut self, at: u8, id: BrokerId, caught_up: bool) -> Checked {
        let Some(place) = self.place(at) else { return Ok(()) };
        let Some(leader) = place.2.leader else { return Ok(()) };
        if !self.processes.get(&leader).is_some_and(Process::works) {
            return Ok(());
        }
        let mut isr = place.2.isr.clone();
        isr.retain(|other| *other != id);
        if caught_up {
            isr.push(id);
            self.asked.caught_up = Some((place.0, id));
        }
        let proposal = self.proposal(&place, &isr);
        self.hear((leader, self.processes[&leader].epoch), place.0.0, &proposal)
    }

    pub(super) fn propose_wrongly(&mut self, at: u8, id: BrokerId, wrong: Wrong) -> Checked {
        let Some(place) = self.place(at) else { return Ok(()) };
        let Some(leader) = place.2.leader else { return Ok(()) };
        let mut proposal = self.proposal(&place, &place.2.isr);
        let mut sender = (leader, self.image().broker(leader).unwrap().epoch);
        let mut topic = place.0.0;
        match wrong {
            Wrong::Sender => sender = (id, self.image().broker(id).map_or(0, |it| it.epoch)),
            Wrong::BrokerEpoch => sender.1 -= 1,
            Wrong::LeaderEpoch(by) => proposal.leader_epoch += by,
            Wrong::PartitionEpoch(by) => proposal.partition_epoch += by,
            Wrong::Topic => topic = Uuid::from_u128(u128::MAX),
            Wrong::Partition => proposal.partition += 1000,
            Wrong::NotAReplica => proposal.isr.push((BrokerId(77), None)),
            Wrong::Twice => proposal.isr.push((leader, None)),
            Wrong::WithoutLeader => proposal.isr.retain(|(id, _)| *id != leader),
            Wrong::Incarnation => {
                proposal.isr.iter_mut().for_each(|(_, epoch)| *epoch = epoch.map(|it| it - 1));
            }
            Wrong::Recovery => proposal.leader_recovery_state = 1,
        }
        self.hear(sender, topic, &proposal)
    }

    fn hear(
        &mut self,
        (broker, epoch): (BrokerId, i64),
        topic: Uuid,
        proposal: &IsrProposal,
    ) -> Checked {
        let known = self.image().broker(broker).map(|it| it.epoch);
        let code = code_of_proposal(self.image(), broker, &topic, proposal);
        let topics = vec![(topic, vec![proposal.clone()])];
        let told = self.ask(Input::AlterPartition { ticket: TICKET, broker, epoch, topics })?;
        if known != Some(epoch) {
            let code = if known.is_some() { 77 } else { 102 };
            let right = matches!(&told, Some(Reply::Failed(why)) if why.code.code() == code);
            ensure!(right, "{told:?} to another process");
            return Ok(());
        }
        let Some(Reply::Altered(results)) = told else { return Err(format!("{told:?}")) };
        let (partition, result) = &results[0].1[0];
        ensure!(*partition == proposal.partition, "about another partition");
        match (result, code) {
            (Ok(told), None) => {
                let state = self.image().partition(&topic, *partition).unwrap();
                ensure!(**state == *told, "the state is {state:?}, told was {told:?}");
                let proposed = |id: &BrokerId| proposal.isr.iter().any(|(it, _)| it == id);
                ensure!(told.isr.iter().all(proposed), "more than was proposed: {told:?}");
                let moved = state.adding.is_empty() && state.removing.is_empty();
                let all = told.isr.len() == proposal.isr.len();
                ensure!(all || moved, "less than was proposed: {told:?}");
            }
            (Err(why), None) => {
                ensure!(why.code.code() == 108, "{why:?}");
                self.saw("moved the lead away");
            }
            (Err(why), Some(code)) => {
                ensure!(why.code.code() == code, "{why:?} instead of {code}");
                for (refused, words) in [
                    (41, "refused a proposal with 41"),
                    (42, "refused a proposal with 42"),
                    (74, "refused a proposal with 74"),
                    (95, "refused a proposal with 95"),
                    (107, "refused a proposal with 107"),
                ] {
                    if refused == code {
                        self.saw(words);
                    }
                }
            }
            (Ok(_), Some(code)) => return Err(format!("taken instead of {code}: {proposal:?}")),
        }
        Ok(())
    }

    pub(super) fn elect(&mut self, at: u8, unclean: bool) -> Checked {
        let Some((key, name, state)) = self.place(at) else { return Ok(()) };
        let election = if unclean { Election::Unclean } else { Election::Preferred };
        self.asked.unclean = if unclean { Unclean::One(key) } else { Unclean::None };
        let first = state.replicas[0];
        let fit =
            state.isr.contains(&first) || (state.isr.is_empty() && state.elr.contains(&first));
        let any = state.replicas.iter().any(|id| can_lead(self.image(), &state, *id));
        let expected = match (unclean, state.leader) {
            (true, Some(_)) => Some(84),
            (false, Some(leader)) if leader == first => Some(84),
            (true, None) if !any => Some(83),
            (false, _) if !fit || !can_lead(self.image(), &state, first) => Some(80),
            _ => None,
        };
        let partitions = Some(vec![(name, vec![key.1])]);
        let told = self.ask(Input::ElectLeaders { ticket: TICKET, election, partitions })?;
        let told = codes(told.ok_or("no answer")?);
        ensure!(told[0].1[0].1 == expected, "{told:?} instead of {expected:?}");
        Ok(())
    }

    fn reassign(
        &mut self,
        key: Key,
        name: String,
        to: Option<Vec<BrokerId>>,
    ) -> Checked<Option<i16>> {
        self.asked.moving = Some(key);
        let topics = vec![(name, vec![(key.1, to)])];
        let allow_factor_change = true;
        let told =
            self.ask(Input::ReassignPartitions { ticket: TICKET, topics, allow_factor_change })?;
        Ok(codes(told.ok_or("no answer")?)[0].1[0].1)
    }

    /// Whether nobody of those who stay certainly has all records.
    fn would_lose(&self, key: Key, state: &Partition, stay: &[BrokerId]) -> bool {
        let mut whole = state.isr.iter().chain(&state.elr).peekable();
        whole.peek().is_some()
            && !whole.any(|id| stay.contains(id))
            && !is_unclean_on(self.image(), key)
    }

    pub(super) fn move_to(&mut self, at: u8, to: i32, count: usize) -> Checked {
        let Some((key, name, state)) = self.place(at) else { return Ok(()) };
        let target: Vec<_> =
            (0..5).map(|step| BrokerId((to - 1 + step) % 5 + 1)).take(count).collect();
        let unknown = target.iter().any(|id| self.image().broker(*id).is_none());
        let mut stay: Vec<_> = state.replicas.clone();
        stay.retain(|id| !state.adding.contains(id));
        let lost = self.would_lose(key, &state, &[&stay[..], &target].concat());
        let told = self.reassign(key, name, Some(target.clone()))?;
        ensure!(told == (unknown || lost).then_some(39), "{told:?}: {unknown} {lost}");
        if told.is_none() {
            let state = self.image().partition(&key.0, key.1).unwrap();
            let mut goal = state.replicas.clone();
            goal.retain(|id| !state.removing.contains(id));
            ensure!(goal == target, "it moves elsewhere: {state:?}");
            let held = |id: &BrokerId| stay.contains(id) || state.isr.contains(id);
            let all = target.iter().all(|id| held(id) || state.adding.contains(id));
            ensure!(all, "a replica is there before it has anything: {state:?}");
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self, at: u8) -> Checked {
        let Some((key, name, state)) = self.place(at) else { return Ok(()) };
        let moves = !state.adding.is_empty() || !state.removing.is_empty();
        let mut stay = state.replicas.clone();
        stay.retain(|id| !state.adding.contains(id));
        let lost = moves && self.would_lose(key, &state, &stay);
        let expected = if moves { lost.then_some(39) } else { Some(85) };
        let told = self.reassign(key, name, None)?;
        ensure!(told == expected, "{told:?} instead of {expected:?}");
        if expected.is_none() {
            let after = self.image().partition(&key.0, key.1).unwrap();
            ensure!(after.replicas == stay, "{after:?}");
            self.saw("taken back");
        }
        Ok(())
    }

    pub(super) fn configure(&mut self, at: Option<u8>, name: &str, value: &str) -> Checked {
        let resource = match at.map(|at| self.place(at)) {
            None => ConfigResource::broker(""),
            Some(Some((_, name, _))) => ConfigResource::topic(&name),
            Some(None) => return Ok(()),
        };
        let op = ConfigOp::Set(value.to_owned());
        let changes = vec![ConfigChange { name: name.to_owned(), op }];
        let resources = vec![AlterConfigs { resource, changes, replace: false }];
        let told =
            self.ask(Input::AlterConfigs { ticket: TICKET, resources, validate_only: false })?;
        let Some(Reply::Results(results)) = told else { return Err(format!("{told:?}")) };
        ensure!(results[0].1.is_ok(), "{results:?}");
        Ok(())
    }

    pub(super) fn eligible(&mut self, on: bool) -> Checked {
        let name = ELIGIBLE_LEADER_REPLICAS.to_owned();
        let current = self.image().feature(&name);
        let kind = if on { FeatureUpdateKind::Upgrade } else { FeatureUpdateKind::SafeDowngrade };
        let updates = vec![FeatureUpdate { name, level: i16::from(on), kind }];
        let mut states = self.image().topics().flat_map(|topic| topic.partitions.values());
        let waiting = states.any(|it| !it.elr.is_empty() || !it.last_known_elr.is_empty());
        drop(states);
        let told =
            self.ask(Input::UpdateFeatures { ticket: TICKET, updates, validate_only: false })?;
        let Some(Reply::Results(results)) = told else { return Err(format!("{told:?}")) };
        let expected = (current == 1 && !on && waiting).then_some(95);
        ensure!(code(&results[0].1) == expected, "{results:?}");
        if current == 1 && !on && !waiting {
            self.saw("turned eligible replicas off");
        }
        if current == 0 && on {
            // until now nobody had promised what an unclean shutdown loses
            self.trust_who_is_in_sync();
        }
        Ok(())
    }

    fn trust_who_is_in_sync(&mut self) {
        for topic in self.controller.image().topics() {
            for (index, state) in &topic.partitions {
                let whole = self.whole.entry((topic.id, *index)).or_default();
                whole.extend(state.isr.iter().chain(&state.elr));
            }
        }
    }

    pub(super) fn producer_ids(&mut self, broker: BrokerId) -> Checked {
        let Some(epoch) = self.processes.get(&broker).map(|it| it.epoch) else { return Ok(()) };
        let known = self.image().broker(broker).map(|it| it.epoch);
        let ask = Input::AllocateProducerIds { ticket: TICKET, broker, epoch: Some(epoch) };
        match self.ask(ask)? {
            Some(Reply::ProducerIds { first, count }) => {
                ensure!(known == Some(epoch), "ids for another process");
                ensure!(first == self.next_producer_id && count == 1000, "{first} {count}");
                self.next_producer_id += count;
            }
            Some(Reply::Failed(_)) => ensure!(known != Some(epoch), "no ids"),
            other => return Err(format!("{other:?}")),
        }
        Ok(())
    }

    /// Leaders find everybody in sync; in the end every partition is whole and where it should be.
    pub(super) fn catch_up(&mut self) -> Checked {
        for _ in 0..6 {
            for at in 0..u8::MAX {
                let Some(place) = self.place(at) else { return Ok(()) };
                let all = self.image().topics().map(|topic| topic.partitions.len()).sum::<usize>();
                if usize::from(at) >= all {
                    break;
                }
                self.asked = Asked::default();
                if place.2.leader.is_none() {
                    self.elect(at, true)?;
                    continue;
                }
                let missing = place.2.replicas.iter().find(|id| !place.2.isr.contains(id));
                if let Some(id) = missing.copied() {
                    self.propose(at, id, true)?;
                } else if place.2.leader_recovery_state == 1 {
                    let leader = place.2.leader.unwrap();
                    self.propose(at, leader, true)?;
                }
            }
        }
        for topic in self.image().topics() {
            for state in topic.partitions.values() {
                let done = state.adding.is_empty() && state.removing.is_empty();
                ensure!(done, "a move without end: {state:?}");
                let whole = state.isr.len() == state.replicas.len() && state.leader.is_some();
                ensure!(whole && state.elr.is_empty(), "it does not heal: {state:?}");
                ensure!(state.leader_recovery_state == 0, "it does not recover: {state:?}");
            }
        }
        Ok(())
    }
}
