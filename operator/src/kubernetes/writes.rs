//! Finalizers and statuses of many topics or users: several requests at a time, and the index knows
//! what an object is afterwards before the watch tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use kube::ResourceExt as _;
use serde::Serialize;

use super::api::{self, ApiError, Namespace, Own};
use super::index::{Index, Refers};

/// So many requests to the API server at the same time.
pub(super) const AT_ONCE: usize = 16;

/// Gives those of the objects that are named other finalizers.
pub(super) async fn finalizers<K: Own + Refers>(
    namespace: &Namespace,
    index: &Index<K>,
    objects: &BTreeMap<String, Arc<K>>,
    wanted: &[(String, Vec<String>)],
) -> Result<(), ApiError> {
    let mut writes = Vec::new();
    for (name, finalizers) in wanted {
        let Some(object) = objects.get(name).cloned() else { continue };
        let (namespace, finalizers) = (namespace.clone(), finalizers.clone());
        writes.push(async move {
            let now = api::set_finalizers(&namespace, &*object, &finalizers).await;
            now.map(|now| (object, now))
        });
    }
    let mut written = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
    while let Some(written) = written.next().await {
        match written? {
            (_, Some(now)) => keep(index, now),
            (object, None) => drop(index.remove(&object)),
        }
    }
    Ok(())
}

/// Says what is true of objects, under their names.
pub(super) async fn statuses<K: Own + Refers, S: Serialize>(
    namespace: &Namespace,
    index: &Index<K>,
    wanted: &[(String, S)],
) -> Result<(), ApiError> {
    let mut writes = Vec::new();
    for (name, status) in wanted {
        let (namespace, name) = (namespace.clone(), name.clone());
        let body = serde_json::to_value(status).unwrap_or_default();
        writes.push(async move { api::apply_status::<K>(&namespace, &name, &body).await });
    }
    let mut written = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
    while let Some(object) = written.next().await {
        if let Some(object) = object? {
            keep(index, object);
        }
    }
    Ok(())
}

/// The object as it is after a write.
fn keep<K: Own + Refers>(index: &Index<K>, object: K) {
    if object.meta().deletion_timestamp.is_some() && object.finalizers().is_empty() {
        index.remove(&object);
    } else {
        index.put(object);
    }
}
