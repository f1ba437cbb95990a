//! ConfigMaps: what a broker reads at its start, and the record of how the cluster came to be.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::id::uuid_to_text;
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::Cluster;
use crate::fleet::{guard, plan, quorum};
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};

/// The file of a broker's ConfigMap.
pub(super) const FILE: &str = "broker.properties";
/// The file of [`directory`].
pub(super) const DIRECTORY_FILE: &str = "id";

/// What is decided once for a cluster and kept: the recorded bootstrap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The cluster id that clients see, and that each volume carries.
    pub cluster_id: String,
    /// The version of Kastellan that the brokers run.
    pub version: String,
    /// The image of that version, as long as the spec names none.
    pub image: String,
    /// The node ids whose volumes have held data: such a broker is never started on an empty one,
    /// unless it is filled by others and has no vote.
    pub formatted: BTreeSet<i32>,
    /// The node ids of all brokers, where there are several.
    pub brokers: BTreeSet<i32>,
    /// Those of them whose claims have been made: one that is not there any more is lost.
    pub claimed: BTreeSet<i32>,
    /// The node ids of those that elect the active controller, where the cluster was made with
    /// fewer brokers than it has; empty: it follows from how many there are.
    pub elected_by: BTreeSet<i32>,
    /// The node ids of brokers that have gone, whose claims are to go too.
    pub removed: BTreeSet<i32>,
    /// The directory of each of those that serve and vote at the moment, as far as brokers have
    /// told; it is not on record, as they have it.
    pub seated: BTreeMap<i32, String>,
}

impl Identity {
    /// Who elected the first active controller, where there are several brokers: who votes by now
    /// the brokers know, and tell those that come.
    pub fn voters(&self) -> BTreeSet<i32> {
        match (self.brokers.is_empty(), self.elected_by.is_empty()) {
            (true, _) => BTreeSet::new(),
            (false, true) => quorum::voters(&self.brokers),
            (false, false) => self.elected_by.clone(),
        }
    }

    /// More brokers, who take the lowest ids that nobody has, nor had with a vote from the
    /// beginning.
    pub fn grow(&mut self, count: usize) {
        self.elected_by = self.voters();
        let free = |id: &i32| !self.brokers.contains(id) && !self.elected_by.contains(id);
        let missing = count.saturating_sub(self.brokers.len());
        let new: Vec<i32> = (0..).filter(free).take(missing).collect();
        self.removed.retain(|id| !new.contains(id));
        self.brokers.extend(new);
        self.settle();
    }

    /// A broker is gone, which has no vote any more.
    pub fn retire(&mut self, id: i32) {
        self.elected_by = self.voters();
        for of in [&mut self.brokers, &mut self.claimed, &mut self.formatted] {
            of.remove(&id);
        }
        self.removed.insert(id);
        self.settle();
    }

    /// Who votes need not be said where it follows from how many brokers there are.
    fn settle(&mut self) {
        if quorum::voters(&self.brokers) == self.elected_by {
            self.elected_by.clear();
        }
    }

    /// The id of the directory that a voter was given when the cluster was made. It follows from
    /// the cluster's id, so it is kept wherever that is.
    pub fn directory(&self, voter: i32) -> String {
        let text = format!("{}/{voter}", self.cluster_id);
        let digest = digest(&SHA256, text.as_bytes());
        let bytes = digest.as_ref().first_chunk().copied().unwrap_or_default();
        uuid_to_text(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// The record. It may be created, and changed, but it is never made anew over another one.
pub fn identity(cluster: &Cluster) -> Object {
    let identity = &cluster.identity;
    let mut data = json!({
        "clusterId": identity.cluster_id,
        "version": identity.version,
        "image": identity.image,
        "formatted": list(&identity.formatted),
    });
    if let Some(fields) = data.as_object_mut().filter(|_| !identity.brokers.is_empty()) {
        fields.insert("brokers".to_owned(), list(&identity.brokers).into());
        fields.insert("claimed".to_owned(), list(&identity.claimed).into());
        if !identity.elected_by.is_empty() {
            fields.insert("voters".to_owned(), list(&identity.elected_by).into());
        }
        if !identity.removed.is_empty() {
            fields.insert("removed".to_owned(), list(&identity.removed).into());
        }
    }
    Object::new(
        Kind::ConfigMap,
        cluster.metadata(&names::identity(&cluster.name), &cluster.labels()),
        json!({ "data": data }),
    )
}

/// Node ids with commas between them.
pub(super) fn list(ids: &BTreeSet<i32>) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// By which a voter formats its empty directory. It is there from before its first start until it
/// has served: nobody votes with that id and without its memory.
pub fn directory(cluster: &Cluster, id: i32) -> Object {
    Object::new(
        Kind::ConfigMap,
        cluster.metadata(&names::directory(&cluster.name, id), &cluster.broker_labels(id)),
        json!({ "data": { DIRECTORY_FILE: cluster.identity.directory(id) } }),
    )
}

/// What a broker reads at its start. Its name has the hash of its content, so that a pod never
/// starts with settings that were not meant for it.
pub fn config_map(cluster: &Cluster, id: i32) -> Object {
    let mut data: BTreeMap<String, String> = guard::issuers(cluster.doors())
        .into_iter()
        .map(|(file, certificates)| (file, certificates.to_owned()))
        .collect();
    data.insert(FILE.to_owned(), text(cluster));
    Object::new(
        Kind::ConfigMap,
        cluster.metadata(&config_map_name(cluster, id), &cluster.broker_labels(id)),
        json!({ "immutable": true, "data": data }),
    )
}

/// The name of [`config_map`].
pub(super) fn config_map_name(cluster: &Cluster, id: i32) -> String {
    let mut text = text(cluster);
    text.extend(guard::issuers(cluster.doors()).into_values());
    format!("{}-{id}-{}", cluster.name, names::hash(&text, 10))
}

fn text(cluster: &Cluster) -> String {
    let alone = cluster.identity.brokers.is_empty();
    let mut settings = plan::at_start(&cluster.settings, alone);
    settings.extend(guard::settings(cluster.doors(), &cluster.files()));
    guard::admit_operator(&mut settings, &cluster.identity.cluster_id);
    properties(&settings)
}

fn properties(settings: &BTreeMap<String, String>) -> String {
    let lines = settings.iter().map(|(name, value)| format!("{name}={value}"));
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}
