//! What is said when it does not work: what, where, and what to do.

use std::net::TcpListener;

use crate::harness::{Folder, Process, cluster, free_port, topic};

/// Runs `up` on one file to its end, which must come by itself; what it said.
fn refused(text: &str) -> String {
    let folder = Folder::new();
    folder.write("demo.yaml", text);
    let (status, stdout, stderr) = Process::up(&folder, "demo.yaml").end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert_eq!(stdout, "");
    assert_eq!(folder.left_behind(), 0);
    stderr
}

#[test]
fn a_busy_port_is_named_with_the_way_out() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let said = refused(&cluster(port));
    let expected = format!(
        "error: broker 0 did not start: listener plain: port {port} of 127.0.0.1 is in use\n  \
         help: stop what listens there"
    );
    assert!(said.contains(&expected), "{said}");
    assert!(said.contains("`port` of the KafkaCluster's listener"), "{said}");
}

#[test]
fn an_unknown_field_is_named_with_the_nearest_known_one() {
    let said = refused(&(cluster(1) + &topic("orders", "partition: 3")));
    assert_eq!(
        said,
        "error: demo.yaml:9:34: KafkaTopic: unknown field \"partition\"\n  \
         help: did you mean \"partitions\"?"
    );
}

#[test]
fn a_wrong_type_is_named_with_what_was_wanted() {
    let said = refused(&(cluster(1) + &topic("orders", "partitions: three")));
    assert_eq!(
        said,
        "error: demo.yaml:9:46: KafkaTopic: spec.partitions: \"three\" is not a whole number"
    );
}

#[test]
fn a_second_cluster_of_the_same_name_is_refused_with_both_places() {
    let said = refused(&(cluster(1) + &cluster(2)));
    assert_eq!(
        said,
        "error: demo.yaml:8:18: a second KafkaCluster named demo; the first is at demo.yaml:3:18\n  \
         help: give it another name, or take one of the two out"
    );
}

#[test]
fn more_brokers_than_can_be_run_are_refused_and_not_faked() {
    let said = refused(&cluster(1).replace("replicas: 1", "replicas: 30"));
    assert!(
        said.contains("spec.replicas: 30 is not a number of brokers for one machine"),
        "{said}"
    );
}

#[test]
fn every_problem_is_reported_at_once() {
    let said = refused(&(cluster(1) + &topic("a", "x: 1") + &topic("b", "y: 1")));
    assert_eq!(said.matches("error: demo.yaml:").count(), 2, "{said}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new();
    let (status, _, stderr) = Process::up(&folder, "nowhere.yaml").end();
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("error: read nowhere.yaml: No such file"), "{stderr}");
}

#[test]
fn a_data_directory_in_use_is_refused() {
    let folder = Folder::new();
    folder.write("a.yaml", &cluster(free_port()));
    folder.write("b.yaml", &cluster(free_port()));
    let mut first = Process::start(&folder, &["up", "a.yaml", "--data-dir", "data"]);
    first.ready();
    let (status, _, said) = Process::start(&folder, &["up", "b.yaml", "--data-dir", "data"]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("error: broker 0 did not start: "), "{said}");
    assert!(said.contains("data/demo/broker-0 is in use by another process: stop it"), "{said}");
    first.stop();
}
