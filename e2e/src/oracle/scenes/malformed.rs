//! Bytes that are no requests: cut, overlong, lying about counts, not Kafka at all.

use bytes::{BufMut as _, BytesMut};
use kafka_protocol::messages as m;
use kafka_protocol::protocol::Request;

use super::groups::{beat, join, leave, sync};
use super::{g, new_topic, produce, s, t, wanted};
use crate::batch::Batch;
use crate::oracle::side::Side;
use crate::wire;

pub(super) fn play(side: &mut Side) {
    frames(side);
    bodies(side);
    other_bodies(side);
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let size = i32::try_from(frame.len()).unwrap_or(i32::MAX);
    [&size.to_be_bytes()[..], frame].concat()
}

/// Below any API.
fn frames(side: &mut Side) {
    side.scene("frame");
    let header = |api: i16, version: i16| {
        let mut bytes = BytesMut::new();
        bytes.put_i16(api);
        bytes.put_i16(version);
        bytes.put_i32(1);
        bytes.put_i16(-1);
        bytes.to_vec()
    };
    for (case, bytes) in [
        ("negative-size", (-1_i32).to_be_bytes().to_vec()),
        ("huge-size", i32::MAX.to_be_bytes().to_vec()),
        ("zero-size", vec![0; 4]),
        ("one-byte", framed(&[0])),
        ("unknown-api", framed(&header(999, 0))),
        ("negative-api", framed(&header(-1, 0))),
        ("negative-version", framed(&header(3, -1))),
        ("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("tls", [&[0x16, 3, 1, 0, 200, 1, 0, 0][..], &[7; 192]].concat()),
        ("no-correlation", framed(&[0, 3, 0, 1, 0])),
        ("client-id-cut", framed(&[0, 3, 0, 1, 0, 0, 0, 1, 0, 9, b'a'])),
        ("client-id-not-utf8", framed(&[0, 3, 0, 1, 0, 0, 0, 1, 0, 2, 0xff, 0xfe, 0, 0, 0, 0])),
    ] {
        side.hostile(case, "-", 0, &bytes);
    }
}

/// The body of a request of every API, at every version, damaged.
fn bodies(side: &mut Side) {
    side.scene("body");
    damage(side, |_| {
        m::ApiVersionsRequest::default()
            .with_client_software_name(s("a"))
            .with_client_software_version(s("1"))
    });
    damage(side, |_| m::MetadataRequest::default().with_topics(Some(vec![wanted("damaged")])));
    let records = Batch::of(side.now, &["a"]).encode();
    damage(side, |version| {
        produce(version, ("damaged", uuid::Uuid::from_u128(9)), 0, Some(records.clone()))
    });
    damage(side, |version| {
        let part = m::fetch_request::FetchPartition::default();
        let topic = m::fetch_request::FetchTopic::default().with_partitions(vec![part]);
        let topic = if version >= 13 { topic } else { topic.with_topic(t("damaged")) };
        m::FetchRequest::default().with_topics(vec![topic])
    });
    damage(side, |_| {
        let part = m::list_offsets_request::ListOffsetsPartition::default();
        let topic = m::list_offsets_request::ListOffsetsTopic::default()
            .with_name(t("damaged"))
            .with_partitions(vec![part]);
        m::ListOffsetsRequest::default().with_topics(vec![topic])
    });
    damage(side, |_| {
        let part = m::offset_commit_request::OffsetCommitRequestPartition::default();
        let topic = m::offset_commit_request::OffsetCommitRequestTopic::default()
            .with_name(t("damaged"))
            .with_partitions(vec![part]);
        m::OffsetCommitRequest::default().with_group_id(g("damaged")).with_topics(vec![topic])
    });
    damage(side, |version| {
        if version < 8 {
            let topic = m::offset_fetch_request::OffsetFetchRequestTopic::default()
                .with_name(t("damaged"))
                .with_partition_indexes(vec![0]);
            return m::OffsetFetchRequest::default()
                .with_group_id(g("damaged"))
                .with_topics(Some(vec![topic]));
        }
        let group =
            m::offset_fetch_request::OffsetFetchRequestGroup::default().with_group_id(g("damaged"));
        m::OffsetFetchRequest::default().with_groups(vec![group])
    });
    damage(side, |version| {
        let request = m::FindCoordinatorRequest::default();
        if version < 4 {
            request.with_key(s("damaged"))
        } else {
            request.with_coordinator_keys(vec![s("damaged")])
        }
    });
}

/// The same for groups and administration.
fn other_bodies(side: &mut Side) {
    let none = s("");
    damage(side, |version| join(version, "damaged", &none));
    damage(side, |version| sync(version, "damaged", 1, &s("x"), &[s("x")]));
    damage(side, |_| beat("damaged", 1, &s("x")));
    damage(side, |version| leave(version, "damaged", &s("x")));
    damage(side, |_| m::DescribeGroupsRequest::default().with_groups(vec![g("damaged")]));
    damage(side, |version| {
        let request = m::ListGroupsRequest::default();
        if version >= 4 { request.with_states_filter(vec![s("Stable")]) } else { request }
    });
    damage(side, |_| m::CreateTopicsRequest::default().with_topics(vec![new_topic("a/b", 1)]));
    damage(side, |version| {
        let request = m::DeleteTopicsRequest::default();
        if version < 6 {
            return request.with_topic_names(vec![t("damaged")]);
        }
        let state =
            m::delete_topics_request::DeleteTopicState::default().with_name(Some(t("damaged")));
        request.with_topics(vec![state])
    });
    damage(side, |_| {
        m::InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(1000)
    });
    damage(side, |_| {
        let resource = m::describe_configs_request::DescribeConfigsResource::default()
            .with_resource_name(s("damaged"));
        m::DescribeConfigsRequest::default().with_resources(vec![resource])
    });
    damage(side, |_| {
        let topic =
            m::create_partitions_request::CreatePartitionsTopic::default().with_name(t("damaged"));
        m::CreatePartitionsRequest::default().with_topics(vec![topic])
    });
    damage(side, |_| m::DescribeClusterRequest::default());
}

/// Requests of an API whose body is damaged, at every version.
pub(super) fn damage<R: Request>(side: &mut Side, request: impl Fn(i16) -> R) {
    let api =
        m::ApiKey::try_from(R::KEY).map_or_else(|()| R::KEY.to_string(), |api| format!("{api:?}"));
    for version in side.versions::<R>() {
        let (Ok(header), Ok(whole)) =
            (wire::header::<R>(version, 1), wire::frame(version, 1, &request(version)))
        else {
            side.hostile("not-encodable", &api, version, &[]);
            continue;
        };
        let body = whole.len() - header.len();
        if body > 0 {
            for (case, cut) in
                [("cut-by-one", 1), ("cut-in-half", body - body / 2), ("no-body", body)]
            {
                let left = whole.len() - cut;
                let left: Vec<u8> = whole.iter().take(left).copied().collect();
                side.hostile(case, &api, version, &framed(&left));
            }
        }
        let trailing = [whole.as_slice(), &[0, 0, 0]].concat();
        side.hostile("trailing", &api, version, &framed(&trailing));
        // whatever the version reads first, a count among it says two thousand million
        let bomb = [header.to_vec(), [0x7f, 0xff, 0xff, 0xff].repeat(8)].concat();
        side.hostile("bomb", &api, version, &framed(&bomb));
        let compact = [header.to_vec(), [0xff, 0xff, 0xff, 0xff, 0x07].repeat(8)].concat();
        side.hostile("compact-bomb", &api, version, &framed(&compact));
    }
}
