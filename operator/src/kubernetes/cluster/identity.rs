//! Who a cluster is, and which brokers it has: read from what was recorded, decided once.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_crds::cluster::StorageType;
use kastellan_crds::condition::Reason;
use kube::{Resource as _, ResourceExt as _};

use super::parse::{Parsed, Refused};
use super::{World, pods};
use crate::fleet::build::VERSION;
use crate::kubernetes::names::{self, BROKERS, CLUSTER_ID, DIRECTORY_ID, NODE_ID, VOTERS};
use crate::kubernetes::object::{Kind, label, text};
use crate::kubernetes::render::Identity;

/// The recorded bootstrap, whether it is recorded already, or why nobody can tell.
///
/// The record is a ConfigMap. Without it, what the volumes carry decides: a cluster that was
/// deleted and left them is the same cluster when it comes back. Without volumes it is a new one.
pub(super) fn identity(world: &World, parsed: &Parsed) -> Result<(Identity, bool), Refused> {
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
        let version = version.unwrap_or_else(|| VERSION.to_owned());
        let fresh = Identity { version, image, ..Identity::default() };
        return Ok((begin(world, parsed, fresh, (of_volumes.pop_first(), formatted)), false));
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
        formatted: ids(&read("formatted")),
        brokers: ids(&read("brokers")),
        claimed: ids(&read("claimed")),
        elected_by: ids(&read("voters")),
        removed: ids(&read("removed")),
        seated: seated(world),
    };
    Ok((identity, true))
}

/// The first record of a cluster, or one that is made anew from its volumes: whose they are, and
/// the brokers that have some.
fn begin(
    world: &World,
    parsed: &Parsed,
    mut identity: Identity,
    (kept, with_volumes): (Option<&str>, BTreeSet<i32>),
) -> Identity {
    identity.cluster_id = kept.map_or_else(|| world.fresh_id.clone(), str::to_owned);
    let (brokers, voters) = kept_brokers(world);
    if !brokers.is_empty() {
        // whoever of them has no volume any more has lost it
        identity.formatted.clone_from(&brokers);
        identity.claimed.clone_from(&brokers);
        (identity.brokers, identity.elected_by) = (brokers, voters);
    } else if kept.is_some() {
        // nothing is known of others
        identity.formatted = with_volumes;
    } else if parsed.replicas > 1 {
        identity.brokers = (0..parsed.replicas).collect();
    }
    identity
}

/// Those that vote at the moment, and serve from the directory that they vote with.
fn seated(world: &World) -> BTreeMap<i32, String> {
    let Some(quorum) = &world.quorum else { return BTreeMap::new() };
    let serves = |id: &i32| quorum.current.contains(id) && pods::broker(world, *id).ready;
    let seated = quorum.voters.iter().filter(|(id, _)| serves(id));
    seated.map(|(id, directory)| (*id, directory.clone())).collect()
}

/// Node ids with commas between them.
fn ids(text: &str) -> BTreeSet<i32> {
    text.split(',').filter_map(|id| id.parse().ok()).collect()
}

/// The brokers of the volumes' cluster, where it had several, and who of them votes, where a claim
/// says so. More brokers may have come while not every claim knew it.
fn kept_brokers(world: &World) -> (BTreeSet<i32>, BTreeSet<i32>) {
    let claims = || world.all(Kind::PersistentVolumeClaim);
    let most = |name: &str| {
        let named = claims().filter_map(|claim| Some(ids(claim.annotations().get(name)?)));
        named.max_by_key(BTreeSet::len).unwrap_or_default()
    };
    (most(BROKERS), most(VOTERS))
}

/// Takes more brokers on where more are asked for. Where fewer are, who goes: those that the spec
/// names, then those with the highest ids. Of those that voted at the beginning one has to stay, as
/// whoever comes anew asks them who votes by now. Nor can others come beside one that is alone: it
/// has no listener for them.
pub(super) fn scale(
    world: &World,
    parsed: &Parsed,
    identity: &mut Identity,
) -> Result<BTreeSet<i32>, Refused> {
    let there = identity.brokers.len().max(1);
    let wanted = usize::try_from(parsed.replicas).unwrap_or_default();
    if wanted >= there && !identity.brokers.is_empty() {
        identity.grow(wanted);
    }
    if wanted == there || (wanted > there && !identity.brokers.is_empty()) {
        return Ok(BTreeSet::new());
    }
    if identity.brokers.is_empty() {
        return Err(unscaled(&format!(
            "the cluster has {there}, and others beside one broker that was alone are not yet \
             supported: write replicas: {there}"
        )));
    }
    let named = world.cluster.spec.removed_brokers.iter().copied();
    let mut order: Vec<i32> = named.filter(|id| identity.brokers.contains(id)).collect();
    for id in identity.brokers.iter().rev() {
        if !order.contains(id) {
            order.push(*id);
        }
    }
    let go: BTreeSet<i32> = order.into_iter().take(there - wanted).collect();
    let first = identity.voters();
    if first.intersection(&identity.brokers).all(|id| go.contains(id)) {
        return Err(unscaled(&format!(
            "all of the brokers {} would go, and one of them has to stay, as new brokers ask it who \
             elects the active controller: leave one of them out of removedBrokers",
            first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        )));
    }
    if wanted < 2 {
        return Err(unscaled(
            "the cluster has several brokers, and to leave one of them alone is not yet supported: \
             write replicas: 2 or more",
        ));
    }
    Ok(go)
}

fn unscaled(why: &str) -> Refused {
    let message = format!("spec.replicas: {why}; nothing else is changed meanwhile");
    Refused { reason: Reason::NotYetSupported, message }
}

/// The node ids of the cluster's brokers, in order. One alone has the id of its StatefulSet or its
/// volume.
pub(super) fn node_ids(world: &World, identity: &Identity) -> Vec<i32> {
    if !identity.brokers.is_empty() {
        return identity.brokers.iter().copied().collect();
    }
    // one broker alone is its cluster: its id stays, and what is lost with its volume is said
    let owners = world.all(Kind::StatefulSet).chain(world.all(Kind::PersistentVolumeClaim));
    let known = owners
        .filter(|object| object.meta().deletion_timestamp.is_none())
        .filter_map(|object| label(object, NODE_ID).and_then(|id| id.parse::<i32>().ok()));
    vec![known.min().unwrap_or(0)]
}

/// The voters that have lost the volume with the cluster's metadata: the one that takes its place
/// is filled by others, and has no vote. `volume` is that volume's name.
pub(super) fn without_vote(world: &World, volume: &str, identity: &Identity) -> BTreeSet<i32> {
    let cluster = world.cluster.name_any();
    let keeps = |id: i32| {
        let claim = world.get(Kind::PersistentVolumeClaim, &names::claim(volume, &cluster, id));
        claim.is_some_and(|claim| claim.annotations().contains_key(DIRECTORY_ID))
    };
    let claimed = |id: &i32| identity.claimed.contains(id) && !keeps(*id);
    identity.voters().into_iter().filter(claimed).collect()
}

/// The brokers whose volumes are gone with the data that was on them, where no others can fill
/// them: nobody but their owner can say what is to become of that. `silent` have lost their vote.
pub(super) fn lost(
    world: &World,
    ids: &[i32],
    identity: &Identity,
    silent: &BTreeSet<i32>,
) -> Option<Refused> {
    if world.cluster.spec.storage.storage_type == StorageType::Ephemeral {
        return None;
    }
    if !identity.brokers.is_empty() {
        let vote = world.quorum.as_ref().map_or(0, |quorum| quorum.voters.len());
        if vote < 2 * identity.seated.len() {
            // most of those that vote by now decide as ever
            return None;
        }
        let voters = identity.voters();
        let left = voters.len() - silent.len();
        return (2 * left <= voters.len()).then(|| Refused {
            reason: Reason::StorageLost,
            message: format!(
                "the volume claims of most voters are gone ({left} of {} are left), and with them \
                 who could say what the cluster is: restore the claims from a backup, with their \
                 annotations, or delete the KafkaCluster {} and its claims and create it anew \
                 without its records",
                voters.len(),
                world.cluster.name_any()
            ),
        });
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
