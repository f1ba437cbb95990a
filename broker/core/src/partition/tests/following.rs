//! A follower beside its leader: both real, and what goes between them by hand.

use super::*;

const OTHER: BrokerId = BrokerId(2);

fn assignment(leader: BrokerId, epoch: LeaderEpoch) -> Assignment {
    Assignment {
        leader: Some(leader),
        leader_epoch: epoch,
        partition_epoch: epoch,
        replicas: vec![ME, OTHER],
        isr: vec![ME, OTHER],
        recovering: false,
    }
}

/// Both replicas, `ME` leading.
fn pair() -> (Partition<VecLog>, Partition<VecLog>) {
    pair_with(Settings::default())
}

fn pair_with(settings: Settings) -> (Partition<VecLog>, Partition<VecLog>) {
    let (mut leader, mut follower) = (replica(ME, settings), replica(OTHER, settings));
    assign_both(&mut leader, &mut follower, ME, 1);
    (leader, follower)
}

fn assign_both(
    one: &mut Partition<VecLog>,
    other: &mut Partition<VecLog>,
    leader: BrokerId,
    epoch: LeaderEpoch,
) {
    for partition in [one, other] {
        partition.assign(Millis(0), &assignment(leader, epoch));
    }
}

fn assert_same(one: &Partition<VecLog>, other: &Partition<VecLog>) {
    let bytes = |partition: &Partition<VecLog>| {
        partition.log().batches.iter().flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>()
    };
    assert_eq!(bytes(one), bytes(other));
}

/// One fetch and its answer.
fn exchange(
    leader: &mut Partition<VecLog>,
    follower: &mut Partition<VecLog>,
) -> Result<Followed, ErrorCode> {
    let sent = follower.position().unwrap();
    let who =
        Fetching { replica: OTHER, broker_epoch: 7, eligible: true, log_start: sent.log_start };
    let who = Fetching { replica: if leader.me == ME { OTHER } else { ME }, ..who };
    let ask = From {
        current_leader_epoch: sent.leader_epoch,
        last_fetched_epoch: sent.last_epoch,
        ..from(sent.offset)
    };
    let mut records = Vec::new();
    let answer = match leader.follower_fetch(Millis(1), who, ask) {
        Err(code) => Answer {
            error: Some(code),
            high_watermark: -1,
            log_start: leader.log().start(),
            diverging: None,
            records: &records,
        },
        Ok((bounds, _)) => {
            if bounds.slice.is_some() {
                let wanted = leader.log().batches.iter().filter(|(at, _)| at.last >= sent.offset);
                records = wanted.flat_map(|(_, bytes)| bytes.clone()).collect();
            }
            Answer {
                error: None,
                high_watermark: bounds.high_watermark,
                log_start: bounds.log_start,
                diverging: bounds.diverging,
                records: &records,
            }
        }
    };
    follower.follow(NOW, sent, &answer)
}

#[test]
fn a_follower_becomes_a_copy_and_learns_the_high_watermark_a_fetch_later() {
    let (mut leader, mut follower) = pair();
    append(&mut leader, 3).unwrap();
    append(&mut leader, 2).unwrap();
    assert!(matches!(
        exchange(&mut leader, &mut follower),
        Ok(Followed::Appended { visible: false, .. })
    ));
    assert_eq!((follower.log().end(), follower.high_watermark()), (5, 0));
    let second = exchange(&mut leader, &mut follower);
    assert_eq!(second, Ok(Followed::Appended { bytes: 0, visible: true }));
    assert_eq!((leader.high_watermark(), follower.high_watermark()), (5, 5));
    assert!(follower.fetch(from(0)).unwrap().slice.is_some(), "KIP-392");
    assert_eq!(follower.fetch(from(6)).unwrap_err(), ErrorCode::OffsetNotAvailable);
    assert_eq!(append(&mut follower, 1), Err(ErrorCode::NotLeaderOrFollower));
    assert_eq!(follower.acknowledged(5), Err(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn a_follower_that_leads_goes_on_where_it_was() {
    let (mut leader, mut follower) = pair();
    append(&mut leader, 3).unwrap();
    exchange(&mut leader, &mut follower).unwrap();
    assign_both(&mut leader, &mut follower, OTHER, 2);
    assert!(follower.is_leader() && !leader.is_leader());
    assert_eq!(append(&mut leader, 1), Err(ErrorCode::NotLeaderOrFollower));
    let appended = append(&mut follower, 1).unwrap();
    assert_eq!(appended.first(), 3);
    let (mut leader, mut follower) = (follower, leader);
    exchange(&mut leader, &mut follower).unwrap();
    assert_same(&follower, &leader);
}

#[test]
fn a_deposed_leader_cuts_what_nobody_else_has() {
    let (mut old, mut new) = pair();
    append(&mut old, 3).unwrap();
    exchange(&mut old, &mut new).unwrap();
    exchange(&mut old, &mut new).unwrap();
    append(&mut old, 2).unwrap();
    assign_both(&mut old, &mut new, OTHER, 2);
    append(&mut new, 1).unwrap();
    assert_eq!(exchange(&mut new, &mut old), Ok(Followed::Truncated { to: 3 }));
    assert_eq!(old.high_watermark(), 3);
    exchange(&mut new, &mut old).unwrap();
    assert_same(&old, &new);
}

#[test]
fn fast_changes_of_leaders_leave_no_divergence() {
    // KIP-279: both wrote in epochs that the other does not know
    let (mut a, mut b) = pair();
    append(&mut a, 2).unwrap();
    exchange(&mut a, &mut b).unwrap();
    append(&mut a, 1).unwrap();
    b.assign(Millis(0), &assignment(OTHER, 2));
    append(&mut b, 2).unwrap();
    a.assign(Millis(0), &assignment(ME, 3));
    append(&mut a, 1).unwrap();
    b.assign(Millis(0), &assignment(ME, 3));
    assert_eq!(exchange(&mut a, &mut b), Ok(Followed::Truncated { to: 2 }));
    exchange(&mut a, &mut b).unwrap();
    assert_same(&b, &a);
}

#[test]
fn what_is_committed_is_cut_only_where_an_election_was_unclean() {
    let (mut leader, mut follower) = pair();
    append(&mut leader, 3).unwrap();
    exchange(&mut leader, &mut follower).unwrap();
    exchange(&mut leader, &mut follower).unwrap();
    // an empty replica is made leader in the next epoch
    let mut empty = replica(ME, Settings::default());
    empty.assign(Millis(0), &assignment(ME, 2));
    append(&mut empty, 1).unwrap();
    follower.assign(Millis(0), &assignment(ME, 2));
    assert_eq!(exchange(&mut empty, &mut follower), Err(ErrorCode::OffsetOutOfRange));
    assert_eq!((follower.log().end(), follower.high_watermark()), (3, 3));
    empty.assign(Millis(0), &Assignment { recovering: true, ..assignment(ME, 3) });
    // the change after that one, in which the leader has recovered, is all that the follower sees
    let recovered = Assignment { partition_epoch: 4, ..assignment(ME, 3) };
    empty.assign(Millis(0), &recovered);
    follower.assign(Millis(0), &recovered);
    assert_eq!(exchange(&mut empty, &mut follower), Ok(Followed::Restarted { at: 0 }));
    assert_eq!(follower.high_watermark(), 0);
    exchange(&mut empty, &mut follower).unwrap();
    assert_same(&follower, &empty);
}

#[test]
fn whoever_is_too_far_behind_starts_where_the_leader_does() {
    let (mut leader, mut follower) = pair();
    append(&mut leader, 3).unwrap();
    append(&mut leader, 2).unwrap();
    leader.log_mut().start = 3;
    assert_eq!(exchange(&mut leader, &mut follower), Ok(Followed::Restarted { at: 3 }));
    exchange(&mut leader, &mut follower).unwrap();
    assert_eq!((follower.log().start(), follower.log().end()), (3, 5));
}

#[test]
fn a_log_that_starts_within_a_batch_is_copied_whole() {
    let (mut leader, mut follower) = pair();
    append(&mut leader, 3).unwrap();
    leader.log_mut().start = 2;
    assert_eq!(exchange(&mut leader, &mut follower), Ok(Followed::Restarted { at: 2 }));
    exchange(&mut leader, &mut follower).unwrap();
    assert_eq!((follower.log().start(), follower.log().end()), (2, 3));
    assert_same(&follower, &leader);
}

#[test]
fn the_logs_start_follows_the_leaders_up_to_the_high_watermark() {
    let (mut leader, mut follower) = pair();
    append(&mut leader, 3).unwrap();
    exchange(&mut leader, &mut follower).unwrap();
    leader.log_mut().start = 2;
    exchange(&mut leader, &mut follower).unwrap();
    assert_eq!(follower.log().start(), 2);
    assert_eq!(leader.low_watermark(), Ok(0), "it says so with its next fetch");
    exchange(&mut leader, &mut follower).unwrap();
    assert_eq!(leader.low_watermark(), Ok(2));
}

#[test]
fn producers_are_known_to_a_follower_and_forgotten_with_what_is_cut() {
    let (mut old, mut new) = pair();
    let produce = |partition: &mut Partition<VecLog>, sequence: i32| {
        let mut builder = Builder::new(0, -1);
        builder.producer(5, 0, sequence);
        builder.record(100, None, Some(b"v".as_slice()), &[]);
        let mut bytes = builder.finish();
        let valid = validate(&bytes, &Rules::default(), &mut Scratch::default()).unwrap();
        partition.append(&mut bytes, &valid, HOW)
    };
    produce(&mut old, 0).unwrap();
    exchange(&mut old, &mut new).unwrap();
    produce(&mut old, 1).unwrap();
    assign_both(&mut old, &mut new, OTHER, 2);
    assert!(matches!(produce(&mut new, 0), Ok(Outcome::Duplicate(_))));
    assert_eq!(produce(&mut new, 1).unwrap().first(), 1);
    exchange(&mut new, &mut old).unwrap();
    assert_eq!(old.producers().last_offsets(), [(5, 0)].into());
}

#[test]
fn answers_to_questions_of_the_past_change_nothing() {
    let (mut leader, mut follower) = pair();
    append(&mut leader, 1).unwrap();
    let sent = follower.position().unwrap();
    let records = leader.log().batches[0].1.clone();
    let answer =
        Answer { error: None, high_watermark: 1, log_start: 0, diverging: None, records: &records };
    assert!(matches!(follower.follow(NOW, sent, &answer), Ok(Followed::Appended { .. })));
    assert_eq!(follower.follow(NOW, sent, &answer), Ok(Followed::Stale), "it comes again");
    let sent = follower.position().unwrap();
    follower.assign(Millis(0), &assignment(ME, 2));
    assert_eq!(follower.follow(NOW, sent, &answer), Ok(Followed::Stale), "of another epoch");
    follower.assign(Millis(0), &assignment(OTHER, 3));
    assert_eq!(follower.follow(NOW, sent, &answer), Ok(Followed::Stale), "it leads");
}

#[test]
fn bytes_that_do_not_follow_are_refused() {
    let (mut leader, mut follower) = pair();
    append(&mut leader, 1).unwrap();
    append(&mut leader, 1).unwrap();
    let batch = |n: usize| leader.log().batches[n].1.clone();
    let mut refuse = |records: &[u8]| {
        let sent = follower.position().unwrap();
        let answer =
            Answer { error: None, high_watermark: 0, log_start: 0, diverging: None, records };
        follower.follow(NOW, sent, &answer)
    };
    let mut broken = batch(0);
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(refuse(&broken), Err(ErrorCode::CorruptMessage));
    assert_eq!(refuse(&[batch(1), batch(0)].concat()), Err(ErrorCode::CorruptMessage));
    let mut future = batch(0);
    future[12..16].copy_from_slice(&9_i32.to_be_bytes());
    assert_eq!(refuse(&future), Err(ErrorCode::CorruptMessage), "of an epoch to come");
    let cut = &batch(0)[..69];
    assert_eq!(refuse(cut), Ok(Followed::Appended { bytes: 0, visible: false }));
    assert_eq!(refuse(b"nonsense"), Ok(Followed::Appended { bytes: 0, visible: false }));
}

#[test]
fn in_fsync_mode_a_follower_asks_for_more_once_it_has_synced() {
    let settings = Settings { durability: Durability::Fsync, ..Settings::default() };
    let (mut leader, mut follower) = pair_with(settings);
    append(&mut leader, 2).unwrap();
    leader.synced(2);
    exchange(&mut leader, &mut follower).unwrap();
    assert_eq!(follower.position(), None);
    assert_eq!(leader.high_watermark(), 0);
    follower.synced(2);
    exchange(&mut leader, &mut follower).unwrap();
    assert_eq!(leader.high_watermark(), 2);
}
