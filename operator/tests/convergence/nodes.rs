//! What runs in Kubernetes besides: the controllers of StatefulSets and volumes, the
//! garbage collector, kubelets. One step of each a second.

use serde_json::{Value, json};

use super::server::{Id, State, Stored};

/// A second passes.
pub(crate) fn tick(state: &mut State) {
    state.passes();
    let ids: Vec<Id> = state.objects.keys().cloned().collect();
    for id in ids {
        let Some(stored) = state.objects.get(&id).cloned() else { continue };
        let goes = stored.value["metadata"]["deletionTimestamp"].is_string();
        if !goes && orphaned(state, &stored.value) {
            state.begin_to_go(&id);
            continue;
        }
        match id.0.as_str() {
            "persistentvolumeclaims" => claim(state, id, stored),
            "statefulsets" => stateful_set(state, &id.1, &stored.value),
            "pods" => pod(state, id, stored),
            _ => {}
        }
    }
}

/// Whether all owners of an object are gone.
fn orphaned(state: &State, object: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    let lives = |owner: &Value| {
        state.objects.values().any(|stored| stored.value["metadata"]["uid"] == owner["uid"])
    };
    !owners.is_empty() && !owners.iter().any(lives)
}

fn claim(state: &mut State, id: Id, mut stored: Stored) {
    stored.value["status"] = json!({ "phase": "Bound" });
    if stored.value["spec"]["storageClassName"].is_null() {
        stored.value["spec"]["storageClassName"] = json!("standard");
    }
    state.put(id, stored);
}

/// Makes the pod, or takes it away.
fn stateful_set(state: &mut State, name: &str, set: &Value) {
    let id = ("pods".to_owned(), format!("{name}-0"));
    let there = state.objects.contains_key(&id);
    let wanted = set["spec"]["replicas"] == 1;
    if there && !wanted {
        state.begin_to_go(&id);
    } else if wanted && !there {
        let template = &set["spec"]["template"];
        let mut metadata = template["metadata"].clone();
        metadata["name"] = json!(id.1);
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "name": name,
            "uid": set["metadata"]["uid"],
        });
        metadata["ownerReferences"] = json!([owner]);
        let mut spec = template["spec"].clone();
        // placed at once: a pod without a node is nobody's to end, and goes without delay
        spec["nodeName"] = json!("node");
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec });
        state.create("pods", &pod, "statefulset-controller").unwrap();
    }
}

/// Starts a pod in one second, has it serve in the next; ends it when it is deleted.
fn pod(state: &mut State, id: Id, mut stored: Stored) {
    if stored.value["metadata"]["deletionTimestamp"].is_string() {
        state.remove(&id);
        return;
    }
    let mounts = stored.value["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let missing = mounts.iter().any(|volume| {
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
        let config_map = volume["configMap"]["name"].as_str();
        let config_map = config_map.filter(|_| volume["configMap"]["optional"] != true);
        let secret = volume["secret"]["secretName"].as_str();
        let there = |resource: &str, name: Option<&str>| {
            name.is_none_or(|name| {
                state.objects.contains_key(&(resource.to_owned(), name.to_owned()))
            })
        };
        !there("secrets", secret)
            || !there("persistentvolumeclaims", claim)
            || !there("configmaps", config_map)
    });
    if missing {
        return;
    }
    let started = stored.value["status"]["hostIP"].is_string();
    let status = if started { "True" } else { "False" };
    stored.value["status"] = json!({
        "hostIP": "192.0.2.1",
        "phase": "Running",
        "conditions": [
            { "type": "PodScheduled", "status": "True" },
            { "type": "Ready", "status": status },
        ],
        "containerStatuses": [{
            "name": "broker", "image": "i", "imageID": "i", "ready": started, "restartCount": 0,
            "started": started, "state": { "running": {} },
        }],
    });
    state.put(id, stored);
}
