//! The decisions of a partition, over a log that is a vector.

mod following;
mod leading;

use kastellan_protocol::batch::{Builder, Header, Rules, Scratch, Valid, validate};

use super::*;
use crate::{
    config::Cleanup,
    lease::Standing,
    log::Appended,
    machine::{Millis, Now},
};

/// A log in memory; a slice is (first offset, how many bytes).
#[derive(Debug, Default)]
struct VecLog {
    batches: Vec<(Appended, Vec<u8>)>,
    start: Offset,
    poisoned: bool,
}

impl Log for VecLog {
    type Slice = (Offset, usize);

    fn append(&mut self, batches: &[u8], appended: Appended) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned("pulled the plug".into()));
        }
        assert!(appended.first >= self.end());
        for batch in kastellan_protocol::batch::batches(batches) {
            let (header, raw) = batch.unwrap();
            let (first, last) = (header.base_offset, header.last_offset());
            assert!(first >= self.end());
            let appended = Appended { first, last, epoch: header.leader_epoch, ..appended };
            self.batches.push((appended, raw.to_vec()));
        }
        assert_eq!(appended.last + 1, self.end());
        Ok(())
    }

    fn read(
        &self,
        from: Offset,
        until: Offset,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Self::Slice, LogError> {
        let wanted = self.batches.iter().filter(|(at, _)| at.last >= from && at.last < until);
        let mut bytes = 0;
        for (n, (_, batch)) in wanted.clone().enumerate() {
            if bytes + batch.len() > max_bytes && !(at_least_one && n == 0) {
                break;
            }
            bytes += batch.len();
        }
        Ok((wanted.clone().next().unwrap().0.first, bytes))
    }

    fn start(&self) -> Offset {
        self.start
    }

    fn end(&self) -> Offset {
        self.batches.last().map_or(self.start, |(at, _)| self.start.max(at.last + 1))
    }

    fn truncate(&mut self, end: Offset) -> Result<(), LogError> {
        self.batches.retain(|(at, _)| at.last < end);
        Ok(())
    }

    fn restart_at(&mut self, start: Offset) -> Result<(), LogError> {
        self.batches.clear();
        self.start = start;
        Ok(())
    }

    fn replay(&self, limit: usize) -> Result<Producers, LogError> {
        let mut producers = Producers::new(limit);
        for (_, batch) in &self.batches {
            producers.record(&Header::parse(batch).unwrap(), 0);
        }
        Ok(producers)
    }

    fn latest_epoch(&self) -> LeaderEpoch {
        self.batches.last().map_or(-1, |(at, _)| at.epoch)
    }

    fn end_of_epoch(&self, epoch: LeaderEpoch) -> (LeaderEpoch, Offset) {
        let next = self.batches.iter().find(|(at, _)| at.epoch > epoch);
        let last = self.batches.iter().rfind(|(at, _)| at.epoch <= epoch);
        let epoch = last.map_or(epoch, |(at, _)| at.epoch);
        (epoch, next.map_or(self.end(), |(at, _)| at.first))
    }

    fn epoch_at(&self, offset: Offset) -> LeaderEpoch {
        self.batches.iter().rfind(|(at, _)| at.first <= offset).map_or(-1, |(at, _)| at.epoch)
    }

    fn advance_start(&mut self, to: Offset) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned("pulled the plug".into()));
        }
        self.start = self.start.max(to);
        Ok(())
    }
}

const ME: BrokerId = BrokerId(1);
const NOW: Now = Now { monotonic: Millis(10), wall: 1_000 };
const HOW: Appending = Appending { now: NOW, log_append_time: false, all: true };

fn partition(durability: Durability) -> Partition<VecLog> {
    let settings = Settings { durability, ..Settings::default() };
    let mut partition = replica(ME, settings);
    let led = partition.assign(NOW.monotonic, &Assignment::alone(ME, 4));
    assert!(matches!(led, Assigned::Leads(_)));
    partition
}

fn replica(me: BrokerId, settings: Settings) -> Partition<VecLog> {
    let opening = Opening { me, high_watermark: 0, settings };
    Partition::new(VecLog::default(), Producers::new(10), opening)
}

fn lead_on(partition: &mut Partition<VecLog>, epoch: LeaderEpoch) {
    let led = partition.assign(NOW.monotonic, &Assignment::alone(ME, epoch));
    assert!(matches!(led, Assigned::Leads(_)));
}

fn records(count: i64) -> (Vec<u8>, Valid) {
    let mut builder = Builder::new(0, -1);
    for n in 0..count {
        builder.record(100 + n, Some(b"k".as_slice()), Some(b"v".as_slice()), &[]);
    }
    let bytes = builder.finish();
    let valid = validate(&bytes, &Rules::default(), &mut Scratch::default()).unwrap();
    (bytes, valid)
}

fn append(partition: &mut Partition<VecLog>, count: i64) -> Result<Outcome, ErrorCode> {
    let (mut bytes, valid) = records(count);
    partition.append(&mut bytes, &valid, HOW)
}

fn from(offset: Offset) -> From {
    From {
        offset,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
        max_bytes: 1 << 20,
        at_least_one: true,
    }
}

#[test]
fn batches_get_the_next_offsets_and_the_leaders_epoch() {
    let mut partition = partition(Durability::Replicated);
    let first = append(&mut partition, 3);
    assert_eq!(first, Ok(Outcome::Appended { first: 0, last: 2, visible: true }));
    let (mut bytes, valid) = records(2);
    let second = partition.append(&mut bytes, &valid, HOW);
    assert_eq!(second, Ok(Outcome::Appended { first: 3, last: 4, visible: true }));
    let header = Header::parse(&bytes).unwrap();
    assert_eq!((header.base_offset, header.leader_epoch), (3, 4));
    let appended = partition.log().batches[1].0;
    assert_eq!((appended.max_timestamp, appended.offset_of_max_timestamp), (101, 4));
}

#[test]
fn append_time_replaces_the_timestamps_of_the_client() {
    let mut partition = partition(Durability::Replicated);
    let (mut bytes, valid) = records(2);
    let how = Appending { log_append_time: true, ..HOW };
    partition.append(&mut bytes, &valid, how).unwrap();
    let header = Header::parse(&bytes).unwrap();
    assert!(header.log_append_time() && header.max_timestamp == HOW.now.wall);
    assert_eq!(partition.log().batches[0].0.max_timestamp, HOW.now.wall);
}

#[test]
fn no_more_replicas_are_asked_for_than_there_are_and_a_poisoned_log_changes_nothing() {
    let mut partition = partition(Durability::Replicated);
    let (mut bytes, valid) = records(1);
    let two = Settings { min_in_sync: 2, ..Settings::default() };
    partition.configure(two);
    assert!(partition.append(&mut bytes, &valid, HOW).is_ok());
    partition.log_mut().poisoned = true;
    assert_eq!(append(&mut partition, 1), Err(ErrorCode::KafkaStorageError));
    assert_eq!((partition.log().end(), partition.high_watermark()), (1, 1));
}

#[test]
fn in_fsync_mode_readers_see_only_what_is_on_the_disk() {
    let mut partition = partition(Durability::Fsync);
    let outcome = append(&mut partition, 3);
    assert_eq!(outcome, Ok(Outcome::Appended { first: 0, last: 2, visible: false }));
    assert_eq!(partition.fetch(from(0)).unwrap().slice, None);
    append(&mut partition, 1).unwrap();
    assert!(partition.synced(3));
    assert!(!partition.synced(2), "an old word is no news");
    assert_eq!(partition.high_watermark(), 3);
    assert!(partition.fetch(from(0)).unwrap().slice.is_some());
    assert_eq!(partition.fetch(from(4)).unwrap().slice, None, "behind what is visible");
    assert!(partition.synced(99));
    assert_eq!(partition.high_watermark(), 4);
}

#[test]
fn readers_are_told_when_they_are_outside_of_the_log() {
    let mut partition = partition(Durability::Replicated);
    append(&mut partition, 3).unwrap();
    let end = partition.fetch(from(3)).unwrap();
    assert_eq!((end.high_watermark, end.slice), (3, None));
    assert_eq!(partition.fetch(from(4)).unwrap_err(), ErrorCode::OffsetOutOfRange);
    assert_eq!(partition.fetch(from(-1)).unwrap_err(), ErrorCode::OffsetOutOfRange);
    partition.log_mut().start = 2;
    assert_eq!(partition.fetch(from(1)).unwrap_err(), ErrorCode::OffsetOutOfRange);
}

#[test]
fn readers_with_the_wrong_leader_epoch_are_told_which_way() {
    let mut partition = partition(Durability::Replicated);
    append(&mut partition, 1).unwrap();
    let ask = |epoch| From { current_leader_epoch: epoch, ..from(0) };
    assert!(partition.fetch(ask(4)).is_ok());
    assert_eq!(partition.fetch(ask(3)).unwrap_err(), ErrorCode::FencedLeaderEpoch);
    assert_eq!(partition.fetch(ask(5)).unwrap_err(), ErrorCode::UnknownLeaderEpoch);
    lead_on(&mut partition, 5);
    assert_eq!(partition.fetch(ask(4)).unwrap_err(), ErrorCode::FencedLeaderEpoch);
}

#[test]
fn a_reader_from_another_history_learns_where_it_left_ours() {
    let mut partition = partition(Durability::Replicated);
    append(&mut partition, 3).unwrap();
    lead_on(&mut partition, 6);
    append(&mut partition, 2).unwrap();
    let ask = |offset, epoch| From { last_fetched_epoch: epoch, ..from(offset) };
    let diverging = |ask| partition.fetch(ask).unwrap().diverging;
    assert_eq!(diverging(ask(3, 4)), None);
    assert_eq!(diverging(ask(5, 4)), Some((4, 3)));
    assert_eq!(diverging(ask(3, 5)), Some((4, 3)));
    assert_eq!(diverging(ask(5, 6)), None);
    assert_eq!(diverging(ask(2, 3)), Some((3, 0)), "an epoch before all of ours");
}

#[test]
fn an_epoch_without_batches_ends_where_the_next_began() {
    let mut partition = partition(Durability::Replicated);
    assert_eq!(partition.end_of_epoch(4), Some((4, 0)), "the present one, nothing written");
    assert_eq!(partition.end_of_epoch(2), Some((2, 0)));
    append(&mut partition, 3).unwrap();
    lead_on(&mut partition, 6);
    assert_eq!(partition.end_of_epoch(4), Some((4, 3)));
    assert_eq!(partition.end_of_epoch(5), Some((4, 3)));
    assert_eq!(partition.end_of_epoch(6), Some((6, 3)), "the present one has no batch either");
    lead_on(&mut partition, 8);
    append(&mut partition, 2).unwrap();
    let ends = [3, 4, 6, 7, 8].map(|epoch| partition.end_of_epoch(epoch));
    assert_eq!(ends, [(3, 0), (4, 3), (4, 3), (4, 3), (8, 5)].map(Some));
    assert_eq!((partition.end_of_epoch(9), partition.end_of_epoch(-1)), (None, None));
}

#[test]
fn a_reader_that_fetched_nothing_of_an_epoch_without_batches_does_not_diverge() {
    let mut partition = partition(Durability::Replicated);
    let ask = |offset, epoch| From { last_fetched_epoch: epoch, ..from(offset) };
    assert_eq!(partition.fetch(ask(0, 4)).unwrap().diverging, None);
    append(&mut partition, 3).unwrap();
    lead_on(&mut partition, 6);
    assert_eq!(partition.fetch(ask(3, 6)).unwrap().diverging, None);
    assert_eq!(partition.fetch(ask(3, 7)).unwrap_err(), ErrorCode::OffsetOutOfRange);
    partition.log_mut().start = 2;
    assert_eq!(partition.fetch(ask(1, 4)).unwrap_err(), ErrorCode::OffsetOutOfRange);
}

#[test]
fn records_are_deleted_up_to_the_high_watermark_and_never_come_back() {
    const DELETE: Cleanup = Cleanup { delete: true, compact: true };
    let mut partition = partition(Durability::Fsync);
    append(&mut partition, 5).unwrap();
    partition.synced(4);
    assert_eq!(partition.delete_records(2, DELETE), Ok(2));
    assert_eq!(partition.delete_records(1, DELETE), Ok(2), "it lies further already");
    assert_eq!(partition.delete_records(0, DELETE), Ok(2));
    assert_eq!(partition.fetch(from(1)).unwrap_err(), ErrorCode::OffsetOutOfRange);
    for beyond in [5, Offset::MAX, -2, Offset::MIN] {
        let refused = partition.delete_records(beyond, DELETE);
        assert_eq!(refused, Err(ErrorCode::OffsetOutOfRange), "{beyond}");
    }
    assert_eq!(partition.delete_records(-1, DELETE), Ok(4));
    assert!(partition.fetch(from(4)).is_ok());
    partition.log_mut().poisoned = true;
    assert_eq!(partition.delete_records(4, DELETE), Err(ErrorCode::KafkaStorageError));
}

#[test]
fn a_log_that_is_only_compacted_deletes_nothing_at_a_clients_word() {
    let mut partition = partition(Durability::Replicated);
    append(&mut partition, 3).unwrap();
    let only = |compact| Cleanup { delete: false, compact };
    assert_eq!(partition.delete_records(9, only(true)), Err(ErrorCode::PolicyViolation));
    assert_eq!(partition.delete_records(1, only(false)), Ok(1), "no policy is legal");
}

#[test]
fn the_special_offsets_need_no_search() {
    let mut partition = partition(Durability::Fsync);
    append(&mut partition, 5).unwrap();
    partition.synced(4);
    partition.log_mut().start = 1;
    let list = |place| partition.list(place, -1, Isolation::ReadUncommitted).unwrap();
    assert_eq!(list(Place::Latest), Listed::Offset(4, 4));
    assert_eq!(list(Place::Earliest), Listed::Offset(1, 4));
    assert_eq!(list(Place::EarliestLocal), Listed::Offset(1, 4));
    assert_eq!(list(Place::LatestTiered), Listed::None);
    assert_eq!(list(Place::MaxTimestamp), Listed::SearchMax { below: 4 });
    assert_eq!(list(Place::At(7)), Listed::Search { timestamp: 7, below: 4 });
    assert_eq!(Place::parse(-7), None);
}
