//! PersistentVolumeClaims: a broker's volumes, which outlive its pod and, unless the spec says
//! otherwise, the cluster.
//!
//! They are made here and not by the StatefulSet, which could neither change them nor let them be.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use kastellan_crds::cluster::StorageType;
use kastellan_crds::head::DeletionPolicy;
use kastellan_crds::quantity::Quantity;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::Cluster;
use super::config_map::list;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object, text};

/// The one volume where the spec has no list.
const DATA: &str = "data";

/// One volume of every broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its name, which is part of its claim's.
    pub name: String,
    /// How large it should be at least.
    pub size: Quantity,
    /// Its storage class; `None`: the default one.
    pub class: Option<String>,
}

/// The volumes of every broker, the one with the cluster's metadata first.
pub fn volumes(cluster: &Cluster) -> Vec<Claim> {
    let storage = &cluster.spec.storage;
    if storage.volumes.is_empty() {
        let (size, class) = (storage.size.clone(), storage.storage_class_name.clone());
        return vec![Claim { name: DATA.to_owned(), size, class }];
    }
    let mut volumes: Vec<Claim> = storage
        .volumes
        .iter()
        .map(|volume| Claim {
            name: volume.name.to_string(),
            size: volume.size.clone().unwrap_or_else(|| storage.size.clone()),
            class: volume.storage_class_name.clone().or_else(|| storage.storage_class_name.clone()),
        })
        .collect();
    let first = storage.metadata_volume.as_ref().map(ToString::to_string);
    // a stable sort: the others keep the order of the spec
    volumes.sort_by_key(|volume| first.as_ref() != Some(&volume.name));
    volumes
}

/// Whether brokers have claims at all.
pub fn persistent(cluster: &Cluster) -> bool {
    cluster.spec.storage.storage_type == StorageType::PersistentClaim
}

/// The claim of one volume of one broker; `there` is the one that exists. What cannot be changed of
/// a claim stays as it is, and a claim never gets smaller.
///
/// That of a voter's metadata carries the id of its directory from its beginning, if that is at
/// the beginning of the cluster too.
pub fn claim(cluster: &Cluster, id: i32, volume: &Claim, there: Option<&DynamicObject>) -> Object {
    let mut labels = cluster.broker_labels(id);
    labels.insert(names::CLUSTER_ID.to_owned(), cluster.identity.cluster_id.clone());
    labels.insert(names::VOLUME.to_owned(), volume.name.clone());
    let mut metadata = cluster.metadata(&names::claim(&volume.name, &cluster.name, id), &labels);
    if cluster.spec.storage.deletion_policy == DeletionPolicy::Retain
        && let Some(fields) = metadata.as_object_mut()
    {
        fields.remove("ownerReferences");
    }
    let annotations = annotations(cluster, id, volume, there);
    if let Some(fields) = metadata.as_object_mut().filter(|_| !annotations.is_empty()) {
        fields.insert("annotations".to_owned(), json!(annotations));
    }
    let size = there.and_then(requested).filter(|size| size.bytes() > volume.size.bytes());
    let size = size.unwrap_or_else(|| volume.size.clone());
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": { "requests": { "storage": size } },
    });
    let class = match there {
        Some(there) => text(there, "/spec/storageClassName").map(str::to_owned),
        None => volume.class.clone(),
    };
    if let (Some(class), Some(fields)) = (class, spec.as_object_mut()) {
        fields.insert("storageClassName".to_owned(), Value::String(class));
    }
    Object::new(Kind::PersistentVolumeClaim, metadata, json!({ "spec": spec }))
}

/// What a claim of several brokers tells of them.
fn annotations(
    cluster: &Cluster,
    id: i32,
    volume: &Claim,
    there: Option<&DynamicObject>,
) -> BTreeMap<&'static str, String> {
    let identity = &cluster.identity;
    if identity.brokers.is_empty() {
        return BTreeMap::new();
    }
    let mut annotations = BTreeMap::from([(names::BROKERS, list(&identity.brokers))]);
    if !identity.elected_by.is_empty() {
        annotations.insert(names::VOTERS, list(&identity.elected_by));
    }
    if volumes(cluster).first() != Some(volume) {
        return annotations;
    }
    let kept = there.and_then(|there| there.annotations().get(names::DIRECTORY_ID)).cloned();
    let first = identity.voters().contains(&id) && !identity.claimed.contains(&id);
    let first = first.then(|| identity.directory(id));
    // one that was given its vote later: its claim may not say so yet
    let seated = there.and_then(|_| identity.seated.get(&id)).cloned();
    if let Some(directory) = seated.or(kept).or(first) {
        annotations.insert(names::DIRECTORY_ID, directory);
    }
    annotations
}

/// How large a claim asks its volume to be.
fn requested(claim: &DynamicObject) -> Option<Quantity> {
    Quantity::from_str(text(claim, "/spec/resources/requests/storage")?).ok()
}
