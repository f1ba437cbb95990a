//! Lines become records, records become batches.

use std::collections::BTreeMap;

use bytes::Bytes;
use kastellan_protocol::batch::Builder;
use kastellan_protocol::compression::Codec;
use tokio::sync::mpsc;

use crate::admin::Producer;
use crate::failure::Failure;
use crate::survey;

/// How lines are read and records are packed.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// What stands between key and value.
    pub(super) separator: Option<Vec<u8>>,
    /// What is null.
    pub(super) null: Option<Vec<u8>>,
    /// The headers of every record.
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// How batches are compressed.
    pub(super) codec: Codec,
    /// The size at which a batch is closed, before compression.
    pub(super) batch_bytes: usize,
    /// Where records may go; not empty.
    pub(super) partitions: Vec<i32>,
    /// Who writes, if it is to be exactly once.
    pub(super) producer: Option<Producer>,
}

/// A batch, ready to be sent.
#[derive(Debug)]
pub(super) struct Sealed {
    /// Where to.
    pub(super) partition: i32,
    /// The batch.
    pub(super) bytes: Bytes,
    /// How many records it has.
    pub(super) records: u32,
}

/// Nobody takes batches any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

/// Collects records until a partition has a batch of them.
#[derive(Debug)]
pub(super) struct Packer {
    rules: Rules,
    sender: mpsc::Sender<Result<Sealed, Failure>>,
    open: BTreeMap<i32, Builder>,
    sequences: BTreeMap<i32, i32>,
    /// Where records without a key go at the moment.
    turn: usize,
    /// The time that the records of now are stamped with.
    now: i64,
}

impl Packer {
    /// Packs by `rules`; whoever has the other end of `sender` gets the batches.
    pub(super) fn new(rules: Rules, sender: mpsc::Sender<Result<Sealed, Failure>>) -> Self {
        let (open, sequences) = (BTreeMap::new(), BTreeMap::new());
        Self { rules, sender, open, sequences, turn: 0, now: survey::now() }
    }

    /// Says why there will be no more.
    pub(super) fn fail(self, failure: Failure) {
        // who is gone already has a failure of its own
        drop(self.sender.blocking_send(Err(failure)));
    }

    /// Adds a line as a record. `Err(None)`: nobody takes batches any more.
    pub(super) fn line(&mut self, number: u64, line: &[u8]) -> Result<(), Option<Failure>> {
        let (key, value) = match &self.rules.separator {
            None => (None, line),
            Some(separator) => {
                let Some((key, value)) = split(line, separator) else {
                    let separator = String::from_utf8_lossy(separator);
                    let what = format!("line {number} has no {separator:?} between key and value");
                    return Err(Some(Failure::new(what)));
                };
                (Some(key), value)
            }
        };
        let null = self.rules.null.as_deref();
        let key = key.filter(|key| null != Some(*key));
        let value = (null != Some(value)).then_some(value);
        let partition = self.partition(key);
        let size = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
        let full = |builder: &Builder| {
            builder.count() > 0 && builder.size() + size > self.rules.batch_bytes
        };
        if self.open.get(&partition).is_some_and(full) {
            self.seal(partition).map_err(|Gone| None)?;
        }
        // a keyless record may have lost its turn to the partition that was just closed
        let partition = if key.is_some() { partition } else { self.partition(None) };
        let headers: Vec<(&[u8], Option<&[u8]>)> = self
            .rules
            .headers
            .iter()
            .map(|(name, value)| (name.as_slice(), Some(value.as_slice())))
            .collect();
        let builder = self.open.entry(partition).or_insert_with(|| Builder::new(0, -1));
        if builder.count() == 0 {
            self.now = survey::now();
        }
        builder.record(self.now, key, value, &headers);
        Ok(())
    }

    fn partition(&self, key: Option<&[u8]>) -> i32 {
        let count = self.rules.partitions.len();
        let place = match key {
            Some(key) => murmur2(key) as usize % count.max(1),
            None => self.turn % count.max(1),
        };
        self.rules.partitions.get(place).copied().unwrap_or_default()
    }

    /// Closes every open batch.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        let open: Vec<i32> = self.open.keys().copied().collect();
        open.into_iter().try_for_each(|partition| self.seal(partition))
    }

    fn seal(&mut self, partition: i32) -> Result<(), Gone> {
        let Some(mut builder) = self.open.remove(&partition) else { return Ok(()) };
        let count = builder.count();
        if let Some(producer) = self.rules.producer {
            let sequence = self.sequences.entry(partition).or_default();
            builder.producer(producer.id, producer.epoch, *sequence);
            // begins at 0 again behind the largest, as the brokers count
            *sequence = sequence.wrapping_add(count) & i32::MAX;
        }
        let bytes = Bytes::from(builder.compressed(self.rules.codec).finish());
        let records = u32::try_from(count).unwrap_or_default();
        self.turn = self.turn.wrapping_add(1);
        let sealed = Sealed { partition, bytes, records };
        self.sender.blocking_send(Ok(sealed)).or(Err(Gone))
    }
}

/// The parts before and behind the first separator.
fn split<'a>(line: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = match separator {
        [one] => line.iter().position(|byte| byte == one)?,
        _ => line.windows(separator.len()).position(|window| window == separator)?,
    };
    Some((line.get(..at)?, line.get(at + separator.len()..)?))
}

/// The hash by which Kafka's Java client chooses a partition: Austin Appleby's `MurmurHash2` with
/// its seed, less the sign.
fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(M);
        word ^= word >> 24;
        hash = hash.wrapping_mul(M) ^ word.wrapping_mul(M);
    }
    for (place, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * place);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    hash & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use kastellan_protocol::batch::{Header, Scratch, for_each_record};

    fn rules() -> Rules {
        Rules {
            separator: None,
            null: None,
            headers: Vec::new(),
            codec: Codec::None,
            batch_bytes: 200,
            partitions: vec![0, 1, 2],
            producer: None,
        }
    }

    type Records = Vec<(Option<Vec<u8>>, Option<Vec<u8>>)>;

    /// What is sent for these lines: of each batch the partition, the first sequence, the records.
    fn packed(rules: Rules, lines: &[&str]) -> Vec<(i32, i32, Records)> {
        let (sender, mut sealed) = mpsc::channel(100);
        let mut packer = Packer::new(rules, sender);
        for (number, line) in lines.iter().enumerate() {
            packer.line(number as u64, line.as_bytes()).unwrap();
        }
        packer.flush().unwrap();
        drop(packer);
        let mut batches = Vec::new();
        while let Ok(batch) = sealed.try_recv() {
            let batch = batch.unwrap();
            let mut records = Records::new();
            for_each_record::<kastellan_protocol::batch::Malformed>(
                &batch.bytes,
                &mut Scratch::default(),
                |record| {
                    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
                    records.push((owned(record.key), owned(record.value)));
                    Ok(())
                },
            )
            .unwrap();
            let sequence = Header::parse(&batch.bytes).unwrap().base_sequence;
            batches.push((batch.partition, sequence, records));
        }
        batches
    }

    #[test]
    fn the_hash_is_the_java_clients() {
        // made with org.apache.kafka.common.utils.Utils.toPositive(murmur2(...))
        let pairs = [
            ("21", 1_173_551_340),
            ("foobar", 1_357_151_166),
            ("a-little-bit-long-string", 1_161_502_112),
            ("a-little-bit-longer-string", 661_178_819),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 2_088_585_677),
        ];
        for (key, hash) in pairs {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn keyless_records_fill_one_batch_after_the_other_round_the_partitions() {
        let line = "x".repeat(60);
        let batches = packed(rules(), &[line.as_str(); 5]);
        let shape: Vec<_> = batches.iter().map(|(to, _, all)| (*to, all.len())).collect();
        assert_eq!(shape, [(0, 2), (1, 2), (2, 1)]);
    }

    #[test]
    fn a_key_goes_to_one_partition_and_null_is_null() {
        let rules =
            Rules { separator: Some(b"::".to_vec()), null: Some(b"NULL".to_vec()), ..rules() };
        let batches = packed(rules, &["21::a::b", "21::NULL", "21::"]);
        let key = Some(b"21".to_vec());
        let expected =
            vec![(key.clone(), Some(b"a::b".to_vec())), (key.clone(), None), (key, Some(vec![]))];
        assert_eq!(batches, [(1_173_551_340 % 3, -1, expected)]);
    }

    #[test]
    fn sequences_go_on_from_batch_to_batch() {
        let producer = Some(Producer { id: 7, epoch: 0 });
        let rules = Rules { partitions: vec![4], producer, ..rules() };
        let line = "x".repeat(60);
        let sequences: Vec<i32> =
            packed(rules, &[line.as_str(); 5]).iter().map(|(_, sequence, _)| *sequence).collect();
        assert_eq!(sequences, [0, 2, 4]);
    }

    #[test]
    fn a_line_without_its_separator_is_named() {
        let (sender, _sealed) = mpsc::channel(1);
        let mut packer = Packer::new(Rules { separator: Some(b":".to_vec()), ..rules() }, sender);
        let failure = packer.line(3, b"no key").unwrap_err().unwrap();
        assert!(failure.to_string().contains("line 3 has no \":\""), "{failure}");
    }
}
