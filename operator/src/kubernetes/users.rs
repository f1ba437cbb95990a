//! `KafkaUser`: all users of a cluster in one pass, so that a thousand of them are a few requests
//! to the brokers.
//!
//! A user's password is made where it is stored, in its Secret, and brokers are told what stands
//! there; which Secret they know is in the status. So whatever is interrupted is done again, and
//! nothing that was told is told twice. Another client's changes are looked for as for topics.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use kastellan_crds::condition::Reason;
use kastellan_crds::{KafkaUser, KafkaUserStatus};
use kube::{Resource as _, ResourceExt as _};
use tokio::time::Instant;

use super::api::{ApiError, Namespace};
use super::cluster::now;
use super::object::{Kind, file};
use super::operator::{Key, Operator, PassError, Passed};
use super::queue::Outcome;
use super::topics::{Cluster, Looked, SOON, look, wake};
use super::verdict::Verdict;
use super::writes::{self, AT_ONCE};
use super::{kafka::Contact, names};
use crate::fleet::windows;

mod credentials;
mod make;
mod plan;
mod secret;
mod status;

pub use make::make;
pub use plan::{Plan, World, plan};
pub use secret::{Make, What};

use crate::admin::AdminError;

/// For how long what was refused is not asked again, unless the object changes.
const REFUSED_SECONDS: i64 = 60;
/// Looks and does at most so many times in one pass.
const ROUNDS: usize = 16;

/// What was refused of a user's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The words.
    pub message: String,
    /// Whether another attempt may succeed.
    pub passing: bool,
    /// The generation of the object that asked for it.
    pub generation: Option<i64>,
    /// When.
    pub at: Timestamp,
}

impl Refused {
    fn verdict(&self) -> Verdict {
        let reason = Reason::RequestRefused;
        if self.passing {
            Verdict::working(reason, &self.message)
        } else {
            Verdict::stalled(reason, &self.message)
        }
    }
}

/// What was refused, by the name of the object.
#[derive(Debug, Clone, Default)]
pub struct Refusals(BTreeMap<String, Refused>);

impl Refusals {
    /// What was refused of this object as it is.
    pub fn of(&self, object: &KafkaUser) -> Option<&Refused> {
        let refused = self.0.get(&object.name_any())?;
        (refused.generation == object.meta().generation).then_some(refused)
    }

    fn add(&mut self, world: &World, name: &str, message: String, passing: bool) {
        let generation = world.objects.get(name).and_then(|object| object.meta().generation);
        self.0.insert(name.to_owned(), Refused { message, passing, generation, at: world.now });
    }

    fn expire(&mut self, now: Timestamp) {
        let old = now - REFUSED_SECONDS.seconds();
        self.0.retain(|_, refused| !refused.passing && refused.at > old);
    }
}

/// One pass over all users of a cluster.
pub async fn pass(
    operator: &Operator,
    key: &Key,
    namespace: &Namespace,
    refusals: &mut Refusals,
) -> Result<Passed, PassError> {
    let done = |wake| Ok(Passed { outcome: Outcome::Done(wake), nudged: BTreeSet::new() });
    refusals.expire(Timestamp::now());
    for _ in 0..ROUNDS {
        let place = (key.namespace.clone(), key.cluster.clone());
        if operator.users.of(&place).is_empty() {
            return done(None);
        }
        let begun = Instant::now();
        let looked = look(operator, key, namespace).await?;
        let contact = looked.contact.clone();
        let world = observe(operator, key, namespace, looked).await?;
        let took = begun.elapsed();
        let plan = plan(&world, refusals);
        writes::finalizers(namespace, &operator.users, &world.objects, &plan.finalizers).await?;
        secrets(namespace, &plan, &world, refusals).await?;
        let mut statuses = plan.statuses.clone();
        if let Some(contact) = contact.filter(|_| !plan.changes.is_empty()) {
            match tell(operator, &contact, &plan, &world, refusals).await {
                Ok(told) => statuses.extend(told),
                Err(why) => {
                    tracing::warn!(%key, %why, "the brokers did not answer");
                    return done(Some(SOON));
                }
            }
        }
        writes::statuses(namespace, &operator.users, &statuses).await?;
        if plan.is_settled() {
            // or a certificate is to be renewed
            let look_again = wake(&world.cluster, world.held.is_some(), took);
            return done([look_again, plan.wake].into_iter().flatten().min());
        }
    }
    done(Some(SOON))
}

/// Everything that the plan is made of.
async fn observe(
    operator: &Operator,
    key: &Key,
    namespace: &Namespace,
    looked: Looked,
) -> Result<World, ApiError> {
    let place = (key.namespace.clone(), key.cluster.clone());
    let mut world = World {
        namespace: key.namespace.clone(),
        cluster: looked.cluster,
        listeners: Vec::new(),
        objects: operator.users.of(&place),
        secrets: BTreeMap::new(),
        given: BTreeMap::new(),
        clients: None,
        held: None,
        closed_until: None,
        now: now(),
    };
    let (Cluster::Serves(parsed), Some(contact)) = (&world.cluster, &looked.contact) else {
        return Ok(world);
    };
    let secrets = namespace.secrets_of_users(&key.cluster).await?;
    world.secrets = secrets.into_iter().map(|((_, name), secret)| (name, secret)).collect();
    let passwords = world.objects.values().filter_map(|user| {
        let authentication = user.spec.authentication.as_ref()?;
        Some(authentication.password.as_ref()?.name.clone())
    });
    for name in passwords.collect::<BTreeSet<_>>() {
        let secret = namespace.object(Kind::Secret, &name).await?;
        world.given.extend(secret.map(|secret| (name, secret)));
    }
    if parsed.wants_certificates() {
        let own = names::clients_authority(&key.cluster);
        let name = parsed.fleet.clients.secret_name.clone().unwrap_or(own);
        let secret = namespace.object(Kind::Secret, &name).await?;
        let certificate = secret.as_ref().and_then(|secret| file(secret, "ca.crt"));
        world.clients = certificate.map(|certificate| (name, certificate));
    }
    let maintenance = looked.object.as_ref().and_then(|it| it.spec.maintenance.as_ref());
    world.closed_until = windows::closed_until(maintenance, world.now);
    let status = looked.object.and_then(|cluster| cluster.status);
    world.listeners = status.map(|status| status.listeners).unwrap_or_default();
    world.held = match operator.brokers.users(contact).await {
        Ok(held) => Some(held),
        Err(why) => {
            tracing::debug!(%key, %why, "the brokers do not tell of their users");
            None
        }
    };
    Ok(world)
}

/// Makes and removes Secrets; who is refused one is told so.
async fn secrets(
    namespace: &Namespace,
    plan: &Plan,
    world: &World,
    refusals: &mut Refusals,
) -> Result<(), ApiError> {
    for (name, uid) in &plan.gone {
        namespace.delete(Kind::Secret, name, uid).await?;
    }
    let mut authority = BTreeMap::new();
    if plan.secrets.iter().any(|one| matches!(one.what, What::Certificate(..)))
        && let Some((name, _)) = &world.clients
    {
        authority = namespace.secret(name).await?;
    }
    let authority = &authority;
    let writes = plan.secrets.iter().map(|one| async move {
        let made = make(one, authority, world.now);
        let written = match &made {
            Ok(object) if one.seen => namespace.apply(&object.0).await,
            Ok(object) => namespace.create(&object.0).await,
            Err(words) => Err(ApiError::Refused(words.clone())),
        };
        (one, written)
    });
    let writes: Vec<_> = writes.collect();
    let mut written = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
    while let Some((one, result)) = written.next().await {
        match result {
            Ok(()) => {}
            Err(ApiError::Refused(words)) => {
                let message = format!("Secret {}: {words}", one.secret);
                refusals.add(world, &one.object, message, false);
            }
            Err(why) if why.is_conflict() => {
                let message = format!(
                    "there is another Secret {}: delete it, or set spec.secretName",
                    one.secret
                );
                refusals.add(world, &one.object, message, false);
            }
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

/// Tells the brokers; what is true of those users from then on of whom nothing was refused.
async fn tell(
    operator: &Operator,
    contact: &Contact,
    plan: &Plan,
    world: &World,
    refusals: &mut Refusals,
) -> Result<Vec<(String, KafkaUserStatus)>, AdminError> {
    tracing::info!(cluster = contact.cluster, changes = plan.changes.said(), "users change");
    let refused = operator.brokers.alter_users(contact, &plan.changes).await?;
    let mut without = BTreeSet::new();
    for (whom, refusal) in refused {
        let Some(object) = plan.asks.get(&whom) else { continue };
        let message = format!("the cluster refused: {}", refusal.message);
        refusals.add(world, object, message, refusal.retriable);
        without.insert(object.clone());
    }
    let told = plan.told.iter().filter(|(name, _)| !without.contains(name));
    Ok(told.cloned().collect())
}
