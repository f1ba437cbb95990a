//! The same batches through `kafka-protocol`'s encoder and decoder.

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    indexmap::IndexMap,
    protocol::StrBytes,
    records::{
        Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions,
        TimestampType,
    },
};

use super::*;

fn ours(codec: Compression) -> Codec {
    match codec {
        Compression::None => Codec::None,
        Compression::Gzip => Codec::Gzip,
        Compression::Snappy => Codec::Snappy,
        Compression::Lz4 => Codec::Lz4,
        Compression::Zstd => Codec::Zstd,
    }
}

fn theirs(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}

/// A record as the peer has it; repeated header keys are lost there, so they are made unique.
fn peer_record(record: &Plain) -> Record {
    let headers: IndexMap<_, _> = (0..)
        .zip(&record.headers)
        .map(|(n, (key, value)): (u32, _)| {
            let key = format!("{n}{}", String::from_utf8_lossy(key));
            (StrBytes::from(key), value.clone().map(Bytes::from))
        })
        .collect();
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 3,
        producer_id: 12,
        producer_epoch: 1,
        timestamp_type: TimestampType::Creation,
        offset: record.offset,
        sequence: i32::try_from(record.offset).unwrap(),
        timestamp: record.timestamp,
        key: record.key.clone().map(Bytes::from),
        value: record.value.clone().map(Bytes::from),
        headers,
    }
}

fn peer_batch(records: &[Record], codec: Codec) -> Vec<u8> {
    let mut out = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: theirs(codec) };
    let pack = |plain: &mut BytesMut, out: &mut BytesMut, codec: Compression| {
        let mut packed = Vec::new();
        crate::compression::deflate(ours(codec), plain, &mut packed);
        out.extend_from_slice(&packed);
        Ok(())
    };
    RecordBatchEncoder::encode_with_custom_compression(&mut out, records, &options, Some(pack))
        .unwrap();
    out.to_vec()
}

fn peer_read(batch: &[u8]) -> Vec<Record> {
    let unpack = |packed: &mut Bytes, codec: Compression| {
        let mut out = Vec::new();
        crate::compression::inflate(ours(codec), packed, 1 << 24, &mut out).expect("valid");
        Ok(Bytes::from(out))
    };
    let mut bytes = Bytes::copy_from_slice(batch);
    RecordBatchDecoder::decode_with_custom_compression(&mut bytes, Some(&unpack)).unwrap().records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_peers_batch_is_valid_and_reads_back(records in records(12), codec in codec()) {
        let peers: Vec<_> = records.iter().map(peer_record).collect();
        let batch = peer_batch(&peers, codec);
        let valid = check(&batch, &Rules::default()).unwrap();
        prop_assert_eq!((valid.header.producer_id, valid.header.base_sequence), (12, 0));
        prop_assert_eq!(valid.max_timestamp, valid.header.max_timestamp);
        let back: Vec<_> = read(&batch).unwrap().iter().zip(&records).map(|(read, sent)| {
            let values: Vec<_> = read.headers.iter().map(|(_, value)| value.clone()).collect();
            let sent_values: Vec<_> = sent.headers.iter().map(|(_, value)| value.clone()).collect();
            assert_eq!(values, sent_values);
            Plain { headers: sent.headers.clone(), ..read.clone() }
        }).collect();
        prop_assert_eq!(back, records);
    }

    #[test]
    fn a_peer_reads_what_we_build(records in records(12), codec in codec()) {
        let peers: Vec<_> = records.iter().map(peer_record).collect();
        let mut builder = Builder::new(0, 3);
        builder.producer(12, 1, 0);
        for peer in &peers {
            let headers: Vec<(&[u8], Option<&[u8]>)> = peer
                .headers
                .iter()
                .map(|(key, value)| (key.as_bytes(), value.as_deref()))
                .collect();
            builder.record(peer.timestamp, peer.key.as_deref(), peer.value.as_deref(), &headers);
        }
        let batch = builder.compressed(codec).finish();
        prop_assert_eq!(peer_read(&batch), peers);
    }
}
