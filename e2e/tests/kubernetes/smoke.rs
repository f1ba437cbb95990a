//! The cluster and the image by themselves, without an operator: a broker in a pod, its Service,
//! its volume.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, ensure};
use kastellan_e2e::cluster::{LIMIT, Namespace, fault, say, scenario, until};
use serde_json::{Value, json};

const BROKER: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: broker}
spec: {selector: {app: broker}, ports: [{port: 9092}]}
---
apiVersion: v1
kind: Pod
metadata: {name: broker, labels: {app: broker}}
spec:
  securityContext: {runAsNonRoot: true, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: broker
    image: IMAGE
    imagePullPolicy: Never
    args: [broker, --node-id=0, --data-dir=/data/log, "--listener=plain=0.0.0.0:9092,advertised=broker:9092"]
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    readinessProbe: {tcpSocket: {port: 9092}, periodSeconds: 1}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"#;

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_broker_in_a_pod_serves_a_client_in_another_and_keeps_its_data() -> Result<()> {
    scenario("smoke", |namespace| {
        let manifest = BROKER.replace("IMAGE", &namespace.cluster.image);
        namespace.applied(&manifest)?;
        namespace.wait("pods", "broker", "to be ready", ready)?;
        let client = namespace.client()?;
        client.produce("broker:9092", "greetings", "one\ntwo\n")?;
        ensure!(client.consume("broker:9092", "greetings")? == "one\ntwo\n");
        namespace.remove("pods", "broker")?;
        namespace.gone("pods", "broker", LIMIT)?;
        namespace.applied(&manifest)?;
        namespace.wait("pods", "broker", "to be ready", ready)?;
        ensure!(client.consume("broker:9092", "greetings")? == "one\ntwo\n", "data lost");
        Ok(())
    })
}

const BALANCED: &str = "
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, selector: {app: broker}, ports: [{port: 9092}]}
";

/// What other clusters may not have, and ours does: volumes that grow, and addresses of load
/// balancers that lead somewhere.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn the_local_cloud_grows_volumes_and_balances_load() -> Result<()> {
    scenario("cloud", |namespace| {
        if namespace.cluster.provider().name() != "local" {
            return say("SKIPPED cloud: it is about the provider `local`");
        }
        let manifest = BROKER.replace("IMAGE", &namespace.cluster.image);
        namespace.applied(&format!("{manifest}---{BALANCED}"))?;
        let service = namespace.wait("services", "balanced", "its address", |service| {
            !service["status"]["loadBalancer"]["ingress"][0]["ip"].is_null()
        })?;
        let address = service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str();
        let address = format!("{}:9092", address.unwrap_or_default()).parse()?;
        let answers = || Ok(TcpStream::connect_timeout(&address, SECOND).ok());
        until("an answer of the load balancer", LIMIT, answers)?;

        let grown = json!({ "spec": { "resources": { "requests": { "storage": "2Gi" } } } });
        namespace.merge("persistentvolumeclaims", "data", &grown)?;
        namespace.wait("persistentvolumeclaims", "data", "to have grown", |claim| {
            claim["status"]["capacity"]["storage"] == "2Gi"
        })?;
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_node_that_hangs_is_lost_and_comes_back_with_its_pods() -> Result<()> {
    fault("hang", |namespace| {
        namespace.applied(&BROKER.replace("IMAGE", &namespace.cluster.image))?;
        let pod = namespace.wait("pods", "broker", "to be ready", ready)?;
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned();
        let container = pod["status"]["containerStatuses"][0]["containerID"].clone();
        lose(namespace, &node)?;
        // the same process goes on
        let pod = namespace.wait("pods", "broker", "to be ready again", ready)?;
        ensure!(pod["status"]["containerStatuses"][0]["containerID"] == container, "{pod:#}");
        let client = namespace.client()?;
        client.produce("broker:9092", "greetings", "one\n")
    })
}

/// Stops a node until Kubernetes has seen that it is gone, and waits until it is back.
pub(crate) fn lose(namespace: &Namespace<'_>, node: &str) -> Result<()> {
    let becomes = |status: &str| {
        until(&format!("{node} to be Ready={status}"), LIMIT, || {
            let object = namespace.cluster.api.get(&format!("/api/v1/nodes/{node}"))?.body;
            let list = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is = list.iter().any(|one| one["type"] == "Ready" && one["status"] == status);
            Ok(is.then_some(()))
        })
    };
    let nodes = namespace.cluster.provider();
    nodes.stop(node)?;
    let lost = becomes("Unknown");
    // whatever happened, the node is the others' too
    nodes.start(node)?;
    lost?;
    becomes("True")
}

fn ready(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["ready"] == true
        && pod["status"]["conditions"].as_array().is_some_and(|conditions| {
            conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
        })
}

const SECOND: Duration = Duration::from_secs(1);
