//! Before the operator is removed for good: nothing of its may keep an object from going.

use kastellan_crds::KafkaTopic;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};

use super::api::{self, ApiError, Namespace};
use super::names::FINALIZER;

/// Takes the finalizer from every `KafkaTopic` of the namespaces (none: all of them); how many.
pub async fn release(client: &Client, namespaces: &[String]) -> Result<usize, ApiError> {
    let topics: Vec<Api<KafkaTopic>> = if namespaces.is_empty() {
        vec![Api::all(client.clone())]
    } else {
        namespaces.iter().map(|name| Api::namespaced(client.clone(), name)).collect()
    };
    let mut released = 0;
    for topics in topics {
        for topic in topics.list(&ListParams::default()).await? {
            let held = |topic: &KafkaTopic| topic.finalizers().iter().any(|one| one == FINALIZER);
            released += usize::from(held(&topic));
            let namespace = Namespace::new(client.clone(), &topic.namespace().unwrap_or_default());
            let mut topic = Some(topic);
            // once more where somebody else was faster
            while let Some(holds) = topic.filter(held) {
                let others = holds.finalizers().iter().filter(|one| *one != FINALIZER);
                let others: Vec<String> = others.cloned().collect();
                topic = api::set_finalizers(&namespace, &holds, &others).await?;
            }
        }
    }
    Ok(released)
}
