//! What a broker's pod does, and what it waits for, in words.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};
use kastellan_crds::condition::Reason;
use kube::ResourceExt as _;

use super::World;
use super::waits::{Wait, made};
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, text};

/// How long Kubernetes may take to make a pod of a StatefulSet.
const MADE: Duration = Duration::from_secs(30);
/// How long it may take to place it, to bind its volumes, to fetch its image.
const STARTED: Duration = Duration::from_mins(3);

/// A broker's pod as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broker {
    /// Its node id.
    pub id: i32,
    /// Whether it serves.
    pub ready: bool,
    /// The revision it was started with, if it is there and not about to go.
    pub revision: Option<String>,
    /// Its name and uid, if it is there and not about to go.
    pub pod: Option<(String, String)>,
    /// The address of its node.
    pub host: Option<String>,
    /// What it waits for, unless it serves.
    pub wait: Option<Wait>,
}

/// The broker's pod.
pub(super) fn broker(world: &World, id: i32) -> Broker {
    let cluster = world.cluster.name_any();
    let name = names::pod(&cluster, id);
    let mut broker = Broker { id, ready: false, revision: None, pod: None, host: None, wait: None };
    let pod = world.get(Kind::Pod, &name);
    let pod = pod.and_then(|pod| serde_json::to_value(pod).ok());
    let Some(pod) = pod.and_then(|pod| serde_json::from_value::<Pod>(pod).ok()) else {
        let set = world.get(Kind::StatefulSet, &names::broker(&cluster, id));
        let message = format!("broker {id}: waiting for its pod {name}");
        let wait = Wait::new(Reason::BrokersStarting, message);
        broker.wait = Some(wait.since(set.and_then(made), MADE));
        return broker;
    };
    broker.host = pod.status.as_ref().and_then(|status| status.host_ip.clone());
    if pod.metadata.deletion_timestamp.is_some() {
        broker.wait =
            Some(wait(&pod, Reason::BrokersRestarting, format!("broker {id} stops"), None));
        return broker;
    }
    broker.revision = pod.annotations().get(names::REVISION).cloned();
    broker.pod = pod.uid().map(|uid| (name, uid));
    broker.ready = condition(&pod, "Ready").is_some_and(|ready| ready.status == "True");
    if !broker.ready {
        broker.wait = Some(why(world, id, &pod));
    }
    broker
}

fn wait(pod: &Pod, reason: Reason, message: String, budget: Option<Duration>) -> Wait {
    let since = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let wait = Wait::new(reason, message);
    match budget {
        Some(budget) => wait.since(since, budget),
        None => wait,
    }
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Why a pod is not ready.
fn why(world: &World, id: i32, pod: &Pod) -> Wait {
    if let Some(placed) = condition(pod, "PodScheduled")
        && placed.status == "False"
    {
        let words = placed.message.as_deref().unwrap_or("no node was chosen");
        let message = format!("broker {id} cannot be placed: {words}");
        return wait(pod, Reason::PodUnschedulable, message, Some(STARTED));
    }
    if let Some(claim) = pending_claim(world, id) {
        let message = format!("broker {id}: waiting for a volume for the claim {claim}");
        return wait(pod, Reason::StoragePending, message, Some(STARTED));
    }
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let status = statuses.and_then(|all| all.iter().find(|status| status.name == "broker"));
    let Some(status) = status else {
        let message = format!("broker {id}: waiting for its node to start the pod");
        return wait(pod, Reason::BrokersStarting, message, Some(STARTED));
    };
    container(id, pod, status)
}

fn container(id: i32, pod: &Pod, status: &ContainerStatus) -> Wait {
    let state = status.state.as_ref();
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let words = waiting.message.as_deref().unwrap_or(reason);
        if reason.contains("Image") || reason.contains("ErrImage") {
            let message = format!("broker {id}: its image {} is not there: {words}", status.image);
            return wait(pod, Reason::ImageUnavailable, message, Some(MADE));
        }
        if let Some(end) = status.last_state.as_ref().and_then(|last| last.terminated.as_ref()) {
            let said = end.message.as_deref().map(last_line).unwrap_or_default();
            let message = format!(
                "broker {id} ends with code {} again and again ({} times): {said}",
                end.exit_code, status.restart_count
            );
            return wait(pod, Reason::BrokerDown, message, Some(Duration::ZERO));
        }
        let message = format!("broker {id}: {words}");
        return wait(pod, Reason::BrokersStarting, message, Some(STARTED));
    }
    if let Some(end) = state.and_then(|state| state.terminated.as_ref()) {
        let message = format!("broker {id} has ended with code {}", end.exit_code);
        return wait(pod, Reason::BrokerDown, message, Some(Duration::ZERO));
    }
    if status.started == Some(true) {
        let message = format!("broker {id} runs, and does not serve clients");
        return wait(pod, Reason::BrokerDown, message, Some(MADE));
    }
    // it may be recovering any number of logs
    wait(pod, Reason::BrokersStarting, format!("broker {id} starts"), None)
}

fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default()
}

fn pending_claim(world: &World, id: i32) -> Option<String> {
    let of_broker = |object: &&kube::api::DynamicObject| {
        object.labels().get(names::NODE_ID).is_some_and(|label| *label == id.to_string())
    };
    let mut claims = world.all(Kind::PersistentVolumeClaim).filter(of_broker);
    let pending = claims.find(|claim| text(claim, "/status/phase") == Some("Pending"))?;
    // a claim that waits for its pod to be placed is bound once it is
    Some(pending.name_any())
}
