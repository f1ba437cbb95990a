//! Answers: as `kafka-protocol` reads them, and as it would write them.

use super::*;

#[derive(Debug, Clone)]
struct Answer {
    header: PartitionHeader<'static>,
    aborted: Option<Vec<(i64, i64)>>,
    records: Vec<u8>,
    left_out: bool,
}

fn answer() -> impl Strategy<Value = Answer> {
    let error = prop::option::of(Just(ErrorCode::OffsetOutOfRange));
    let numbers = any::<(i32, i64, i64, i64, i32)>();
    let pair = || prop::option::of((0..99_i32, 0..99_i64));
    let aborted = prop::option::of(prop::collection::vec(any::<(i64, i64)>(), 0..3));
    let records = (prop::collection::vec(any::<u8>(), 0..300), any::<bool>());
    (error, numbers, (pair(), pair(), pair()), aborted, records).prop_map(
        |(error, numbers, (diverging_epoch, leader, snapshot), aborted, (records, left_out))| {
            let header = PartitionHeader {
                index: numbers.0,
                error,
                high_watermark: numbers.1,
                last_stable_offset: numbers.2,
                log_start_offset: numbers.3,
                aborted_transactions: None,
                preferred_read_replica: numbers.4,
                diverging_epoch,
                current_leader: leader.map(|(leader, _)| (leader, 7)),
                snapshot: snapshot.map(|(epoch, end)| (end, epoch)),
            };
            Answer { header, aborted, records, left_out }
        },
    )
}

fn node() -> impl Strategy<Value = NodeEndpoint> {
    (any::<i32>(), name(), any::<u16>(), prop::option::of(name()))
        .prop_map(|(node_id, host, port, rack)| NodeEndpoint { node_id, host, port, rack })
}

/// Writes the answer and puts the records that were left out where they belong.
fn written(
    head: &ResponseHead,
    topics: &[(String, Uuid, Vec<Answer>)],
    nodes: &[NodeEndpoint],
) -> Bytes {
    let mut writer = ResponseWriter::new(head, topics.len(), BytesMut::new());
    let mut holes = Vec::new();
    for (name, id, answers) in topics {
        writer.topic(name, id, answers.len());
        for answer in answers {
            let header = PartitionHeader {
                aborted_transactions: answer.aborted.as_deref(),
                ..answer.header
            };
            if answer.left_out {
                holes.push((writer.partition(&header, answer.records.len()), &answer.records));
            } else {
                writer.partition_with(&header, &answer.records);
            }
        }
    }
    writer.nodes(nodes.to_vec());
    let out = writer.finish();
    let mut frame = Vec::new();
    let mut from = 0;
    for (position, records) in holes {
        frame.extend_from_slice(&out[from..position]);
        frame.extend_from_slice(records);
        from = position;
    }
    frame.extend_from_slice(&out[from..]);
    frame.into()
}

#[track_caller]
fn same_answer(version: i16, ours: &Answer, peer: &messages::fetch_response::PartitionData) {
    let header = &ours.header;
    let code = header.error.map_or(0, |error| error.code());
    assert_eq!((peer.partition_index, peer.error_code), (header.index, code));
    assert_eq!(peer.high_watermark, header.high_watermark);
    assert_eq!(peer.last_stable_offset, header.last_stable_offset);
    let start = if version >= LOG_START_OFFSET { header.log_start_offset } else { -1 };
    assert_eq!(peer.log_start_offset, start);
    let replica = if version >= RACKS { header.preferred_read_replica } else { -1 };
    assert_eq!(*peer.preferred_read_replica, replica);
    assert_eq!(peer.records.as_deref(), Some(&*ours.records));
    let aborted = peer.aborted_transactions.as_ref().map(|aborted| {
        aborted.iter().map(|one| (*one.producer_id, one.first_offset)).collect::<Vec<_>>()
    });
    assert_eq!(aborted, ours.aborted);
    let flexible = version >= FLEXIBLE;
    let diverging = header.diverging_epoch.filter(|_| flexible).unwrap_or((-1, -1));
    assert_eq!((peer.diverging_epoch.epoch, peer.diverging_epoch.end_offset), diverging);
    let leader = header.current_leader.filter(|_| flexible).unwrap_or((-1, -1));
    assert_eq!((*peer.current_leader.leader_id, peer.current_leader.leader_epoch), leader);
    let snapshot = header.snapshot.filter(|_| flexible).unwrap_or((-1, -1));
    assert_eq!((peer.snapshot_id.end_offset, peer.snapshot_id.epoch), snapshot);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_answer_of_any_version_is_what_the_peer_reads_and_writes(
        version in VERSIONS,
        topics in prop::collection::vec(
            (name(), uuid(), prop::collection::vec(answer(), 0..3)),
            0..4,
        ),
        nodes in prop::collection::vec(node(), 0..3),
        numbers: (i32, i32, i32),
    ) {
        let head = ResponseHead {
            version,
            correlation_id: numbers.0,
            throttle_ms: numbers.1,
            error: Some(ErrorCode::FetchSessionIdNotFound),
            session_id: numbers.2,
        };
        let frame = written(&head, &topics, &nodes);
        let size = i32::from_be_bytes(frame[..4].try_into().unwrap());
        prop_assert_eq!(usize::try_from(size).unwrap(), frame.len() - 4);
        let (id, theirs) =
            decode_response::<messages::FetchResponse>(version, frame.slice(4..)).unwrap();
        prop_assert_eq!((id, theirs.throttle_time_ms), (numbers.0, numbers.1));
        let session = if version >= SESSIONS { (70, numbers.2) } else { (0, 0) };
        prop_assert_eq!((theirs.error_code, theirs.session_id), session);
        prop_assert_eq!(theirs.responses.len(), topics.len());
        for ((name, id, answers), peer) in topics.iter().zip(&theirs.responses) {
            prop_assert_eq!((peer.topic.to_string(), peer.topic_id), told_name(version, name, *id));
            prop_assert_eq!(answers.len(), peer.partitions.len());
            for (answer, peer) in answers.iter().zip(&peer.partitions) {
                same_answer(version, answer, peer);
            }
        }
        let told = theirs.node_endpoints.iter().map(|node| NodeEndpoint {
            node_id: *node.node_id,
            host: node.host.to_string(),
            port: u16::try_from(node.port).unwrap(),
            rack: node.rack.as_ref().map(ToString::to_string),
        });
        let known = if version >= NODE_ENDPOINTS { nodes } else { Vec::new() };
        prop_assert_eq!(told.collect::<Vec<_>>(), known);
        let header = if version >= FLEXIBLE { 9 } else { 8 };
        prop_assert_eq!(&frame[header..], &*encoded(version, &theirs));
    }
}

#[test]
fn the_writer_knows_its_size_as_it_goes() {
    let head =
        ResponseHead { version: 16, correlation_id: 1, throttle_ms: 0, error: None, session_id: 0 };
    let mut writer = ResponseWriter::new(&head, 1, BytesMut::from(&b"other bytes"[..]));
    writer.topic("", &Uuid::nil(), 1);
    let before = writer.size();
    let at = writer.partition(&PartitionHeader::error(3, ErrorCode::NotLeaderOrFollower), 1 << 20);
    assert!(writer.size() > before + (1 << 20));
    let whole = writer.size() + 2; // the tags of topic and body
    let out = writer.finish();
    assert!(out.starts_with(b"other bytes") && at < out.len());
    assert_eq!(out.len() + (1 << 20), whole + 11);
}
