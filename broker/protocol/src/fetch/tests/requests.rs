//! Requests: as `kafka-protocol` writes them, damaged, and too large.

use kafka_protocol::protocol::StrBytes;

use super::*;

fn partition() -> impl Strategy<Value = FetchPartition> {
    let numbers = any::<(i32, i32, i64, i32, i32, i64)>();
    let watermark = prop_oneof![Just(i64::MAX), any::<i64>()];
    (numbers, watermark, uuid()).prop_map(|(numbers, high_watermark, replica_directory_id)| {
        FetchPartition {
            index: numbers.0,
            current_leader_epoch: numbers.1,
            fetch_offset: numbers.2,
            last_fetched_epoch: numbers.3,
            max_bytes: numbers.4,
            log_start_offset: numbers.5,
            high_watermark,
            replica_directory_id,
        }
    })
}

fn topic() -> impl Strategy<Value = FetchTopic> {
    (name(), uuid(), prop::collection::vec(partition(), 0..4))
        .prop_map(|(name, id, partitions)| FetchTopic { name, id, partitions })
}

fn forgotten() -> impl Strategy<Value = ForgottenTopic> {
    (name(), uuid(), prop::collection::vec(any::<i32>(), 0..4))
        .prop_map(|(name, id, partitions)| ForgottenTopic { name, id, partitions })
}

/// A request with every field set, whether a version has it or not.
fn full() -> impl Strategy<Value = FetchRequest> {
    let replica = (any::<i32>(), any::<i64>(), prop::option::of(name()), name());
    let numbers = any::<(i32, i32, i32, i8, i32, i32)>();
    let topics = prop::collection::vec(topic(), 0..4);
    (replica, numbers, topics, prop::collection::vec(forgotten(), 0..3)).prop_map(
        |(replica, numbers, topics, forgotten)| FetchRequest {
            cluster_id: replica.2,
            replica_id: replica.0,
            replica_epoch: replica.1,
            max_wait_ms: numbers.0,
            min_bytes: numbers.1,
            max_bytes: numbers.2,
            isolation_level: numbers.3,
            session_id: numbers.4,
            session_epoch: numbers.5,
            topics,
            forgotten,
            rack_id: replica.3,
        },
    )
}

/// What of `request` a version can say.
fn told(version: i16, mut request: FetchRequest) -> FetchRequest {
    let default = FetchRequest::default();
    if version < SESSIONS {
        request.session_id = default.session_id;
        request.session_epoch = default.session_epoch;
        request.forgotten.clear();
    }
    if version < RACKS {
        request.rack_id.clear();
    }
    if version < FLEXIBLE {
        request.cluster_id = None;
    }
    if version < REPLICA_STATE {
        request.replica_epoch = -1;
    }
    for topic in &mut request.topics {
        (topic.name, topic.id) = told_name(version, &topic.name, topic.id);
        for partition in &mut topic.partitions {
            told_partition(version, partition);
        }
    }
    for topic in &mut request.forgotten {
        (topic.name, topic.id) = told_name(version, &topic.name, topic.id);
    }
    request
}

fn told_partition(version: i16, partition: &mut FetchPartition) {
    if version < LOG_START_OFFSET {
        partition.log_start_offset = -1;
    }
    if version < LEADER_EPOCH {
        partition.current_leader_epoch = -1;
    }
    if version < FLEXIBLE {
        partition.last_fetched_epoch = -1;
    }
    if version < DIRECTORY_ID {
        partition.replica_directory_id = Uuid::nil();
    }
    if version < HIGH_WATERMARK {
        partition.high_watermark = i64::MAX;
    }
}

type Tags = BTreeMap<i32, Vec<u8>>;

fn tags() -> impl Strategy<Value = Tags> {
    prop::collection::btree_map(7..300_i32, prop::collection::vec(any::<u8>(), 0..9), 0..3)
}

fn topic_name(name: &str) -> messages::TopicName {
    messages::TopicName(StrBytes::from(name.to_owned()))
}

/// The request as `kafka-protocol` has it, with fields it does not know beside.
fn peer(version: i16, request: &FetchRequest, tags: &Tags) -> messages::FetchRequest {
    use messages::fetch_request as peer;
    let tags: BTreeMap<_, _> = tags
        .iter()
        .filter(|_| version >= FLEXIBLE)
        .map(|(tag, bytes)| (*tag, Bytes::from(bytes.clone())))
        .collect();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            peer::FetchPartition::default()
                .with_partition(partition.index)
                .with_current_leader_epoch(partition.current_leader_epoch)
                .with_fetch_offset(partition.fetch_offset)
                .with_last_fetched_epoch(partition.last_fetched_epoch)
                .with_log_start_offset(partition.log_start_offset)
                .with_partition_max_bytes(partition.max_bytes)
                .with_replica_directory_id(partition.replica_directory_id)
                .with_high_watermark(partition.high_watermark)
                .with_unknown_tagged_fields(tags.clone())
        });
        peer::FetchTopic::default()
            .with_topic(topic_name(&topic.name))
            .with_topic_id(topic.id)
            .with_partitions(partitions.collect())
            .with_unknown_tagged_fields(tags.clone())
    });
    let forgotten = request.forgotten.iter().map(|topic| {
        peer::ForgottenTopic::default()
            .with_topic(topic_name(&topic.name))
            .with_topic_id(topic.id)
            .with_partitions(topic.partitions.clone())
            .with_unknown_tagged_fields(tags.clone())
    });
    let message = messages::FetchRequest::default()
        .with_cluster_id(request.cluster_id.clone().map(StrBytes::from))
        .with_max_wait_ms(request.max_wait_ms)
        .with_min_bytes(request.min_bytes)
        .with_max_bytes(request.max_bytes)
        .with_isolation_level(request.isolation_level)
        .with_session_id(request.session_id)
        .with_session_epoch(request.session_epoch)
        .with_topics(topics.collect())
        .with_forgotten_topics_data(forgotten.collect())
        .with_rack_id(StrBytes::from(request.rack_id.clone()))
        .with_unknown_tagged_fields(tags.clone());
    if version < REPLICA_STATE {
        return message.with_replica_id(request.replica_id.into());
    }
    let state = peer::ReplicaState::default()
        .with_replica_id(request.replica_id.into())
        .with_replica_epoch(request.replica_epoch);
    message.with_replica_state(state)
}

/// Back from what `kafka-protocol` decoded.
fn from_peer(version: i16, peer: &messages::FetchRequest) -> FetchRequest {
    let state = &peer.replica_state;
    let old = version < REPLICA_STATE;
    FetchRequest {
        cluster_id: peer.cluster_id.as_ref().map(ToString::to_string),
        replica_id: if old { *peer.replica_id } else { *state.replica_id },
        replica_epoch: state.replica_epoch,
        max_wait_ms: peer.max_wait_ms,
        min_bytes: peer.min_bytes,
        max_bytes: peer.max_bytes,
        isolation_level: peer.isolation_level,
        session_id: peer.session_id,
        session_epoch: peer.session_epoch,
        topics: peer.topics.iter().map(from_peer_topic).collect(),
        forgotten: peer
            .forgotten_topics_data
            .iter()
            .map(|topic| ForgottenTopic {
                name: topic.topic.to_string(),
                id: topic.topic_id,
                partitions: topic.partitions.clone(),
            })
            .collect(),
        rack_id: peer.rack_id.to_string(),
    }
}

fn from_peer_topic(topic: &messages::fetch_request::FetchTopic) -> FetchTopic {
    let partitions = topic.partitions.iter().map(|partition| FetchPartition {
        index: partition.partition,
        current_leader_epoch: partition.current_leader_epoch,
        fetch_offset: partition.fetch_offset,
        last_fetched_epoch: partition.last_fetched_epoch,
        max_bytes: partition.partition_max_bytes,
        log_start_offset: partition.log_start_offset,
        high_watermark: partition.high_watermark,
        replica_directory_id: partition.replica_directory_id,
    });
    FetchTopic {
        name: topic.topic.to_string(),
        id: topic.topic_id,
        partitions: partitions.collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_request_of_any_version_is_read_as_the_peer_wrote_it(
        version in VERSIONS,
        request in full(),
        tags in tags(),
    ) {
        let request = told(version, request);
        let body = encoded(version, &peer(version, &request, &tags));
        for cut in 0..body.len() {
            prop_assert!(decode(version, &body[..cut]).is_err());
        }
        // Bytes behind the request are nobody's, as with Apache Kafka.
        let longer = [&*body, &[0]].concat();
        prop_assert_eq!(decode(version, &longer), decode(version, &body));
        prop_assert_eq!(decode(version, &body), Ok(request));
    }

    #[test]
    fn a_damaged_request_is_read_as_the_peer_reads_it_or_refused(
        version in VERSIONS,
        request in full(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let request = told(version, request);
        let mut body = encoded(version, &peer(version, &request, &Tags::new()));
        for (at, byte) in hits {
            let at = at.index(body.len());
            body[at] ^= byte;
        }
        let ours = decode(version, &body);
        let theirs = crate::decode::<messages::FetchRequest>(version, Bytes::from(body));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, from_peer(version, &theirs)),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours, theirs),
        }
    }

    #[test]
    fn noise_is_refused_without_a_panic(
        version in VERSIONS,
        noise in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _read = decode(version, &noise);
    }
}

#[test]
fn too_many_topics_or_partitions_are_refused() {
    let head = |topics: u32| [&[0; 17][..], &topics.to_be_bytes()].concat();
    let refused = decode(4, &[head(16_385), vec![0; 6 * 16_385]].concat());
    assert_eq!(refused, Err(Refused::TooMany { field: "topics", count: 16_385, most: 16_384 }));
    let topic =
        |count: u32| [&[0, 0][..], &count.to_be_bytes(), &vec![0; 16 * count as usize]].concat();
    let half = topic(65_536);
    assert!(decode(4, &[head(2), half.clone(), half.clone()].concat()).is_ok());
    let refused = decode(4, &[head(3), half.clone(), half, topic(1)].concat());
    assert_eq!(
        refused,
        Err(Refused::TooMany { field: "partitions", count: 131_073, most: 131_072 })
    );
}

#[test]
fn a_tag_that_only_a_later_version_has_is_refused_as_kafka_does() {
    let partition = FetchPartition {
        index: 0,
        current_leader_epoch: -1,
        fetch_offset: 0,
        last_fetched_epoch: -1,
        max_bytes: 1,
        log_start_offset: -1,
        high_watermark: 5,
        replica_directory_id: Uuid::from_u128(1),
    };
    let topic = FetchTopic { name: String::new(), id: Uuid::nil(), partitions: vec![partition] };
    let request = FetchRequest { topics: vec![topic], replica_id: 2, ..FetchRequest::default() };
    for since in [DIRECTORY_ID, HIGH_WATERMARK] {
        let body = encoded(since, &peer(since, &told(since, request.clone()), &Tags::new()));
        assert!(decode(since, &body).is_ok());
        let version = since - 1;
        let tag = u32::from(since == HIGH_WATERMARK);
        assert_eq!(decode(version, &body), Err(Refused::EarlyTag { tag, version }));
        assert_eq!(
            crate::walk::request(ApiKey::Fetch, version, &body),
            Err(Refused::EarlyTag { tag, version })
        );
    }
}

#[test]
fn versions_outside_are_refused() {
    for version in [-1, 0, 3, 19] {
        let refused = decode(version, &[0; 60]);
        assert_eq!(refused, Err(Refused::UnsupportedVersion { api: 1, version }));
    }
}
