//! `KafkaTopic`: all topics of a cluster in one pass, so that a thousand of them are a few
//! requests.
//!
//! What is asked for comes from the watch; what there is, from the brokers; whether the cluster is
//! there at all, from the API server itself, never from a cache: a finalizer is released on its
//! word alone. Kafka tells nobody that a topic was changed, so it is looked at again and again, the
//! less often the longer a look takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use kastellan_crds::name::TopicName;
use kastellan_crds::{KafkaCluster, KafkaTopic};
use kastellan_protocol::ErrorCode;
use kube::Resource as _;
use tokio::time::Instant;

use super::api::{self, ApiError, Namespace};
use super::cluster::{self, Told, World as ClusterWorld, now, parse};
use super::kafka::Contact;
use super::object::Kind;
use super::operator::{Key, Operator, PassError, Passed};
use super::queue::Outcome;
use super::{names, render, writes};

mod act;
mod plan;
mod status;

pub use plan::{Cluster, Found, Plan, World, plan};

use crate::admin::Refusal;
use crate::fleet::plan::Action;

/// A look at the cluster comes so many times later as the last one took: it costs half a percent.
const LOOK_SHARE: u32 = 200;
/// The first look for another client's changes after one, however quick that was.
const LOOK_SOONEST: Duration = Duration::from_secs(2);
/// The last one, however slow that was.
const LOOK_LATEST: Duration = Duration::from_mins(1);
/// When something that was refused for a passing reason is tried again.
pub(super) const SOON: Duration = Duration::from_secs(1);
/// For how long what the brokers refused is not asked of them again, unless the object changes.
const REFUSED_SECONDS: i64 = 60;
/// The same where there were too few brokers: one that starts, or joins, makes that good.
const TOO_FEW_SECONDS: i64 = 5;
/// So many topics change in one round; then their objects say so.
const A_ROUND: usize = 1000;
/// Looks and does at most so many times in one pass.
const ROUNDS: usize = 64;

/// What the brokers refused, and when.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Vec<(Action, Refusal, Timestamp)>);

impl Refusals {
    /// Remembers a refusal.
    pub fn add(&mut self, action: Action, refusal: Refusal, now: Timestamp) {
        self.0.push((action, refusal, now));
    }

    /// What the brokers said to this very action.
    pub fn find(&self, action: &Action) -> Option<&Refusal> {
        self.0.iter().find(|(refused, ..)| refused == action).map(|(_, refusal, _)| refusal)
    }

    /// Forgets what may be asked again.
    fn expire(&mut self, now: Timestamp) {
        self.0.retain(|(_, refusal, at)| {
            let too_few = refusal.is(ErrorCode::InvalidReplicationFactor);
            let lasts = if too_few { TOO_FEW_SECONDS } else { REFUSED_SECONDS };
            !refusal.retriable && *at > now - lasts.seconds()
        });
    }

    fn passing(&self) -> bool {
        self.0.iter().any(|(_, refusal, _)| refusal.retriable)
    }
}

/// One pass over all topics of a cluster.
pub async fn pass(
    operator: &Operator,
    key: &Key,
    namespace: &Namespace,
    refusals: &mut Refusals,
) -> Result<Passed, PassError> {
    let done = |wake| Ok(Passed { outcome: Outcome::Done(wake), nudged: BTreeSet::new() });
    refusals.expire(Timestamp::now());
    let place = (key.namespace.clone(), key.cluster.clone());
    for _ in 0..ROUNDS {
        let objects = operator.topics.of(&place);
        if objects.is_empty() {
            return done(None);
        }
        let begun = Instant::now();
        let Looked { cluster, contact, .. } = look(operator, key, namespace).await?;
        let found = match (&cluster, &contact) {
            (Cluster::Serves(_), Some(contact)) => describe(operator, contact, &objects).await,
            _ => None,
        };
        let took = begun.elapsed();
        let mut world = World { cluster, objects, found, now: now() };
        let mut plan = plan(&world, refusals);
        plan.actions.truncate(A_ROUND);
        write(operator, namespace, &plan, &world.objects).await?;
        if plan.finalizers.is_empty() && plan.actions.is_empty() {
            return done(wake(&world.cluster, world.found.is_some(), took));
        }
        if let Some(contact) = contact.filter(|_| !plan.actions.is_empty()) {
            world.now = now();
            let acted = act::act(operator, &contact, &plan.actions, refusals, world.now).await;
            if let Err(why) = acted {
                tracing::warn!(%key, %why, "the brokers did not answer");
                return done(Some(SOON));
            }
        }
        if refusals.passing() {
            return done(Some(SOON));
        }
    }
    done(Some(SOON))
}

/// When to look whether another client has changed something, after a look that took so long and
/// told something or not.
pub(super) fn wake(cluster: &Cluster, told: bool, took: Duration) -> Option<Duration> {
    match cluster {
        Cluster::Serves(_) if told => {
            Some(took.saturating_mul(LOOK_SHARE).clamp(LOOK_SOONEST, LOOK_LATEST))
        }
        Cluster::Serves(_) => Some(SOON),
        // its own pass tells when it serves; a broker that was away for a moment it may have missed
        Cluster::Waits(_) => Some(LOOK_LATEST / 2),
        Cluster::Absent | Cluster::Goes | Cluster::Paused => None,
    }
}

/// What a look at a cluster has found.
pub(super) struct Looked {
    /// The cluster, as far as topics and users have to know it.
    pub(super) cluster: Cluster,
    /// Where its brokers are, if any serves.
    pub(super) contact: Option<Contact>,
    /// The object, if it is there.
    pub(super) object: Option<KafkaCluster>,
}

/// The cluster of the topics, and where its brokers are.
pub(super) async fn look(
    operator: &Operator,
    key: &Key,
    namespace: &Namespace,
) -> Result<Looked, ApiError> {
    let none = |cluster| Looked { cluster, contact: None, object: None };
    let Some(cluster) = api::get::<KafkaCluster>(namespace, &key.cluster).await? else {
        return Ok(none(Cluster::Absent));
    };
    if cluster.meta().deletion_timestamp.is_some() {
        return Ok(none(Cluster::Goes));
    }
    let parsed = match parse::cluster(&cluster) {
        Ok(parsed) => parsed,
        Err(refused) => return Ok(none(Cluster::Waits(refused.message))),
    };
    let mut pods = namespace.pods_of(&key.cluster).await?;
    let guarded = render::guarded(&parsed.listeners, cluster.spec.authorization.is_some());
    if guarded {
        let name = names::operator_certificate(&key.cluster);
        let secret = namespace.object(Kind::Secret, &name).await?;
        pods.extend(secret.map(|secret| ((Kind::Secret, name), secret)));
    }
    let world = ClusterWorld {
        cluster,
        objects: pods,
        given: BTreeMap::new(),
        told: Told::NotAsked,
        replicas: None,
        loaded: BTreeMap::new(),
        users: BTreeMap::new(),
        quorum: None,
        placed: None,
        throttled: None,
        has_issuers: false,
        settings: operator.settings.clone(),
        fresh_id: String::new(),
        refused: BTreeMap::new(),
        now: now(),
    };
    if cluster::paused(&world) {
        return Ok(none(Cluster::Paused));
    }
    let contact = cluster::contact(&world, key);
    let cluster = match contact {
        Some(_) => Cluster::Serves(Box::new(parsed)),
        None => Cluster::Waits("no broker serves yet".to_owned()),
    };
    Ok(Looked { cluster, contact, object: Some(world.cluster) })
}

/// Those of the topics that exist; `None` when the brokers do not say.
async fn describe(
    operator: &Operator,
    contact: &Contact,
    objects: &BTreeMap<String, Arc<KafkaTopic>>,
) -> Option<Found> {
    let names = objects.iter().filter_map(|(name, topic)| parse::topic_name(name, &topic.spec));
    let names: BTreeSet<String> = names.map(|name: TopicName| name.to_string()).collect();
    let names: Vec<String> = names.into_iter().collect();
    match operator.brokers.describe(contact, &names).await {
        Ok(found) => {
            let found = found.into_iter();
            Some(found.filter_map(|(name, topic)| Some((name.parse().ok()?, topic))).collect())
        }
        Err(why) => {
            tracing::debug!(%why, "the brokers do not tell of their topics");
            None
        }
    }
}

/// Writes finalizers, then what is true of topics that are as they will stay for now.
async fn write(
    operator: &Operator,
    namespace: &Namespace,
    plan: &Plan,
    objects: &BTreeMap<String, Arc<KafkaTopic>>,
) -> Result<(), ApiError> {
    writes::finalizers(namespace, &operator.topics, objects, &plan.finalizers).await?;
    writes::statuses(namespace, &operator.topics, &plan.statuses).await
}
