//! What the programs of the local cluster read at their start.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::layout::{CONTROL, STATE, node, pods};

/// How to reach the API server as `user`, whose certificate is in `pki/`. The paths are relative,
/// so the file is good inside and outside of the cluster's namespaces.
pub(super) fn kubeconfig(user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: local\n\
         clusters: [{{name: local, cluster: {{server: \"https://{CONTROL}:6443\", \
         certificate-authority: pki/ca.crt}}}}]\n\
         users: [{{name: {user}, user: {{client-certificate: pki/{user}.crt, \
         client-key: pki/{user}.key}}}}]\n\
         contexts: [{{name: local, context: {{cluster: local, user: {user}}}}}]\n"
    )
}

/// What the API server writes down: who changed what, service accounts only, so that a test can
/// count the writes of an operator.
pub(super) const AUDIT: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: [\"system:serviceaccounts\"]
  verbs: [create, update, patch, delete, deletecollection]
  omitManagedFields: true
- level: None
";

/// The storage classes of `cloud` (see e2e/kubernetes).
pub(super) const CLASSES: &str = "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}
provisioner: kastellan.dev/directories
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
reclaimPolicy: Delete
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: retained}
provisioner: kastellan.dev/directories
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
reclaimPolicy: Retain
";

/// The name server's.
pub(super) fn corefile() -> String {
    format!(
        ".:53 {{\n  bind {CONTROL}\n  errors\n  kubernetes cluster.local in-addr.arpa {{\n    \
         kubeconfig {STATE}/kubeconfig\n    pods verified\n    ttl 1\n  }}\n  cache 1\n}}\n"
    )
}

/// Writes the files of a node into its folder.
pub(super) fn write(state: &Path, number: u8, cgroup: &str) -> Result<()> {
    let name = node(number).name;
    let folder = state.join(&name);
    fs::create_dir_all(folder.join("cni"))?;
    fs::write(folder.join("cni/10-pods.conflist"), network(number))?;
    fs::write(folder.join("containerd.toml"), containerd(&name))?;
    fs::write(folder.join("kubelet.yaml"), kubelet(&name, cgroup))?;
    fs::write(folder.join("proxy.yaml"), proxy(&name))?;
    Ok(())
}

/// Each pod has a link of its own to its node (`ptp`): on a bridge, answers of a neighbour would
/// pass by the node's address translation.
fn network(number: u8) -> String {
    let (name, pods) = (node(number).name, pods(number));
    format!(
        r#"{{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {{"type": "ptp", "ipMasq": false,
    "ipam": {{"type": "host-local", "dataDir": "{STATE}/{name}/ipam",
      "ranges": [[{{"subnet": "{pods}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}]}}
"#
    )
}

/// `restrict_oom_score_adj`: root in a container may not lower it, and runc dies of the attempt.
/// The plugin `opt` would make a folder in /opt.
fn containerd(name: &str) -> String {
    format!(
        r#"version = 2
root = "{STATE}/{name}/containerd"
state = "/run/containerd-{name}"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{STATE}/{name}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{STATE}/{name}/cni"
"#
    )
}

fn kubelet(name: &str, cgroup: &str) -> String {
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: {STATE}/pki/ca.crt}}
authorization: {{mode: Webhook}}
cgroupDriver: cgroupfs
cgroupRoot: /{cgroup}
failSwapOn: false
failCgroupV1: false
clusterDNS: [{CONTROL}]
clusterDomain: cluster.local
resolvConf: /dev/null
containerRuntimeEndpoint: unix://{STATE}/{name}/containerd.sock
podLogsDir: {STATE}/{name}/pods-logs
volumePluginDir: {STATE}/{name}/plugins
localStorageCapacityIsolation: false
nodeStatusUpdateFrequency: 3s
syncFrequency: 10s
# a changed Secret or ConfigMap is seen at once
configMapAndSecretChangeDetectionStrategy: Watch
registryPullQPS: 0
serializeImagePulls: false
# images are imported once and pulled from nowhere: none may go because the machine's disk fills
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard:
  nodefs.available: 1%
  imagefs.available: 1%
  nodefs.inodesFree: 1%
  memory.available: 100Mi
"
    )
}

fn proxy(name: &str) -> String {
    format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clientConnection: {{kubeconfig: {STATE}/proxy.kubeconfig}}
clusterCIDR: 10.244.0.0/16
hostnameOverride: {name}
# the machine's own settings of connection tracking stay as they are
conntrack: {{maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
iptables: {{minSyncPeriod: 100ms}}
"
    )
}
