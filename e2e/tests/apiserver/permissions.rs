//! What the chart lets the operator do: each verb that it uses, in the namespaces that it looks
//! after, and nothing else; Secrets only with its label.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use kastellan_e2e::kubernetes::ApiServer;
use kastellan_e2e::process::pause;
use serde_json::{Value, json};

use crate::chart::{RELEASE, SYSTEM, install, namespaces, release};

const ACCOUNT: &str = "system:serviceaccount:kastellan-system:kastellan";
const VERBS: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Group, resource (with a sub-resource) and the verbs that the operator uses in a namespace that
/// it looks after. The chart's roles follow from this table, not the other way round.
const USED: &[(&str, &[&str], &[&str])] = &[
    (
        "kastellan.dev",
        &["kafkaclusters", "kafkatopics", "kafkausers"],
        &["get", "list", "watch", "patch"],
    ),
    (
        "kastellan.dev",
        &["kafkaclusters/status", "kafkatopics/status", "kafkausers/status"],
        &["patch"],
    ),
    ("apps", &["statefulsets"], &["get", "list", "watch", "create", "patch", "delete"]),
    (
        "",
        &["services", "configmaps", "persistentvolumeclaims", "secrets"],
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    ("", &["pods"], &["get", "list", "watch", "delete"]),
    ("", &["namespaces"], &["get"]),
    ("policy", &["poddisruptionbudgets"], &["get", "list", "watch", "create", "patch", "delete"]),
    (
        "networking.k8s.io",
        &["networkpolicies"],
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    (ISSUED.0, &[ISSUED.1], &["get", "list", "create", "patch", "delete"]),
    ("events.k8s.io", &["events"], &["create", "patch"]),
];

/// What the operator uses where cert-manager is; an API server without it may be asked all the
/// same.
const ISSUED: (&str, &str) = ("cert-manager.io", "certificates");

/// What is asked of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    group: String,
    resource: String,
    verb: &'static str,
    namespace: &'static str,
    name: &'static str,
}

/// Whether the operator should be able to.
fn wanted(question: &Question) -> bool {
    let Question { group, resource, verb, namespace, name } = question;
    let used = USED.iter().any(|(of, resources, verbs)| {
        of == group && resources.contains(&resource.as_str()) && verbs.contains(verb)
    });
    let lease = group == "coordination.k8s.io" && resource == "leases" && *namespace == SYSTEM;
    let named = *name == "kastellan-operator" && ["get", "patch"].contains(verb);
    // Kubernetes lets everybody ask about himself
    let about_itself =
        resource.starts_with("self") && resource.ends_with("reviews") && *verb == "create";
    // a namespace that is being deleted loses its role before its topics and users; a policy keeps
    // the operator from writing to those of others (below)
    let anywhere = group == "kastellan.dev"
        && match resource.as_str() {
            "kafkatopics" | "kafkausers" => ["get", "list", "watch", "patch"].contains(verb),
            "kafkaclusters" => *verb == "get",
            _ => false,
        };
    anywhere
        || (used && *namespace == "watched")
        || (lease && (*verb == "create" || named))
        || about_itself
}

fn is_allowed(server: &ApiServer, question: &Question) -> Result<bool> {
    let (resource, subresource) =
        question.resource.split_once('/').unwrap_or((&question.resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": ACCOUNT,
            "groups": [
                "system:serviceaccounts",
                format!("system:serviceaccounts:{SYSTEM}"),
                "system:authenticated",
            ],
            "resourceAttributes": {
                "group": question.group,
                "version": "*",
                "resource": resource,
                "subresource": subresource,
                "verb": question.verb,
                "namespace": question.namespace,
                "name": question.name,
            },
        },
    });
    let answer = server.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review)?;
    answer.body["status"]["allowed"].as_bool().with_context(|| format!("{answer:?}"))
}

/// Everything that there is to be asked for: (group, resource).
fn resources(server: &ApiServer) -> Result<Vec<(String, String)>> {
    let mut lists = vec![(String::new(), "/api/v1".to_owned())];
    let groups = server.get("/apis")?.body;
    for group in groups["groups"].as_array().context("no groups")? {
        let name = group["name"].as_str().context("a group without a name")?;
        for version in group["versions"].as_array().into_iter().flatten() {
            let version = version["groupVersion"].as_str().context("a version without a name")?;
            lists.push((name.to_owned(), format!("/apis/{version}")));
        }
    }
    let mut resources = Vec::new();
    for (group, path) in lists {
        let list = server.get(&path)?.body;
        for resource in list["resources"].as_array().into_iter().flatten() {
            let name = resource["name"].as_str().context("a resource without a name")?;
            resources.push((group.clone(), name.to_owned()));
        }
    }
    resources.push((ISSUED.0.to_owned(), ISSUED.1.to_owned()));
    resources.sort();
    resources.dedup();
    ensure!(resources.len() > 80, "only {} resources", resources.len());
    Ok(resources)
}

/// Roles count a moment after they are made.
fn wait_for_roles(server: &ApiServer) -> Result<()> {
    let question = Question {
        group: "kastellan.dev".to_owned(),
        resource: "kafkatopics".to_owned(),
        verb: "list",
        namespace: "watched",
        name: "",
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_allowed(server, &question)? {
        ensure!(Instant::now() < deadline, "the operator may not even list topics");
        pause();
    }
    Ok(())
}

#[test]
fn the_operator_may_do_what_it_does_and_nothing_else() -> Result<()> {
    let Some(server) = crate::bare("apiserver-permissions")? else { return Ok(()) };
    namespaces(&server, &[SYSTEM, "watched", "other"])?;
    install(&server, &["--set", "watchNamespaces={watched}"])?;
    wait_for_roles(&server)?;
    let mut questions = Vec::new();
    for (group, resource) in resources(&server)? {
        for verb in VERBS {
            // an empty namespace is all of them, and what belongs to none
            for namespace in ["watched", "other", SYSTEM, ""] {
                let (group, resource) = (group.clone(), resource.clone());
                questions.push(Question { group, resource, verb, namespace, name: "" });
            }
        }
    }
    for verb in VERBS {
        let (group, resource) = ("coordination.k8s.io".to_owned(), "leases".to_owned());
        let name = "kastellan-operator";
        questions.push(Question { group, resource, verb, namespace: SYSTEM, name });
    }
    let next = Mutex::new(questions.iter());
    let ask = || -> Result<(usize, Vec<String>)> {
        let (mut count, mut wrong) = (0, Vec::new());
        loop {
            let Some(question) = next.lock().expect("nobody panics").next() else { break };
            let (wanted, allowed) = (wanted(question), is_allowed(&server, question)?);
            count += usize::from(allowed);
            if wanted != allowed {
                wrong.push(format!("{question:?}: wanted {wanted}, allowed {allowed}"));
            }
        }
        Ok((count, wrong))
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("nobody panics")).collect()
    });
    let (mut allowed, mut wrong) = (0, Vec::new());
    for answer in answers {
        let (count, more) = answer?;
        allowed += count;
        wrong.extend(more);
    }
    ensure!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    ensure!(allowed > 50, "only {allowed} of {} are allowed", questions.len());
    Ok(())
}

fn secret(name: &str, kind: &str, label: Option<&str>) -> Value {
    let labels = label.map_or(json!({}), |value| json!({ "app.kubernetes.io/managed-by": value }));
    let metadata = json!({ "name": name, "labels": labels });
    json!({ "apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata })
}

/// Runs kubectl as the operator.
fn operator(server: &ApiServer, arguments: &[&str], input: &Value) -> Result<Option<String>> {
    let file = server.file("input.json", &input.to_string())?;
    let file = file.to_str().context("the file's name is not UTF-8")?;
    let arguments: Vec<&str> =
        arguments.iter().map(|one| if *one == "FILE" { file } else { one }).collect();
    let printed =
        server.kubectl(&[&["--as", ACCOUNT, "-n", "watched"], &arguments[..]].concat())?;
    Ok((!printed.ok).then_some(printed.err))
}

const CREATE: &[&str] = &["create", "-f", "FILE"];
const APPLY: &[&str] = &["apply", "--server-side", "--force-conflicts", "-f", "FILE"];

#[test]
fn the_operator_writes_only_secrets_with_its_label() -> Result<()> {
    let Some(server) = crate::bare("apiserver-secrets")? else { return Ok(()) };
    namespaces(&server, &[SYSTEM, "watched", "other"])?;
    install(&server, &["--set", "watchNamespaces={watched}"])?;
    wait_for_roles(&server)?;
    let of_others = server.create(
        "/api/v1/namespaces/watched/secrets",
        &secret("of-others", "Opaque", Some("somebody")),
    )?;
    ensure!(of_others.ok(), "{of_others:?}");
    let plain = secret("plain", "Opaque", None);
    wait_for_policy(&server, &plain)?;

    let mine = secret("mine", "Opaque", Some("kastellan"));
    let tls = json!({ "tls.crt": "", "tls.key": "" });
    let mut certificate = secret("certificate", "kubernetes.io/tls", Some("kastellan"));
    certificate["data"] = tls;
    for (what, object) in [("its own", &mine), ("a certificate", &certificate)] {
        for how in [CREATE, APPLY] {
            let refused = operator(&server, how, object)?;
            ensure!(refused.is_none(), "{what}: {refused:?}");
            let deleted = operator(
                &server,
                &["delete", "secret", object["metadata"]["name"].as_str().unwrap_or("")],
                &mine,
            )?;
            ensure!(deleted.is_none(), "{what}: {deleted:?}");
        }
    }
    ensure!(operator(&server, CREATE, &mine)?.is_none(), "its own again");

    let mut token = secret("token", "kubernetes.io/service-account-token", Some("kastellan"));
    token["metadata"]["annotations"] = json!({ "kubernetes.io/service-account.name": "default" });
    let unlabelled = secret("mine", "Opaque", Some("somebody"));
    let grabbed = secret("of-others", "Opaque", Some("kastellan"));
    let delete = &["delete", "secret", "of-others"][..];
    for (what, how, object, message) in [
        ("one without the label", CREATE, &plain, "writes only Secrets with the label"),
        ("one without the label, applied", APPLY, &plain, "writes only Secrets with the label"),
        ("the token of an account", CREATE, &token, "only Secrets of the types"),
        ("its own without the label", APPLY, &unlabelled, "writes only Secrets with the label"),
        ("that of others with its label", APPLY, &grabbed, "changes and deletes only"),
        ("to delete that of others", delete, &mine, "changes and deletes only"),
    ] {
        let refused = operator(&server, how, object)?;
        ensure!(refused.as_ref().is_some_and(|why| why.contains(message)), "{what}: {refused:?}");
    }
    topics_of_others_are_left_alone(&server)?;
    let elsewhere = ["--as", ACCOUNT, "-n", "other", "get", "secrets"];
    let printed = server.kubectl(&elsewhere)?;
    ensure!(!printed.ok && printed.err.contains("forbidden"), "{printed:?}");
    // nobody else is held to it
    let by_others = server.create("/api/v1/namespaces/watched/secrets", &plain)?;
    ensure!(by_others.ok(), "{by_others:?}");
    Ok(())
}

/// The operator may patch topics wherever they are, but for the policy.
fn topics_of_others_are_left_alone(server: &ApiServer) -> Result<()> {
    for (namespace, may) in [("watched", true), ("other", false)] {
        let topic = json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": "KafkaTopic",
            "metadata": { "name": "greetings" },
            "spec": { "clusterRef": { "name": "demo" } },
        });
        let topics = format!("/apis/kastellan.dev/v1alpha1/namespaces/{namespace}/kafkatopics");
        let made = server.create(&topics, &topic)?;
        ensure!(made.ok(), "{made:?}");
        let patch = r#"{"metadata":{"labels":{"touched":"yes"}}}"#;
        let words = ["--as", ACCOUNT, "-n", namespace, "patch", "kkt", "greetings"];
        let printed = server.kubectl(&[&words[..], &["--type=merge", "-p", patch]].concat())?;
        let refused = printed.err.contains("only in the namespaces that it looks after");
        ensure!(printed.ok == may && refused != may, "{namespace}: {printed:?}");
    }
    Ok(())
}

/// A policy counts a moment after it is made.
fn wait_for_policy(server: &ApiServer, refused: &Value) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        match operator(server, CREATE, refused)? {
            Some(why) if why.contains("writes only Secrets with the label") => return Ok(()),
            Some(why) => bail!("refused for another reason: {why}"),
            None => server.delete("/api/v1/namespaces/watched/secrets/plain")?,
        };
        ensure!(Instant::now() < deadline, "the policy refuses nothing");
        pause();
    }
}

#[test]
fn all_namespaces_and_nodes_take_cluster_roles_that_are_asked_for() -> Result<()> {
    let rendered = crate::chart::objects(&["--set", "watchAnyNamespace=true,nodes.read=true"])?;
    let Some(rendered) = rendered else { return Ok(()) };
    let names = |objects: &[Value]| -> Vec<String> {
        let bound = objects.iter().filter(|one| one["kind"] == "ClusterRoleBinding");
        // what runs after an uninstall has its own, which comes and goes with it
        let bound = bound.filter(|one| one["metadata"]["annotations"]["helm.sh/hook"].is_null());
        bound.filter_map(|one| one["roleRef"]["name"].as_str().map(str::to_owned)).collect()
    };
    let expected = ["kastellan-system-kastellan", "kastellan-system-kastellan-nodes"];
    ensure!(names(&rendered) == expected, "{:?}", names(&rendered));
    let plain = crate::chart::objects(&[])?.context("it could run a moment ago")?;
    let finalizers = ["kastellan-system-kastellan-finalizers"];
    ensure!(names(&plain) == finalizers, "{:?}", names(&plain));
    let least = crate::chart::objects(&["--set", "rbac.deletedNamespaces=false"])?;
    let least = least.context("it could run a moment ago")?;
    ensure!(names(&least).is_empty(), "{:?}", names(&least));
    ensure!(release(&plain).is_some_and(|name| name == RELEASE), "not the release's");
    Ok(())
}
