//! From start to end: nothing is left behind, however it ends.

use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;

use crate::harness::{Folder, Process, Stranger, cluster, free_port, signal_to, topic};

#[test]
fn sigterm_ends_everything_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let port = free_port();
    folder.write("demo.yaml", &(cluster(port) + &topic("greetings", "partitions: 3")));
    let mut up = Process::up(&folder, "demo.yaml");
    assert_eq!(up.ready().to_string(), format!("127.0.0.1:{port}"));
    assert_eq!(folder.left_behind(), 1, "one temporary data directory");
    let children = up.children();
    assert_eq!(children.len(), 1);
    let broker = Stranger::new(children[0]);
    let said = up.stop();
    assert!(said.contains("KafkaTopic/greetings: Ready (AsSpecified): 3 partitions"), "{said}");
    assert!(said.contains("SIGTERM: stopping"), "{said}");
    assert!(said.ends_with("stopped"), "{said}");
    broker.wait_for_its_end();
    assert_eq!(folder.left_behind(), 0);
    TcpListener::bind(("127.0.0.1", port)).unwrap();
}

#[test]
fn a_killed_parent_takes_its_brokers_along() {
    let folder = Folder::new();
    folder.write("demo.yaml", &cluster(free_port()));
    let mut up = Process::up(&folder, "demo.yaml");
    up.ready();
    let broker = Stranger::new(up.children()[0]);
    up.signal(Signal::KILL);
    broker.wait_for_its_end();
}

#[test]
fn a_killed_broker_is_reported_and_started_anew() {
    let folder = Folder::new();
    folder.write("demo.yaml", &(cluster(free_port()) + &topic("greetings", "partitions: 3")));
    let mut up = Process::up(&folder, "demo.yaml");
    let address = up.ready();
    let before = up.children();
    signal_to(before[0], Signal::KILL);
    up.says("KafkaCluster/demo: Reconciling (BrokerDown): broker 0 has ended: signal: 9");
    up.says("KafkaCluster/demo: Ready");
    TcpStream::connect(address).unwrap();
    assert_ne!(up.children(), before);
    up.stop();
}

#[test]
fn three_brokers_are_one_cluster_and_come_back_to_it() {
    let folder = Folder::new();
    let spread: u16 = (25_000..30_000)
        .step_by(200)
        .find(|port| (0..3).all(|nth| is_free(port + 10 * nth) && is_free(port + 98 + 10 * nth)))
        .unwrap();
    let text = cluster(spread).replace("replicas: 1", "replicas: 3");
    folder.write("demo.yaml", &(text + &topic("greetings", "partitions: 3, replicas: 3")));
    let arguments = ["up", "demo.yaml", "--data-dir", "data"];
    for created in [true, false] {
        let mut up = Process::start(&folder, &arguments);
        up.ready();
        assert_eq!(up.children().len(), 3);
        if created {
            let before = up.children();
            signal_to(before[0], Signal::KILL);
            up.says("has ended: signal: 9");
            up.says("KafkaCluster/demo: Ready (AsSpecified): all brokers serve");
        }
        let said = up.stop();
        assert!(said.ends_with("stopped"), "{said}");
    }
    let folder = folder.path().join("data/demo");
    assert!(folder.join("bootstrap.json").is_file() && folder.join("broker-2").is_dir());
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[test]
fn a_data_directory_that_was_named_keeps_its_topics() {
    let folder = Folder::new();
    let text = cluster(free_port()) + &topic("greetings", "partitions: 3");
    folder.write("demo.yaml", &text);
    let arguments = ["up", "demo.yaml", "--data-dir", "data"];
    for expected in ["Reconciling (TopicCreating)", "Ready (AsSpecified): 3 partitions"] {
        let mut up = Process::start(&folder, &arguments);
        let said = up.says("KafkaTopic/greetings: Re");
        assert!(said.contains("ClusterNotReady"), "{said}");
        let said = up.says("KafkaTopic/greetings: Re");
        assert!(said.contains(expected), "{said}");
        up.ready();
        up.stop();
    }
    assert!(folder.path().join("data/demo/broker-0").is_dir());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = Folder::new();
    folder.write("demo.yaml", &cluster(free_port()));
    let mut up = Process::up(&folder, "demo.yaml");
    up.ready();
    // a broker that cannot answer the first one
    let child = up.children()[0];
    let broker = Stranger::new(child);
    signal_to(child, Signal::STOP);
    up.signal(Signal::INT);
    up.says("SIGINT: stopping");
    up.signal(Signal::INT);
    signal_to(child, Signal::CONT);
    let (status, ..) = up.end();
    assert_eq!(status.code(), Some(130));
    broker.wait_for_its_end();
}
