//! Where replicas are: what moves are planned from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kastellan_core::id::BrokerId;
use kastellan_core::placement::{Broker, Disk, Partition as Placement, Picture, State};

use super::{Admin, AdminError, Partition};

/// A cluster's placement at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// Brokers and partitions. A broker that is down keeps what it has, and gets nothing.
    pub picture: Picture,
    /// The brokers that are down and hold replicas.
    pub down: BTreeSet<i32>,
    /// Who leads each partition that somebody leads.
    pub leaders: BTreeMap<Partition, i32>,
    /// The partitions that move, and how.
    pub moving: BTreeMap<Partition, Moving>,
    /// How many replicas each broker has, with those that are on their way to it or from it.
    pub held: BTreeMap<i32, usize>,
}

/// How far a move is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moving {
    /// Who holds the partition, whole or not: those of before, and those who are to.
    pub held_by: Vec<i32>,
    /// Who gets it, and the bytes that are there by now.
    pub added: BTreeMap<i32, u64>,
}

impl Admin {
    /// Asks the brokers. Sizes and disks are left out where they are not told. A disk is as large
    /// as what its replicas take and what is free.
    pub async fn placed(&mut self) -> Result<Placed, AdminError> {
        let metadata = self.metadata(None).await?;
        let sizes = self.sizes_on(&metadata).await?.unwrap_or_default();
        let disks = self.disks(&metadata).await?;
        let moving = self.reassignments().await?;
        let mut placed = Placed::default();
        placed.picture.brokers.extend(metadata.brokers.iter().map(|(id, node)| Broker {
            id: BrokerId(*id),
            rack: node.rack.clone(),
            state: State::Active,
            disk: None,
        }));
        let mut topic: Arc<str> = "".into();
        for (place, state) in metadata.partitions() {
            if *topic != *place.0 {
                topic = place.0.as_str().into();
            }
            for id in &state.replicas {
                *placed.held.entry(*id).or_default() += 1;
                if !metadata.brokers.contains_key(id) {
                    placed.down.insert(*id);
                }
            }
            if state.leader >= 0 {
                placed.leaders.insert(place.clone(), state.leader);
            }
            let on = sizes.get(&place);
            let goal = moving.get(&place).map(|reassigned| {
                let bytes = |id: &i32| on.and_then(|on| on.get(id)).copied().unwrap_or_default();
                let added = reassigned.added.iter().map(|id| (*id, bytes(id))).collect();
                let held_by = state.replicas.clone();
                placed.moving.insert(place.clone(), Moving { held_by, added });
                &reassigned.goal
            });
            let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
            let replicas = ids(goal.unwrap_or(&state.replicas));
            let mut in_sync = ids(&state.isr);
            in_sync.retain(|id| replicas.contains(id));
            placed.picture.partitions.push(Placement {
                topic: Arc::clone(&topic),
                index: place.1,
                factor: replicas.len(),
                replicas,
                in_sync,
                bytes: on.and_then(|on| on.values().copied().max()).unwrap_or_default(),
                written: 0,
                read: 0,
                moving: goal.is_some(),
            });
        }
        let tallies = placed.picture.tallies();
        for broker in &mut placed.picture.brokers {
            let held = tallies.get(&broker.id).map_or(0, |tally| tally.bytes);
            // what others have on the disk, or the file system keeps for root, is nobody's to fill
            broker.disk = disks.get(&broker.id.0).map(|(total, free)| Disk {
                total: free.saturating_add(held).min(*total),
                free: *free,
            });
        }
        let down = placed.down.iter().map(|id| Broker {
            id: BrokerId(*id),
            rack: None,
            state: State::Cordoned,
            disk: None,
        });
        placed.picture.brokers.extend(down);
        Ok(placed)
    }
}
