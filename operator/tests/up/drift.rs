//! Settings that change: by the files, and by others.

use std::collections::BTreeMap;

use kastellan_operator::admin::{NewTopic, TOPIC};

use crate::edits::{ask, described, partitions};
use crate::harness::{Folder, Process, cluster, free_port, topic};

fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn settings_of_a_topic_follow_the_file_and_go_back_to_their_defaults_with_it() {
    let folder = Folder::new();
    let cluster = cluster(free_port());
    let spec = |config: &str| cluster.clone() + &topic("a", &format!("partitions: 1{config}"));
    folder.write("demo.yaml", &spec(", config: {retention.ms: 60000, segment.ms: 30000}"));
    let mut up = Process::up(&folder, "demo.yaml");
    let address = up.ready();
    folder.write("demo.yaml", &spec(", config: {retention.ms: 70000}"));
    up.says(
        "KafkaTopic/a: Reconciling (ConfigUpdating): retention.ms from 60000 to 70000; \
         segment.ms from 30000 to its default",
    );
    up.says("KafkaTopic/a: Ready");
    assert_eq!(described(address, &["a"])["a"].config, config(&[("retention.ms", "70000")]));
    folder.write("demo.yaml", &spec(""));
    up.says("KafkaTopic/a: Reconciling (ConfigUpdating): retention.ms from 70000 to its default");
    up.says("KafkaTopic/a: Ready");
    assert_eq!(described(address, &["a"])["a"].config, config(&[]));
    up.stop();
}

#[test]
fn what_another_client_changes_is_put_back_and_its_own_topics_are_left_alone() {
    let folder = Folder::new();
    let spec = topic("a", "partitions: 2, config: {retention.ms: 60000}");
    folder.write("demo.yaml", &(cluster(free_port()) + &spec));
    let mut up = Process::up(&folder, "demo.yaml");
    let address = up.ready();
    let own = NewTopic { name: "own".to_owned(), partitions: Some(1), ..NewTopic::default() };
    ask(address, async |admin| admin.create(&[own], false).await.unwrap());

    let set = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let changes = vec![set("retention.ms", Some("5")), set("segment.ms", Some("9"))];
    let changes = BTreeMap::from([("a".to_owned(), changes)]);
    ask(address, async |admin| admin.alter(TOPIC, &changes, false).await.unwrap());
    up.says(
        "KafkaTopic/a: Reconciling (DriftReverting): another client has set retention.ms to 5: \
         back to 60000; another client has set segment.ms to 9: back to its default",
    );
    up.says("KafkaTopic/a: Ready");
    assert_eq!(described(address, &["a"])["a"].config, config(&[("retention.ms", "60000")]));

    ask(address, async |admin| admin.delete(&["a".to_owned()]).await.unwrap());
    up.says("KafkaTopic/a: Reconciling (DriftReverting): another client has deleted the topic");
    up.says("KafkaTopic/a: Ready");
    assert_eq!(partitions(address, &["a", "own"]).len(), 2);
    up.stop();
}

#[test]
fn a_brokers_settings_change_without_a_restart_where_they_can() {
    let folder = Folder::new();
    let cluster = cluster(free_port());
    let spec =
        |config: &str| cluster.replace("spec: {", &format!("spec: {{config: {{{config}}}, "));
    folder.write("demo.yaml", &cluster);
    let mut up = Process::up(&folder, "demo.yaml");
    up.ready();
    let before = up.children();
    folder.write("demo.yaml", &spec("log.retention.ms: 60000"));
    up.says(
        "KafkaCluster/demo: Reconciling (ConfigUpdating): broker 0, without a restart: \
         log.retention.ms to 60000",
    );
    up.says("KafkaCluster/demo: Ready");
    assert_eq!(up.children(), before);

    folder.write("demo.yaml", &spec("log.retention.ms: 60000, socket.listen.backlog.size: 70"));
    up.says(
        "KafkaCluster/demo: Reconciling (BrokersRestarting): 1 of 1 brokers to restart: broker 0 \
         for socket.listen.backlog.size",
    );
    up.says("KafkaCluster/demo: Ready");
    assert_ne!(up.children(), before);
    up.stop();
}
