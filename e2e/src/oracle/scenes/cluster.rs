//! `ApiVersions`, `DescribeCluster`, Metadata, `FindCoordinator`.

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiVersionsRequest, DescribeClusterRequest, FindCoordinatorRequest, MetadataRequest,
};
use uuid::Uuid;

use super::{make, s, wanted};
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    versions(side);
    cluster(side);
    metadata(side);
    coordinator(side);
}

fn versions(side: &mut Side) {
    side.scene("versions");
    let named = |name: &str, version: &str| {
        ApiVersionsRequest::default()
            .with_client_software_name(s(name))
            .with_client_software_version(s(version))
    };
    for version in side.versions::<ApiVersionsRequest>() {
        side.ask(
            "asked",
            version,
            &if version < 3 { ApiVersionsRequest::default() } else { named("judge", "1.0") },
        );
        if version >= 3 {
            for (case, name, number) in [
                ("no-name", "", "1.0"),
                ("no-version", "judge", ""),
                ("bad-name", "-judge-", "1"),
                ("blank", "a b", "1"),
            ] {
                side.ask(case, version, &named(name, number));
            }
        }
    }
}

fn cluster(side: &mut Side) {
    side.scene("cluster");
    for version in side.versions::<DescribeClusterRequest>() {
        side.ask("asked", version, &DescribeClusterRequest::default());
        let with =
            DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
        side.ask("operations", version, &with);
        if version >= 1 {
            side.ask(
                "controllers",
                version,
                &DescribeClusterRequest::default().with_endpoint_type(2),
            );
            side.ask(
                "no-such-type",
                version,
                &DescribeClusterRequest::default().with_endpoint_type(9),
            );
        }
    }
}

fn metadata(side: &mut Side) {
    side.scene("metadata");
    let id = make(side, "md", 2, &[]);
    for version in side.versions::<MetadataRequest>() {
        let ask = |topics: Option<Vec<MetadataRequestTopic>>| {
            let request = MetadataRequest::default().with_topics(topics);
            // before version 4 every question may create the topic
            if version >= 4 { request.with_allow_auto_topic_creation(false) } else { request }
        };
        side.ask("one", version, &ask(Some(vec![wanted("md")])));
        side.ask("twice", version, &ask(Some(vec![wanted("md"), wanted("md")])));
        for (case, name) in [("dots", ".."), ("slash", "a/b"), ("empty", ""), ("blank", "a b")] {
            side.ask(case, version, &ask(Some(vec![wanted(name)])));
        }
        side.ask("long", version, &ask(Some(vec![wanted(&"x".repeat(250))])));
        if version >= 1 {
            side.ask("none", version, &ask(Some(vec![])));
        }
        if version >= 4 {
            side.ask("unknown", version, &ask(Some(vec![wanted("no-such-topic")])));
            side.ask("mixed", version, &ask(Some(vec![wanted("no-such-topic"), wanted("md")])));
        }
        if version >= 8 {
            let request =
                ask(Some(vec![wanted("md")])).with_include_topic_authorized_operations(true);
            side.ask("operations", version, &request);
        }
        if version >= 12 {
            let by_id =
                |id: Uuid| MetadataRequestTopic::default().with_name(None).with_topic_id(id);
            side.ask("by-id", version, &ask(Some(vec![by_id(id)])));
            side.ask("unknown-id", version, &ask(Some(vec![by_id(Uuid::from_u128(7))])));
            side.ask("zero-id", version, &ask(Some(vec![by_id(Uuid::nil())])));
        }
    }
}

fn coordinator(side: &mut Side) {
    side.scene("coordinator");
    super::coordinated(side, "co");
    for version in side.versions::<FindCoordinatorRequest>() {
        let ask = |key: &str| {
            let request = FindCoordinatorRequest::default();
            if version < 4 {
                request.with_key(s(key))
            } else {
                request.with_coordinator_keys(vec![s(key)])
            }
        };
        side.ask("group", version, &ask("co"));
        side.ask("empty", version, &ask(""));
        if version >= 1 {
            side.ask("no-such-type", version, &ask("co").with_key_type(9));
        }
        if version >= 4 {
            let two =
                FindCoordinatorRequest::default().with_coordinator_keys(vec![s("co"), s("other")]);
            side.ask("two", version, &two);
            side.ask("none", version, &FindCoordinatorRequest::default());
        }
    }
}
