//! Replicas that are elsewhere as soon as they shall be.

use futures::future::BoxFuture;
use kastellan_core::id::BrokerId;
use kastellan_core::placement::{Broker, Move, Partition, State};
use kastellan_operator::admin::{self, AdminError, Answers, Placed, Quorum, Vote};
use kastellan_operator::kubernetes::kafka::{Contact, Moves};

use super::brokers::Fake;

fn ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

impl Moves for Fake {
    fn placed<'a>(&'a self, contact: &'a Contact) -> BoxFuture<'a, Result<Placed, AdminError>> {
        let placed = self.read(contact, |data| {
            let mut placed = Placed::default();
            let broker = |id: &i32| {
                let (id, state) = (BrokerId(*id), State::Active);
                Broker { id, rack: None, state, disk: None }
            };
            placed.picture.brokers.extend(contact.ids.iter().map(broker));
            for ((topic, index), (replicas, leader)) in &data.replicas {
                for id in replicas {
                    *placed.held.entry(*id).or_default() += 1;
                }
                placed.leaders.insert((topic.clone(), *index), *leader);
                placed.picture.partitions.push(Partition {
                    topic: topic.as_str().into(),
                    index: *index,
                    replicas: ids(replicas),
                    in_sync: ids(replicas),
                    factor: replicas.len(),
                    bytes: 1 << 20,
                    written: 0,
                    read: 0,
                    moving: false,
                });
            }
            placed
        });
        Box::pin(async move { placed })
    }

    fn reassign<'a>(
        &'a self,
        contact: &'a Contact,
        moves: &'a [Move],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        let names = moves.iter().map(|it| format!("{}-{}", it.topic, it.index)).collect();
        Box::pin(self.write(contact, "reassign", names, move |data, name| {
            let step =
                moves.iter().find(|it| format!("{}-{}", it.topic, it.index) == name).unwrap();
            let place = (step.topic.to_string(), step.index);
            let (replicas, leader) = data.replicas.get_mut(&place).unwrap();
            *replicas = step.to.iter().map(|id| id.0).collect();
            if !replicas.contains(leader) {
                *leader = *replicas.last().unwrap();
            }
            Ok(())
        }))
    }

    fn elect<'a>(
        &'a self,
        contact: &'a Contact,
        partitions: &'a [admin::Partition],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        let names = partitions.iter().map(|(topic, index)| format!("{topic}-{index}")).collect();
        Box::pin(self.write(contact, "elect", names, move |data, name| {
            let (topic, index) = name.rsplit_once('-').unwrap();
            let place = (topic.to_owned(), index.parse().unwrap());
            let (replicas, leader) = data.replicas.get_mut(&place).unwrap();
            *leader = replicas[0];
            Ok(())
        }))
    }

    fn quorum<'a>(
        &'a self,
        contact: &'a Contact,
    ) -> BoxFuture<'a, Result<Option<Quorum>, AdminError>> {
        let directories = self.directories();
        let anew = |id: i32| format!("anew-{id}");
        let ready = self.ready();
        let quorum = self.read(contact, |data| {
            let own = |id: &i32| directories.get(id).cloned().flatten().unwrap_or(anew(*id));
            let follows = |id: &&i32| data.votes.get(id) != Some(&own(id));
            let observers = contact.ids.iter().filter(follows).map(|id| (*id, own(id))).collect();
            let leads = |id: &&i32| contact.ids.contains(id);
            let leader = *data.votes.keys().find(leads).or(data.votes.keys().next())?;
            let current = ready.into_iter().filter(|id| data.votes.get(id) == Some(&own(id)));
            let (voters, current) = (data.votes.clone(), current.collect());
            Some(Quorum { leader, voters, observers, current })
        });
        Box::pin(async move { quorum })
    }

    fn vote<'a>(
        &'a self,
        contact: &'a Contact,
        vote: &'a Vote,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        let ready = self.ready();
        let (what, names) = match vote {
            Vote::Give { id, .. } => ("give a vote to", vec![id.to_string()]),
            Vote::Take { id, .. } => ("take the vote of", vec![id.to_string()]),
        };
        let changed = self.write(contact, what, names, move |data, _| {
            match vote {
                Vote::Give { id, directory, host, .. } => {
                    assert!(ready.contains(id), "broker {id} does not follow");
                    assert!(host.starts_with(&format!("demo-{id}-0.demo-brokers.")), "{host}");
                    let was = data.votes.insert(*id, directory.clone());
                    assert!(was.is_none_or(|was| was == *directory), "{id} had a vote");
                }
                Vote::Take { id, directory } => {
                    if data.votes.get(id) == Some(directory) {
                        data.votes.remove(id);
                    }
                    let alive = data.votes.keys().filter(|id| ready.contains(id)).count();
                    assert!(2 * alive > data.votes.len(), "no majority: {:?}", data.votes);
                }
            }
            Ok(())
        });
        Box::pin(async move { changed.await.map(drop) })
    }

    fn unregister<'a>(
        &'a self,
        contact: &'a Contact,
        id: i32,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        let names = vec![id.to_string()];
        let forgotten = self.write(contact, "unregister broker", names, move |data, _| {
            assert!(!contact.ids.contains(&id), "broker {id} still runs");
            let holds = |(replicas, _): &(Vec<i32>, i32)| replicas.contains(&id);
            assert!(!data.replicas.values().any(holds), "broker {id} still holds replicas");
            assert!(!data.votes.contains_key(&id), "broker {id} still votes");
            data.registered.remove(&id);
            Ok(())
        });
        Box::pin(async move { forgotten.await.map(drop) })
    }
}
