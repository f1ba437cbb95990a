//! Edits of the files while it runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use kastellan_operator::admin::{Admin, Described};

use crate::harness::{Folder, Process, cluster, free_port, topic};

/// Asks the cluster as any other client.
pub(crate) fn ask<T>(address: SocketAddr, question: impl AsyncFnOnce(&mut Admin) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let patience = Duration::from_secs(10);
        let mut admin = Admin::connect(&[address.to_string()], patience).await.unwrap();
        admin.metadata(Some(&[])).await.unwrap();
        question(&mut admin).await
    })
}

pub(crate) fn described(address: SocketAddr, topics: &[&str]) -> BTreeMap<String, Described> {
    let names: Vec<String> = topics.iter().map(|name| (*name).to_owned()).collect();
    ask(address, async |admin| admin.describe(&names).await.unwrap())
}

/// The partitions of those of the topics that exist.
pub(crate) fn partitions(address: SocketAddr, topics: &[&str]) -> BTreeMap<String, i32> {
    described(address, topics).into_iter().map(|(name, topic)| (name, topic.partitions)).collect()
}

fn expected(topics: &[(&str, i32)]) -> BTreeMap<String, i32> {
    topics.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn topics_are_created_extended_and_deleted_as_the_file_says() {
    let folder = Folder::new();
    let cluster = cluster(free_port());
    folder.write("demo.yaml", &(cluster.clone() + &topic("a", "partitions: 1")));
    let mut up = Process::up(&folder, "demo.yaml");
    let address = up.ready();
    assert_eq!(partitions(address, &["a", "b"]), expected(&[("a", 1)]));

    let kept = topic("b", "partitions: 1, deletionPolicy: Retain");
    folder.write("demo.yaml", &(cluster.clone() + &topic("a", "partitions: 4") + &kept));
    up.says("KafkaTopic/b: Ready");
    assert_eq!(partitions(address, &["a", "b"]), expected(&[("a", 4), ("b", 1)]));

    folder.write("demo.yaml", &cluster);
    up.says("KafkaTopic/b: no longer in the files; the topic b stays");
    up.says("KafkaTopic/a: gone");
    assert_eq!(partitions(address, &["a", "b"]), expected(&[("b", 1)]));
    up.stop();
}

#[test]
fn a_file_that_cannot_be_applied_changes_nothing_and_says_where() {
    let folder = Folder::new();
    let cluster = cluster(free_port());
    let good = cluster.clone() + &topic("a", "partitions: 1");
    folder.write("demo.yaml", &good);
    let mut up = Process::up(&folder, "demo.yaml");
    let address = up.ready();

    folder.write("demo.yaml", &(cluster.clone() + "metadata: {name: a\n"));
    up.says("demo.yaml:6:11: unclosed bracket");
    up.says("nothing was changed: the cluster runs on as before");
    folder.write("demo.yaml", &topic("a", "partitions: 1"));
    up.says("the files have no KafkaCluster");
    folder.write("demo.yaml", &cluster.replace("demo", "other"));
    up.says("demo.yaml:1:1: KafkaCluster other in the place of demo");
    assert_eq!(partitions(address, &["a"]), expected(&[("a", 1)]));

    folder.write("demo.yaml", &good.replace("partitions: 1", "partitions: 2"));
    up.says("KafkaTopic/a: Ready (AsSpecified): 2 partitions");
    up.stop();
}

#[test]
fn fewer_partitions_are_refused_in_words_and_an_edit_mends_it() {
    let folder = Folder::new();
    let cluster = cluster(free_port());
    folder.write("demo.yaml", &(cluster.clone() + &topic("a", "partitions: 3")));
    let mut up = Process::up(&folder, "demo.yaml");
    up.ready();
    folder.write("demo.yaml", &(cluster.clone() + &topic("a", "partitions: 2")));
    let said = up.says("KafkaTopic/a: Stalled (PartitionsCannotShrink): demo.yaml:6:1: ");
    assert!(said.contains("the topic has 3 partitions and partitions cannot be removed"), "{said}");
    folder.write("demo.yaml", &(cluster + &topic("a", "partitions: 3")));
    up.says("KafkaTopic/a: Ready");
    up.stop();
}

#[test]
fn a_user_without_a_login_has_quotas() {
    let folder = Folder::new();
    let user = "apiVersion: kastellan.dev/v1alpha1\nkind: KafkaUser\nmetadata: {name: rider}\n\
                spec: {clusterRef: {name: demo}, quotas: {producerByteRate: 1Mi}}\n";
    folder.write("demo.yaml", &(cluster(free_port()) + user));
    let mut up = Process::up(&folder, "demo.yaml");
    up.ready();
    assert!(up.stop().contains("KafkaUser/rider: Ready (AsSpecified): brokers know what the"));
}

#[test]
fn a_new_port_moves_the_broker() {
    let folder = Folder::new();
    let (one, two) = (free_port(), free_port());
    folder.write("demo.yaml", &(cluster(one) + &topic("a", "partitions: 1")));
    let mut up = Process::up(&folder, "demo.yaml");
    up.ready();
    folder.write("demo.yaml", &(cluster(two) + &topic("a", "partitions: 1")));
    up.says("KafkaCluster/demo: Reconciling (BrokersRestarting)");
    up.says("KafkaCluster/demo: Ready");
    up.says("KafkaTopic/a: Ready");
    let address = SocketAddr::from(([127, 0, 0, 1], two));
    assert_eq!(partitions(address, &["a"]), expected(&[("a", 1)]));
    up.stop();
}

#[test]
fn a_directory_is_all_its_manifests_and_a_file_may_be_put_in_the_place_of_another() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("all")).unwrap();
    folder.write("all/cluster.yaml", &cluster(free_port()));
    folder.write("all/notes.txt", "not: {a manifest");
    let mut up = Process::up(&folder, "all");
    let address = up.ready();
    folder.write("all/.topics.yaml.swp", &topic("a", "partitions: 2"));
    std::fs::rename(
        folder.path().join("all/.topics.yaml.swp"),
        folder.path().join("all/topics.yaml"),
    )
    .unwrap();
    up.says("KafkaTopic/a: Ready");
    assert_eq!(partitions(address, &["a"]), expected(&[("a", 2)]));
    std::fs::remove_file(folder.path().join("all/topics.yaml")).unwrap();
    up.says("KafkaTopic/a: gone");
    up.stop();
}
