//! Manifests -> [`Fleet`]: every name valid, every reference leading somewhere, nothing asked for
//! that this version would have to pretend.

use std::collections::BTreeMap;

use kastellan_crds::name::{ObjectName, TopicName};
use kastellan_crds::{KafkaClusterSpec, KafkaTopicSpec, KafkaUserSpec};

use super::manifest::{Manifests, Object};
use super::problem::{Place, Problem};
use super::user::User;
use super::{Cluster, Fleet, Topic};

mod cluster;
mod support;
mod topic;
mod user;

pub(crate) use cluster::VERSION;
pub use support::Platform;

/// The fleet that the manifests ask for, or all that is wrong with them.
pub fn fleet(manifests: &Manifests) -> Result<Fleet, Vec<Problem>> {
    let mut problems = Vec::new();
    let built = cluster::only(&manifests.clusters, &mut problems).map(|(object, cluster)| {
        let members = Members { namespace: &object.namespace, cluster: &cluster };
        let topics = members.topics(&manifests.topics, &mut problems);
        let users = members.users(&manifests.users, &mut problems);
        Fleet { cluster, topics, users }
    });
    match built {
        Some(fleet) if problems.is_empty() => Ok(fleet),
        _ => Err(problems),
    }
}

/// What the manifests ask for that only Kubernetes can give: worth a line, and otherwise left
/// alone.
pub fn ignored(manifests: &Manifests) -> Vec<Problem> {
    let ignored = |cluster| support::check(cluster, Platform::Laptop).ignored;
    let mut all: Vec<Problem> = manifests.clusters.iter().flat_map(ignored).collect();
    all.extend(manifests.users.iter().filter_map(user::ignored));
    all
}

/// One cluster, whose topics and users are looked at one by one; or all that is wrong with it.
pub fn cluster(
    object: &Object<KafkaClusterSpec>,
    platform: Platform,
) -> Result<Cluster, Vec<Problem>> {
    let mut problems = Vec::new();
    match cluster::checked(object, platform, &mut problems) {
        Some(cluster) if problems.is_empty() => Ok(cluster),
        _ => Err(problems),
    }
}

/// One topic of a cluster, or all that is wrong with it.
pub fn topic(
    object: &Object<KafkaTopicSpec>,
    cluster: &Cluster,
) -> Result<(TopicName, Topic), Vec<Problem>> {
    let mut problems = Vec::new();
    match topic::checked(object, cluster, &mut problems) {
        Some(topic) if problems.is_empty() => Ok(topic),
        _ => Err(problems),
    }
}

/// One user of a cluster, or all that is wrong with it.
pub fn user(object: &Object<KafkaUserSpec>, cluster: &Cluster) -> Result<User, Vec<Problem>> {
    let mut problems = Vec::new();
    match user::checked(object, cluster, &mut problems) {
        Some(user) if problems.is_empty() => Ok(user),
        _ => Err(problems),
    }
}

/// Looks after what refers to the cluster.
struct Members<'a> {
    namespace: &'a str,
    cluster: &'a Cluster,
}

impl Members<'_> {
    fn topics(
        &self,
        objects: &[Object<KafkaTopicSpec>],
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<TopicName, Topic> {
        let mut seen = Seen::default();
        let mut topics = BTreeMap::<TopicName, Topic>::new();
        for object in objects {
            let known = seen.first("KafkaTopic", object, problems);
            let cluster = object.spec.cluster_ref.name.as_str();
            if !(known && self.refers("KafkaTopic", object, cluster, problems)) {
                continue;
            }
            let Some((name, topic)) = topic::checked(object, self.cluster, problems) else {
                continue;
            };
            if let Some(first) = topics.get(&name) {
                let message = format!(
                    "KafkaTopic {}: a second object for the topic {name}; the first is {} at {}",
                    object.name, first.object, first.place
                );
                problems.push(Problem::at(&topic.place, message).help("keep one of the two"));
            } else {
                topics.insert(name, topic);
            }
        }
        topics
    }

    fn users(
        &self,
        objects: &[Object<KafkaUserSpec>],
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<ObjectName, User> {
        let mut seen = Seen::default();
        let mut users = BTreeMap::<ObjectName, User>::new();
        for object in objects {
            let known = seen.first("KafkaUser", object, problems);
            let cluster = object.spec.cluster_ref.name.as_str();
            if !(known && self.refers("KafkaUser", object, cluster, problems)) {
                continue;
            }
            let Some(user) = user::checked(object, self.cluster, problems) else { continue };
            let same = |other: &&User| other.meets(&user);
            if let Some(first) = users.values().find(same) {
                let message = format!(
                    "KafkaUser {}: a second object for the user {}; the first is {} at {}",
                    object.name, user.name, first.object, first.place
                );
                problems.push(Problem::at(&user.place, message).help("keep one of the two"));
            } else {
                users.insert(object.name.clone(), user);
            }
        }
        users
    }

    /// Whether the object's `clusterRef` leads to the cluster of the files.
    fn refers<S>(
        &self,
        kind: &str,
        object: &Object<S>,
        cluster: &str,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let ours = self.cluster.name.as_str();
        let place = object.field("spec.clusterRef.name");
        if cluster != ours {
            let message = format!("{kind} {}: there is no KafkaCluster {cluster:?}", object.name);
            problems.push(Problem::at(&place, message).help(format!("the files have {ours:?}")));
            return false;
        }
        if object.namespace != self.namespace {
            let message = format!(
                "{kind} {}: a clusterRef does not leave its namespace: this is in {:?}, \
                 KafkaCluster {ours} in {:?}",
                object.name, object.namespace, self.namespace
            );
            let help = format!("write metadata.namespace: {}", self.namespace);
            problems.push(Problem::at(&place, message).help(help));
            return false;
        }
        true
    }
}

/// The objects of one kind by namespace and name.
#[derive(Default)]
struct Seen(BTreeMap<(String, ObjectName), Place>);

impl Seen {
    /// Whether this is the first object of its name; says so where it is not.
    fn first<S>(&mut self, kind: &str, object: &Object<S>, problems: &mut Vec<Problem>) -> bool {
        let key = (object.namespace.clone(), object.name.clone());
        if let Some(first) = self.0.get(&key) {
            let message = format!("a second {kind} named {}; the first is at {first}", object.name);
            let help = "give it another name, or take one of the two out";
            problems.push(Problem::at(&object.field("metadata.name"), message).help(help));
            return false;
        }
        self.0.insert(key, object.field("metadata.name"));
        true
    }
}

#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;
