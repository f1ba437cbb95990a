//! Server-side apply, as far as one manager needs it, and JSON merge patches.

use serde_json::{Value, json};

/// Takes away what was applied `before` and is not `now`, then lays `now` over what is there.
pub(super) fn apply(there: &mut Value, before: &Value, now: &Value) {
    prune(there, before, now);
    lay(there, now);
}

/// By which field the elements of a list are told apart, if they are.
fn key(list: &[Value]) -> Option<&'static str> {
    ["uid", "type", "name"]
        .into_iter()
        .find(|key| !list.is_empty() && list.iter().all(|element| element[*key].is_string()))
}

fn prune(there: &mut Value, before: &Value, now: &Value) {
    match (there, before) {
        (Value::Object(there), Value::Object(before)) => {
            for (name, before) in before {
                let Some(at) = there.get_mut(name) else { continue };
                match now.get(name) {
                    Some(now) => prune(at, before, now),
                    None if before.is_object() => {
                        prune(at, before, &json!({}));
                        if at.as_object().is_some_and(serde_json::Map::is_empty) {
                            there.remove(name);
                        }
                    }
                    None => {
                        there.remove(name);
                    }
                }
            }
        }
        (Value::Array(there), Value::Array(before)) => {
            let Some(key) = key(before) else { return };
            let kept = |element: &Value| {
                let same = |other: &&Value| other[key] == element[key];
                let was = before.iter().find(same).is_some();
                let is = now.as_array().into_iter().flatten().find(same).is_some();
                !was || is
            };
            there.retain(kept);
        }
        _ => {}
    }
}

fn lay(there: &mut Value, now: &Value) {
    match (there, now) {
        (Value::Object(there), Value::Object(now)) => {
            for (name, now) in now {
                match there.get_mut(name) {
                    Some(at) => lay(at, now),
                    None if now.is_null() => {}
                    None => {
                        there.insert(name.clone(), now.clone());
                    }
                }
            }
        }
        (there @ Value::Array(_), Value::Array(now)) => {
            let old = there.as_array().cloned().unwrap_or_default();
            let Some(key) = key(now) else {
                *there = json!(now);
                return;
            };
            let mut merged: Vec<Value> = old
                .iter()
                .filter(|old| now.iter().all(|now| now[key] != old[key]))
                .cloned()
                .collect();
            for now in now {
                let mut element =
                    old.iter().find(|old| old[key] == now[key]).cloned().unwrap_or(json!({}));
                lay(&mut element, now);
                merged.push(element);
            }
            *there = json!(merged);
        }
        (there, now) => *there = now.clone(),
    }
}

/// RFC 7386.
pub(super) fn merge(there: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *there = patch.clone();
        return;
    };
    if !there.is_object() {
        *there = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            there.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut there[name], value);
        }
    }
}

/// Why an object cannot become another one, if it cannot.
pub(super) fn immutable(resource: &str, there: &Value, body: &Value) -> Option<String> {
    let fixed: &[&str] = match resource {
        "configmaps" if there["immutable"] == true => &["/data"],
        "statefulsets" => &["/spec/selector", "/spec/serviceName", "/spec/podManagementPolicy"],
        "persistentvolumeclaims" => &["/spec/accessModes", "/spec/storageClassName"],
        _ => &[],
    };
    let differs =
        |path: &&&str| body.pointer(path).is_some_and(|wanted| there.pointer(path) != Some(wanted));
    fixed.iter().find(differs).map(|path| format!("{path} is immutable"))
}
