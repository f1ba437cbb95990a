//! Who a cluster is, and which brokers it has: read from what was recorded, decided once.

use std::collections::BTreeSet;

use kastellan_crds::cluster::StorageType;
use kastellan_crds::condition::Reason;
use kube::{Resource as _, ResourceExt as _};

use super::World;
use super::parse::{Parsed, Refused};
use crate::fleet::build::VERSION;
use crate::kubernetes::names::{self, CLUSTER_ID, NODE_ID};
use crate::kubernetes::object::{Kind, label, text};
use crate::kubernetes::render::Identity;

/// The recorded bootstrap, whether it is recorded already, or why nobody can tell.
///
/// The record is a ConfigMap. Without it, what the volumes carry decides: a cluster that was
/// deleted and left them is the same cluster when it comes back. Without volumes it is a new one.
pub(super) fn identity(world: &World) -> Result<(Identity, bool), Refused> {
    let name = names::identity(&world.cluster.name_any());
    let record = world.get(Kind::ConfigMap, &name);
    let mut of_volumes: BTreeSet<&str> = BTreeSet::new();
    let mut formatted = BTreeSet::new();
    for claim in world.all(Kind::PersistentVolumeClaim) {
        of_volumes.extend(label(claim, CLUSTER_ID));
        formatted.extend(label(claim, NODE_ID).and_then(|id| id.parse::<i32>().ok()));
    }
    if of_volumes.len() > 1 {
        let ids: Vec<&str> = of_volumes.into_iter().collect();
        return Err(Refused {
            reason: Reason::ResourceConflict,
            message: format!(
                "the volume claims are of several clusters: {}: delete the claims that are not \
                 this cluster's, or their label {CLUSTER_ID}",
                ids.join(", ")
            ),
        });
    }
    let version = world.cluster.spec.version.as_ref().map(ToString::to_string);
    let image = world.settings.broker_image.clone();
    let Some(record) = record else {
        let kept = of_volumes.pop_first();
        let identity = Identity {
            cluster_id: kept.map_or_else(|| world.fresh_id.clone(), str::to_owned),
            version: version.unwrap_or_else(|| VERSION.to_owned()),
            image,
            // with the volumes that are there; nothing is known of others
            formatted: if kept.is_some() { formatted } else { BTreeSet::new() },
        };
        return Ok((identity, false));
    };
    let read = |field: &str| text(record, &format!("/data/{field}")).unwrap_or_default().to_owned();
    let cluster_id = match read("clusterId") {
        id if id.is_empty() => of_volumes.first().map(|id| (*id).to_owned()),
        id => Some(id),
    };
    let Some(cluster_id) = cluster_id else {
        return Err(Refused {
            reason: Reason::ResourceConflict,
            message: format!(
                "ConfigMap {name} has no clusterId any more, and no volume claim has one either: \
                 write it back, or delete the KafkaCluster and create it anew"
            ),
        });
    };
    if let Some(other) = of_volumes.first().filter(|id| **id != cluster_id) {
        return Err(Refused {
            reason: Reason::ResourceConflict,
            message: format!(
                "the volume claims are of cluster {other}, ConfigMap {name} is of {cluster_id}: \
                 make the two agree"
            ),
        });
    }
    let recorded = read("version");
    // the operator's own image of another version is another one; of the same it stays
    let kept = version.as_ref().is_none_or(|version| *version == recorded);
    let identity = Identity {
        cluster_id,
        version: if kept && !recorded.is_empty() {
            recorded
        } else {
            version.unwrap_or_else(|| VERSION.to_owned())
        },
        image: if kept && !read("image").is_empty() { read("image") } else { image },
        formatted: read("formatted").split(',').filter_map(|id| id.parse().ok()).collect(),
    };
    Ok((identity, true))
}

/// The node ids of the cluster's brokers, in order: those that have a StatefulSet or a volume, and
/// the lowest that nobody has had.
pub(super) fn node_ids(world: &World, parsed: &Parsed, identity: &Identity) -> Vec<i32> {
    let wanted = usize::try_from(parsed.replicas).unwrap_or(0);
    let owners = world.all(Kind::StatefulSet).chain(world.all(Kind::PersistentVolumeClaim));
    let known = owners
        .filter(|object| object.meta().deletion_timestamp.is_none())
        .filter_map(|object| label(object, NODE_ID).and_then(|id| id.parse::<i32>().ok()));
    let mut ids: BTreeSet<i32> = known.collect();
    let mut next = 0;
    // one broker alone is its cluster: its id stays, and what is lost with its volume is said
    while ids.len() < wanted {
        if wanted == 1 || !identity.formatted.contains(&next) {
            ids.insert(next);
        }
        next += 1;
    }
    ids.into_iter().take(wanted).collect()
}

/// The broker whose volume is gone with the data that was on it: nobody but its owner can say what
/// is to become of it.
pub(super) fn lost(world: &World, ids: &[i32], identity: &Identity) -> Option<Refused> {
    if world.cluster.spec.storage.storage_type == StorageType::Ephemeral {
        return None;
    }
    let has_claim = |id: i32| {
        world.all(Kind::PersistentVolumeClaim).any(|claim| {
            label(claim, NODE_ID).and_then(|label| label.parse::<i32>().ok()) == Some(id)
        })
    };
    let id = ids.iter().copied().find(|id| identity.formatted.contains(id) && !has_claim(*id))?;
    let cluster = world.cluster.name_any();
    Some(Refused {
        reason: Reason::StorageLost,
        message: format!(
            "the volume claim of broker {id} is gone, and its data with it: an empty volume would \
             pass for a new cluster. Restore the claim from a backup, or delete the KafkaCluster \
             {cluster} and create it anew without its records"
        ),
    })
}
