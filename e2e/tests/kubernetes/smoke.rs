//! The cluster and the image by themselves, without an operator: a broker in a pod, its Service,
//! its volume.

use anyhow::{Result, ensure};
use kastellan_e2e::cluster::{LIMIT, scenario};

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
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, selector: {app: broker}, ports: [{port: 9092}]}
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
fn a_broker_in_a_pod_serves_a_client_in_another_and_keeps_its_data() -> Result<()> {
    scenario("smoke", |namespace| {
        let manifest = BROKER.replace("IMAGE", &namespace.cluster.image);
        namespace.applied(&manifest)?;
        let ready =
            |pod: &serde_json::Value| pod["status"]["containerStatuses"][0]["ready"] == true;
        namespace.wait("pods", "broker", "to be ready", ready)?;
        let client = namespace.client()?;
        client.produce("broker:9092", "greetings", "one\ntwo\n")?;
        ensure!(client.consume("broker:9092", "greetings")? == "one\ntwo\n");
        let has_address = |service: &serde_json::Value| {
            !service["status"]["loadBalancer"]["ingress"][0]["ip"].is_null()
        };
        namespace.wait("services", "balanced", "its address", has_address)?;

        namespace.remove("pods", "broker")?;
        namespace.gone("pods", "broker", LIMIT)?;
        namespace.applied(&manifest)?;
        namespace.wait("pods", "broker", "to be ready", ready)?;
        ensure!(client.consume("broker:9092", "greetings")? == "one\ntwo\n", "data lost");

        let grown =
            serde_json::json!({ "spec": { "resources": { "requests": { "storage": "2Gi" } } } });
        namespace.merge("persistentvolumeclaims", "data", &grown)?;
        namespace.wait("persistentvolumeclaims", "data", "to have grown", |claim| {
            claim["status"]["capacity"]["storage"] == "2Gi"
        })?;
        Ok(())
    })
}
