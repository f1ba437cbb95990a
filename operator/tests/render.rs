//! What a cluster is made of, object by object, as it would be applied: a change of theirs is seen
//! in review. A change in a `StatefulSet` of a version that is out restarts brokers when nobody
//! asked.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kastellan_crds::KafkaCluster;
use kastellan_operator::kubernetes::cluster::parse;
use kastellan_operator::kubernetes::object::Object;
use kastellan_operator::kubernetes::render::{self, Cluster, Identity};
use serde_json::json;

const UPDATE: &str = "KASTELLAN_UPDATE=1 cargo test -p kastellan-operator --test render";

fn cluster(spec: &serde_json::Value) -> Cluster {
    let object: KafkaCluster = serde_json::from_value(json!({
        "apiVersion": "kastellan.dev/v1alpha1",
        "kind": "KafkaCluster",
        "metadata": { "name": "demo", "namespace": "kafka", "uid": "0-1-2" },
        "spec": spec,
    }))
    .unwrap();
    let parsed = parse::cluster(&object).unwrap();
    Cluster {
        name: "demo".to_owned(),
        namespace: "kafka".to_owned(),
        uid: "0-1-2".to_owned(),
        settings: parsed.fleet.brokers.first().unwrap().settings.clone(),
        listeners: parsed.listeners,
        spec: object.spec,
        identity: Identity {
            cluster_id: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            version: "0.1".to_owned(),
            image: "kastellan:0.1".to_owned(),
            formatted: BTreeSet::from([0]),
            brokers: (0..parsed.replicas).filter(|_| parsed.replicas > 1).collect(),
            claimed: BTreeSet::new(),
            elected_by: BTreeSet::new(),
            removed: BTreeSet::new(),
            seated: BTreeMap::new(),
        },
        restart: None,
        pull_secrets: vec!["registry".to_owned()],
    }
}

fn objects(cluster: &Cluster) -> Vec<Object> {
    let ports: Vec<(String, u16)> =
        cluster.node_ports().map(|listener| (listener.name.to_string(), 30_000)).collect();
    let mut objects = vec![render::identity(cluster), render::config_map(cluster, 0)];
    let ids: Vec<i32> = cluster.identity.brokers.iter().copied().collect();
    objects.extend(render::services(cluster, if ids.is_empty() { &[0] } else { &ids }));
    objects.extend(render::shared(cluster));
    if render::persistent(cluster) {
        let volumes = render::volumes(cluster);
        objects.extend(volumes.iter().map(|volume| render::claim(cluster, 0, volume, None)));
    }
    if cluster.identity.voters().contains(&0) {
        objects.push(render::directory(cluster, 0));
    }
    objects.push(render::stateful_set(cluster, 0, &ports).object);
    objects
}

fn same(case: &str, spec: &serde_json::Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case);
    let update = std::env::var_os("KASTELLAN_UPDATE").is_some();
    let mut expected = BTreeSet::new();
    for object in objects(&cluster(spec)) {
        // the hash in its name would give the file another one with every change
        let name = object.name.strip_prefix("demo-0-").filter(|rest| rest.len() == 10);
        let name = name.map_or(object.name.as_str(), |_| "demo-0-settings");
        let file = folder.join(format!("{}-{name}.yaml", object.kind.name()));
        let now = serde_saphyr::to_string(&object.body).unwrap();
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &now).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == now, "{} is stale; it says now:\n{now}\n{UPDATE}", file.display());
        expected.insert(file);
    }
    let found: BTreeSet<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, expected, "files that no object stands for");
}

#[test]
fn the_smallest_cluster() {
    same("small", &json!({ "replicas": 1 }));
}

#[test]
fn a_cluster_that_does_not_say_how_large() {
    same("three", &json!({}));
}

#[test]
fn a_cluster_with_everything_that_is_carried_out() {
    let spec = json!({
        "version": "0.1",
        "replicas": 1,
        "image": "registry.example/kastellan@sha256:00",
        "config": { "offsets.topic.num.partitions": 7, "log.retention.hours": 72 },
        "storage": {
            "size": "1Gi",
            "storageClassName": "fast",
            "deletionPolicy": "Delete",
            "volumes": [{ "name": "a" }, { "name": "b", "size": "2Gi" }],
            "metadataVolume": "b",
        },
        "listeners": [
            {
                "name": "plain",
                "port": 9092,
                "service": { "annotations": { "example.org/a": "b" }, "labels": { "c": "d" } },
                "networkPeers": [{ "podSelector": { "matchLabels": { "app": "rider" } } }],
            },
            {
                "name": "out",
                "port": 9094,
                "type": "NodePort",
                "nodePort": { "bootstrapPort": 31_000, "firstPort": 31_001 },
            },
        ],
        "resources": {
            "requests": { "cpu": "500m", "memory": "1Gi" },
            "limits": { "memory": "1Gi" },
        },
        "template": {
            "labels": { "team": "riders" },
            "annotations": { "example.org/scrape": "true" },
            "nodeSelector": { "disk": "fast" },
            "tolerations": [{ "key": "kafka", "operator": "Exists" }],
            "affinity": { "nodeAffinity": {} },
            "topologySpreadConstraints": [{
                "topologyKey": "topology.kubernetes.io/zone",
                "maxSkew": 1,
                "whenUnsatisfiable": "DoNotSchedule",
            }],
            "priorityClassName": "high",
            "imagePullSecrets": ["mine"],
            "imagePullPolicy": "IfNotPresent",
            "terminationGracePeriodSeconds": 60,
        },
    });
    same("large", &spec);
}

#[test]
fn a_cluster_that_lets_in_only_who_is_known() {
    let spec = json!({
        "replicas": 1,
        "listeners": [
            { "name": "tls", "port": 9093, "tls": {}, "authentication": { "type": "SCRAM-SHA-512" } },
            {
                "name": "out",
                "port": 9094,
                "type": "NodePort",
                "tls": { "secretName": "mine", "minVersion": "1.3" },
                "authentication": {
                    "type": "TLS",
                    "principalMappingRules": ["RULE:^CN=(.*)$/$1/", "DEFAULT"],
                },
            },
        ],
        "authorization": { "superUsers": ["User:admin"] },
    });
    same("guarded", &spec);
}

#[test]
fn a_cluster_that_believes_an_identity_provider() {
    let spec = json!({
        "replicas": 1,
        "listeners": [{
            "name": "tokens",
            "port": 9093,
            "tls": {},
            "authentication": {
                "type": "OAUTHBEARER",
                "oauth": {
                    "jwksUrl": "https://id.example.org/keys",
                    "issuer": "https://id.example.org",
                    "audience": "kafka",
                    "userClaim": "preferred_username",
                    "trustedCertificates": "-----BEGIN CERTIFICATE-----\nAA==\n",
                },
            },
        }],
    });
    same("tokens", &spec);
}

#[test]
fn a_cluster_for_trying_things_out() {
    same("ephemeral", &json!({ "replicas": 1, "storage": { "type": "Ephemeral" } }));
}
