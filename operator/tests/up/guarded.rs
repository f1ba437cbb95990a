//! Clusters that let in only who is known: `up` itself needs no user there.

use crate::harness::{Folder, Process, free_port, topic};

/// A cluster `demo` whose one listener wants TLS and a login, with ACLs in force.
fn guarded(port: u16, brokers: i32) -> String {
    format!(
        "apiVersion: kastellan.dev/v1alpha1\nkind: KafkaCluster\nmetadata: {{name: demo}}\n\
         spec: {{replicas: {brokers}, authorization: {{}}, listeners: [{{name: tls, port: {port}, \
         tls: {{}}, authentication: {{type: SCRAM-SHA-512}}}}]}}\n---\n"
    )
}

#[test]
fn topics_are_made_where_nobody_is_let_in() {
    for brokers in [1, 2] {
        let folder = Folder::new();
        let text = guarded(free_port(), brokers) + &topic("orders", "partitions: 2");
        folder.write("demo.yaml", &text);
        let mut up = Process::start(&folder, &["up", "demo.yaml", "--data-dir", "data"]);
        up.ready();
        let trusted = std::fs::read_to_string(folder.path().join("data/demo/cluster-ca.crt"));
        assert!(trusted.unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        up.stop();
    }
}
