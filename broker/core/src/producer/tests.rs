//! The producer state against a model that remembers everything.

use proptest::prelude::*;

use super::*;

fn batch(id: i64, epoch: i16, first: i32, count: i32, base_offset: Offset) -> Header {
    Header {
        base_offset,
        batch_length: 100,
        leader_epoch: 0,
        magic: 2,
        crc: 0,
        attributes: 0,
        last_offset_delta: count - 1,
        base_timestamp: 0,
        max_timestamp: base_offset,
        producer_id: id,
        producer_epoch: epoch,
        base_sequence: first,
        count,
    }
}

fn append(producers: &mut Producers, header: &Header) -> Result<Verdict, ErrorCode> {
    let verdict = producers.check(header)?;
    if verdict == Verdict::Append {
        producers.record(header, header.base_offset);
    }
    Ok(verdict)
}

#[test]
fn a_repeated_batch_gets_its_first_offsets_while_it_is_among_the_last_five() {
    let mut producers = Producers::new(10);
    for n in 0..6 {
        let header = batch(7, 0, n * 2, 2, i64::from(n) * 10);
        assert_eq!(append(&mut producers, &header), Ok(Verdict::Append));
    }
    for n in 1..6 {
        let first = i64::from(n) * 10;
        let duplicate = Duplicate { first, last: first + 1, timestamp: first };
        let again = batch(7, 0, n * 2, 2, 99);
        assert_eq!(append(&mut producers, &again), Ok(Verdict::Duplicate(duplicate)));
    }
    let too_old = append(&mut producers, &batch(7, 0, 0, 2, 99));
    assert_eq!(too_old, Err(ErrorCode::OutOfOrderSequenceNumber));
    let other_cut = append(&mut producers, &batch(7, 0, 10, 1, 99));
    assert_eq!(other_cut, Err(ErrorCode::OutOfOrderSequenceNumber));
}

#[test]
fn an_unknown_producer_may_begin_anywhere_and_a_known_one_only_where_it_was() {
    let mut producers = Producers::new(10);
    assert_eq!(append(&mut producers, &batch(7, 3, 41, 1, 0)), Ok(Verdict::Append));
    let gap = append(&mut producers, &batch(7, 3, 43, 1, 1));
    assert_eq!(gap, Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(append(&mut producers, &batch(7, 3, 42, 1, 1)), Ok(Verdict::Append));
}

#[test]
fn a_new_epoch_begins_at_zero_and_ends_the_old_one() {
    let mut producers = Producers::new(10);
    append(&mut producers, &batch(7, 3, 0, 5, 0)).unwrap();
    let late = append(&mut producers, &batch(7, 4, 5, 1, 5));
    assert_eq!(late, Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(append(&mut producers, &batch(7, 4, 0, 1, 5)), Ok(Verdict::Append));
    let fenced = append(&mut producers, &batch(7, 3, 5, 1, 6));
    assert_eq!(fenced, Err(ErrorCode::InvalidProducerEpoch));
}

#[test]
fn sequences_go_on_at_zero_behind_the_largest_number() {
    let mut producers = Producers::new(10);
    append(&mut producers, &batch(7, 0, i32::MAX - 1, 2, 0)).unwrap();
    assert_eq!(append(&mut producers, &batch(7, 0, 0, 1, 2)), Ok(Verdict::Append));

    let mut producers = Producers::new(10);
    let across = batch(7, 0, i32::MAX - 1, 4, 0);
    append(&mut producers, &across).unwrap();
    assert!(matches!(append(&mut producers, &across), Ok(Verdict::Duplicate(_))));
    assert_eq!(append(&mut producers, &batch(7, 0, 2, 1, 4)), Ok(Verdict::Append));
}

#[test]
fn the_one_that_was_silent_for_longest_makes_room_and_time_forgets_the_rest() {
    let mut producers = Producers::new(2);
    for (id, offset) in [(1, 10), (2, 20), (1, 30), (3, 40)] {
        let first = i32::from(offset == 30);
        append(&mut producers, &batch(id, 0, first, 1, offset)).unwrap();
    }
    assert_eq!((producers.len(), producers.oldest()), (2, Some(30)));
    assert_eq!(producers.expire(129, 100), 0);
    assert_eq!(producers.expire(130, 100), 1);
    assert_eq!(producers.expire(1_000, 100), 1);
    assert!(producers.is_empty());
}

#[test]
fn a_damaged_snapshot_is_refused_at_every_byte() {
    let mut producers = Producers::new(10);
    append(&mut producers, &batch(7, 1, 0, 5, 0)).unwrap();
    append(&mut producers, &batch(8, 2, 0, 1, 5)).unwrap();
    let snapshot = producers.to_snapshot();
    assert_eq!(snapshot.len(), 10 + 2 * 46);
    for at in 0..snapshot.len() {
        assert!(Producers::from_snapshot(&snapshot[..at], 10).is_err());
        let mut damaged = snapshot.clone();
        damaged[at] ^= 1;
        assert!(Producers::from_snapshot(&damaged, 10).is_err());
    }
}

#[test]
fn a_snapshot_keeps_the_newest_batch_of_every_producer() {
    let mut producers = Producers::new(10);
    append(&mut producers, &batch(7, 1, 0, 5, 0)).unwrap();
    append(&mut producers, &batch(7, 1, 5, 2, 5)).unwrap();
    let mut read = Producers::from_snapshot(&producers.to_snapshot(), 10).unwrap();
    assert!(matches!(append(&mut read, &batch(7, 1, 5, 2, 9)), Ok(Verdict::Duplicate(_))));
    assert_eq!(append(&mut read, &batch(7, 1, 7, 1, 7)), Ok(Verdict::Append));
    assert_eq!(append(&mut read, &batch(7, 1, 0, 5, 9)), Err(ErrorCode::OutOfOrderSequenceNumber));
}

/// Every batch of one producer that was taken: (epoch, first, last, base offset).
#[derive(Default)]
struct Model(Vec<(i16, i64, i64, Offset)>);

impl Model {
    /// Without wrapping: the test stays far below `i32::MAX`.
    fn check(&self, epoch: i16, first: i32, count: i32) -> Result<Option<Offset>, ErrorCode> {
        let (first, last) = (i64::from(first), i64::from(first + count - 1));
        let Some(&(newest, _, newest_last, _)) = self.0.last() else { return Ok(None) };
        if epoch < newest {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let same_epoch = self.0.iter().rev().take_while(|batch| batch.0 == epoch).take(5);
        if let Some(known) =
            same_epoch.into_iter().find(|known| (known.1, known.2) == (first, last))
        {
            return Ok(Some(known.3));
        }
        let next = if epoch == newest { newest_last + 1 } else { 0 };
        if first == next { Ok(None) } else { Err(ErrorCode::OutOfOrderSequenceNumber) }
    }
}

proptest! {
    #[test]
    fn it_agrees_with_a_model_that_remembers_everything(
        steps in prop::collection::vec(
            (0..3_i64, 0..3_i16, 0..12_i32, 1..3_i32, any::<bool>()),
            0..200,
        ),
    ) {
        let mut producers = Producers::new(10);
        let mut models = [Model::default(), Model::default(), Model::default()];
        let mut end = 0;
        for (id, epoch, first, count, follow) in steps {
            let model = &mut models[usize::try_from(id).unwrap()];
            // Half of the steps go on where the producer was, so that long runs happen.
            let (epoch, first) = match model.0.last() {
                Some(last) if follow => (last.0, i32::try_from(last.2 + 1).unwrap()),
                _ => (epoch, first),
            };
            let expected = model.check(epoch, first, count);
            let got = append(&mut producers, &batch(id, epoch, first, count, end));
            match (expected, got) {
                (Ok(None), Ok(Verdict::Append)) => {
                    let last = i64::from(first + count - 1);
                    model.0.push((epoch, i64::from(first), last, end));
                    end += i64::from(count);
                }
                (Ok(Some(base)), Ok(Verdict::Duplicate(known))) => {
                    prop_assert_eq!(base, known.first);
                }
                (Err(a), Err(b)) => prop_assert_eq!(a, b),
                (expected, got) => prop_assert!(false, "{expected:?} but {got:?}"),
            }
        }
    }

    #[test]
    fn a_snapshot_reads_back_as_what_a_fresh_replay_of_newest_batches_gives(
        entries in prop::collection::btree_map(
            0..1_000_i64,
            (0..9_i16, 0..i32::MAX, 1..9_i32, 0..1_000_i64),
            0..40,
        ),
    ) {
        let mut producers = Producers::new(100);
        for (id, (epoch, first, count, offset)) in entries {
            producers.record(&batch(id, epoch, first, count, offset), offset);
        }
        let read = Producers::from_snapshot(&producers.to_snapshot(), 100).unwrap();
        prop_assert_eq!(&read.entries, &producers.entries);
        prop_assert_eq!(read.to_snapshot(), producers.to_snapshot());
    }

    #[test]
    fn hostile_snapshots_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Producers::from_snapshot(&bytes, 10).map_or(0, |read| read.len()) <= 10);
    }
}
