//! Before the operator is removed for good: nothing of its may keep an object from going.

use kastellan_crds::{KafkaTopic, KafkaUser};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};

use super::api::{self, ApiError, Namespace, Own};
use super::names::{FINALIZER, USER_FINALIZER};

/// Takes the finalizer from every `KafkaTopic` and `KafkaUser` of the namespaces (none: all of
/// them); how many.
pub async fn release(client: &Client, namespaces: &[String]) -> Result<usize, ApiError> {
    let topics = one::<KafkaTopic>(client, namespaces, FINALIZER).await?;
    Ok(topics + one::<KafkaUser>(client, namespaces, USER_FINALIZER).await?)
}

/// Takes a finalizer from every object of one kind.
async fn one<K: Own>(
    client: &Client,
    namespaces: &[String],
    finalizer: &str,
) -> Result<usize, ApiError> {
    let apis: Vec<Api<K>> = if namespaces.is_empty() {
        vec![Api::all(client.clone())]
    } else {
        namespaces.iter().map(|name| Api::namespaced(client.clone(), name)).collect()
    };
    let mut released = 0;
    for api in apis {
        for object in api.list(&ListParams::default()).await? {
            let held = |object: &K| object.finalizers().iter().any(|one| one == finalizer);
            released += usize::from(held(&object));
            let namespace = Namespace::new(client.clone(), &object.namespace().unwrap_or_default());
            let mut object = Some(object);
            // once more where somebody else was faster
            while let Some(holds) = object.filter(held) {
                let others = holds.finalizers().iter().filter(|one| *one != finalizer);
                let others: Vec<String> = others.cloned().collect();
                object = api::set_finalizers(&namespace, &holds, &others).await?;
            }
        }
    }
    Ok(released)
}
