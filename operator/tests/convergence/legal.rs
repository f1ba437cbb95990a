//! What the operator must never do, whatever happens to it.

use http::Method;
use serde_json::Value;

use super::server::State;

/// Notes a write that must not be; it is carried out all the same.
pub(crate) fn check(
    state: &mut State,
    method: &Method,
    resource: &str,
    name: Option<&str>,
    body: &Value,
) {
    let mut complaints = Vec::new();
    let delete = *method == Method::DELETE;
    let name = name.or_else(|| body["metadata"]["name"].as_str()).unwrap_or_default().to_owned();
    let there = state.objects.get(&(resource.to_owned(), name.clone()));
    let there = there.map(|stored| stored.value.clone());
    let of_user = there
        .as_ref()
        .is_some_and(|object| object["metadata"]["labels"]["kastellan.dev/users-of"].is_string());
    if delete && !of_user && matches!(resource, "persistentvolumeclaims" | "secrets") {
        // only those that another cluster's garbage collector is about to take
        let owned = there.as_ref().and_then(|claim| {
            claim["metadata"]["ownerReferences"][0]["uid"].as_str().map(str::to_owned)
        });
        let lives = state
            .objects
            .values()
            .any(|stored| stored.value["metadata"]["uid"].as_str().map(str::to_owned) == owned);
        let gone = there.as_ref().is_some_and(|object| is_of_gone(state, object));
        if (owned.is_none() || lives) && !gone {
            complaints.push(format!("deletes {resource} {name}"));
        }
    }
    if let Some(there) = there.as_ref().filter(|_| resource == "secrets" && is_authority(&name))
        && !delete
    {
        // what signs stays, or is the one that was made known before
        let (was, is) = (&there["data"], &body["data"]);
        if is["ca.key"] != was["ca.key"] && is["ca.key"] != was["ca-next.key"] {
            complaints.push(format!("makes {name} anew"));
        }
    }
    if delete && body["preconditions"]["uid"].is_null() {
        complaints.push(format!("deletes {resource} {name} without its uid"));
    }
    if matches!(resource, "kafkaclusters" | "kafkatopics" | "kafkausers")
        && (delete || body.get("spec").is_some())
    {
        complaints.push(format!("changes the spec of {resource} {name}"));
    }
    if let Some(there) = &there
        && resource == "configmaps"
        && name.ends_with("-identity")
    {
        let (was, is) = (&there["data"]["clusterId"], &body["data"]["clusterId"]);
        // but for brokers that are gone
        let list = |object: &Value, field: &str| -> Vec<String> {
            object["data"][field].as_str().unwrap_or("").split(',').map(str::to_owned).collect()
        };
        let (kept, left) = (list(body, "formatted"), list(body, "brokers"));
        let stays = |id: &String| kept.contains(id) || !(left.contains(id) || left == [""]);
        let grows = list(there, "formatted").iter().all(|id| id.is_empty() || stays(id));
        let owner = |object: &Value| object["metadata"]["ownerReferences"][0]["uid"].clone();
        if owner(there) == owner(body) && (was != is || !grows) {
            complaints.push(format!("forgets who {name} is: {there} -> {body}"));
        }
    }
    if let Some(there) = &there
        && resource == "statefulsets"
        && body["spec"].is_object()
    {
        let revision = |object: &Value| {
            object["spec"]["template"]["metadata"]["annotations"]["kastellan.dev/revision"].clone()
        };
        if revision(there) == revision(body)
            && there["spec"]["template"]["spec"]["containers"][0]["image"]
                != body["spec"]["template"]["spec"]["containers"][0]["image"]
            && there["metadata"]["annotations"]["by-hand"].is_null()
        {
            complaints.push(format!("changes {name} without another revision"));
        }
    }
    state.illegal.extend(complaints);
}

/// Whether an object is one of a broker that is off the record.
fn is_of_gone(state: &State, object: &Value) -> bool {
    let record = state
        .objects
        .iter()
        .find(|((resource, name), _)| resource == "configmaps" && name.ends_with("-identity"));
    let brokers = record.and_then(|(_, stored)| stored.value["data"]["brokers"].as_str());
    let id = object["metadata"]["labels"]["kastellan.dev/node-id"].as_str();
    brokers.zip(id).is_some_and(|(brokers, id)| brokers.split(',').all(|one| one != id))
}

/// Whether a Secret has an authority's key.
fn is_authority(secret: &str) -> bool {
    secret.ends_with("-cluster-ca") || secret.ends_with("-clients-ca")
}
