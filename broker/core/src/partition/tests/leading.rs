//! A leader with followers.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(ms: u64) -> Millis {
    Millis(ms)
}

fn assignment(epoch: LeaderEpoch, partition_epoch: i32, isr: &[i32]) -> Assignment {
    Assignment {
        leader: Some(ME),
        leader_epoch: epoch,
        partition_epoch,
        replicas: vec![ME, BrokerId(2), BrokerId(3)],
        isr: isr.iter().map(|id| BrokerId(*id)).collect(),
        recovering: false,
    }
}

fn leader(isr: &[i32], min_in_sync: i32) -> Partition<VecLog> {
    let settings = Settings { min_in_sync, lag: 10 * SECOND, ..Settings::default() };
    let mut partition = replica(ME, settings);
    let led = partition.assign(at(0), &assignment(1, 1, isr));
    assert!(matches!(led, Assigned::Leads(_)));
    partition
}

fn who(id: i32) -> Fetching {
    Fetching { replica: BrokerId(id), broker_epoch: 7, eligible: true, log_start: 0 }
}

fn follower_from(offset: Offset, last_epoch: LeaderEpoch) -> From {
    From { current_leader_epoch: 1, last_fetched_epoch: last_epoch, ..from(offset) }
}

fn fetch(partition: &mut Partition<VecLog>, now: u64, id: i32, offset: Offset) -> Moved {
    let last_epoch = if offset == 0 { -1 } else { 1 };
    partition.follower_fetch(at(now), who(id), follower_from(offset, last_epoch)).unwrap().1
}

fn append_at(partition: &mut Partition<VecLog>, now: u64) -> Result<Outcome, ErrorCode> {
    let (mut bytes, valid) = records(1);
    let now = Now { monotonic: at(now), wall: 1_000 };
    partition.append(&mut bytes, &valid, Appending { now, ..HOW })
}

#[test]
fn the_high_watermark_is_the_least_that_the_isr_has() {
    let mut partition = leader(&[1, 2, 3], 1);
    append(&mut partition, 3).unwrap();
    assert!(!fetch(&mut partition, 1, 2, 3).visible);
    assert_eq!(partition.acknowledged(3), Ok(false));
    assert!(fetch(&mut partition, 1, 3, 2).visible);
    assert_eq!(partition.high_watermark(), 2);
    assert!(fetch(&mut partition, 2, 3, 3).visible);
    assert_eq!((partition.high_watermark(), partition.acknowledged(3)), (3, Ok(true)));
    assert!(!fetch(&mut partition, 3, 3, 1).visible, "it has lost some: nothing falls");
    assert_eq!(partition.high_watermark(), 3);
}

#[test]
fn followers_see_the_log_to_its_end_and_consumers_do_not() {
    let mut partition = leader(&[1, 2, 3], 1);
    append(&mut partition, 3).unwrap();
    let (bounds, _) = partition.follower_fetch(at(1), who(2), follower_from(0, -1)).unwrap();
    assert_eq!((bounds.slice, bounds.until), (Some(()), 3));
    assert_eq!(partition.bounds(from(0)).unwrap().slice, None);
}

#[test]
fn fewer_in_sync_than_promised_commit_nothing_and_take_nothing() {
    let mut partition = leader(&[1], 2);
    assert_eq!(append(&mut partition, 1), Err(ErrorCode::NotEnoughReplicas));
    let (mut bytes, valid) = records(1);
    let how = Appending { all: false, ..HOW };
    let appended = partition.append(&mut bytes, &valid, how).unwrap();
    assert_eq!(appended, Outcome::Appended { first: 0, last: 0, visible: false });
    assert_eq!(partition.high_watermark(), 0, "KIP-966");
}

#[test]
fn an_isr_that_shrinks_behind_an_append_says_so() {
    let mut partition = leader(&[1, 2], 2);
    append(&mut partition, 1).unwrap();
    assert!(fetch(&mut partition, 1, 2, 1).visible);
    let same = partition.assign(at(2), &assignment(1, 2, &[1]));
    assert_eq!(same, Assigned::Same(Moved::default()));
    assert_eq!(partition.acknowledged(1), Err(ErrorCode::NotEnoughReplicasAfterAppend));
}

#[test]
fn who_is_caught_up_is_proposed_and_counts_before_the_answer() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 3).unwrap();
    assert!(fetch(&mut partition, 1, 2, 3).visible);
    assert!(!fetch(&mut partition, 1, 3, 2).proposal, "behind the high watermark");
    assert!(fetch(&mut partition, 2, 3, 3).proposal);
    let proposal = partition.take_proposal().unwrap();
    let isr = vec![(ME, -1), (BrokerId(2), 7), (BrokerId(3), 7)];
    assert_eq!(proposal, Proposal { leader_epoch: 1, partition_epoch: 1, isr });
    assert_eq!(partition.take_proposal(), None, "one at a time");
    append(&mut partition, 1).unwrap();
    assert!(!fetch(&mut partition, 3, 2, 4).visible, "3 may be in the ISR by now");
    partition.proposal_answered(at(4), &proposal, Some(Ok(())));
    assert_eq!(partition.take_proposal(), None, "the metadata is about to tell");
    partition.assign(at(4), &assignment(1, 2, &[1, 2, 3]));
    assert!(fetch(&mut partition, 5, 3, 4).visible);
    let late = partition.proposal_answered(at(6), &proposal, Some(Err(ErrorCode::InvalidRequest)));
    assert_eq!(late, Moved::default(), "of an earlier question");
}

#[test]
fn a_refused_member_counts_no_longer_unless_an_attempt_may_linger() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 1).unwrap();
    fetch(&mut partition, 1, 2, 1);
    assert!(fetch(&mut partition, 1, 3, 1).proposal);
    let proposal = partition.take_proposal().unwrap();
    append(&mut partition, 1).unwrap();
    assert!(!fetch(&mut partition, 2, 2, 2).visible);
    let again = partition.proposal_answered(at(2), &proposal, None);
    assert!(again.proposal && partition.take_proposal().as_ref() == Some(&proposal));
    let refused = Some(Err(ErrorCode::IneligibleReplica));
    let again = partition.proposal_answered(at(3), &proposal, refused);
    assert_eq!(again, Moved { visible: false, proposal: true }, "the first may yet be accepted");
    assert!(partition.take_proposal().is_some());
    let given_up = partition.proposal_answered(at(40_000), &proposal, refused);
    assert_eq!(given_up, Moved { visible: true, proposal: false });
    assert_eq!(partition.high_watermark(), 2);
}

#[test]
fn a_proposal_that_rests_on_the_past_stands_until_the_metadata_tells() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 1).unwrap();
    fetch(&mut partition, 1, 2, 1);
    assert!(fetch(&mut partition, 1, 3, 1).proposal);
    let proposal = partition.take_proposal().unwrap();
    append(&mut partition, 1).unwrap();
    fetch(&mut partition, 2, 2, 2);
    let stale = Some(Err(ErrorCode::InvalidUpdateVersion));
    assert_eq!(partition.proposal_answered(at(2), &proposal, stale), Moved::default());
    assert_eq!((partition.take_proposal(), partition.high_watermark()), (None, 1));
    let told = partition.assign(at(3), &assignment(1, 2, &[1, 2]));
    assert_eq!(told, Assigned::Same(Moved { visible: true, proposal: false }));
}

#[test]
fn who_is_behind_for_too_long_is_left_out() {
    let mut partition = leader(&[1, 2, 3], 1);
    fetch(&mut partition, 1_000, 2, 0);
    fetch(&mut partition, 1_000, 3, 0);
    assert_eq!(partition.review_deadline(), None, "nobody is behind an empty log");
    append_at(&mut partition, 5_000).unwrap();
    assert_eq!(partition.review_deadline(), Some(at(15_000)));
    fetch(&mut partition, 6_000, 2, 1);
    append_at(&mut partition, 7_000).unwrap();
    // 2 has what was there a fetch ago, 3 has not
    fetch(&mut partition, 14_000, 2, 1);
    assert!(!partition.review(at(14_999), |_, _| true).proposal);
    assert!(partition.review(at(15_001), |_, _| true).proposal);
    let proposal = partition.take_proposal().unwrap();
    assert_eq!(proposal.isr, [(ME, -1), (BrokerId(2), 7)]);
    fetch(&mut partition, 15_002, 2, 2);
    assert_eq!(
        partition.high_watermark(),
        0,
        "3 is in the ISR until the controller says otherwise"
    );
    let told = partition.assign(at(15_003), &assignment(1, 2, &[1, 2]));
    assert_eq!(told, Assigned::Same(Moved { visible: true, proposal: false }));
    assert_eq!(partition.high_watermark(), 2);
}

#[test]
fn a_follower_that_always_has_the_last_but_one_is_not_behind() {
    let mut partition = leader(&[1, 2], 1);
    for n in 0..40 {
        append_at(&mut partition, n * 1_000).unwrap();
        fetch(&mut partition, n * 1_000 + 500, 2, i64::try_from(n).unwrap());
        assert!(!partition.review(at(n * 1_000 + 600), |_, _| true).proposal, "{n}");
    }
}

#[test]
fn earlier_registrations_and_strangers_are_turned_away() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 1).unwrap();
    fetch(&mut partition, 1, 2, 0);
    let old = Fetching { broker_epoch: 6, ..who(2) };
    let refused = partition.follower_fetch(at(2), old, follower_from(1, 1));
    assert_eq!(refused.unwrap_err(), ErrorCode::NotLeaderOrFollower);
    let stranger = partition.follower_fetch(at(2), who(9), follower_from(1, 1));
    assert_eq!(stranger.unwrap_err(), ErrorCode::UnknownLeaderEpoch);
    let old_epoch = From { current_leader_epoch: 0, ..follower_from(1, 1) };
    let fenced = partition.follower_fetch(at(2), who(2), old_epoch);
    assert_eq!(fenced.unwrap_err(), ErrorCode::FencedLeaderEpoch);
    assert_eq!(partition.high_watermark(), 0);
}

#[test]
fn a_fetch_from_another_history_counts_for_nothing() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 1).unwrap();
    partition.assign(at(1), &assignment(3, 3, &[1, 2]));
    append(&mut partition, 1).unwrap();
    let ask = From { current_leader_epoch: 3, ..follower_from(2, 2) };
    let (told, moved) = partition.follower_fetch(at(2), who(2), ask).unwrap();
    assert_eq!((told.diverging, told.slice, moved), (Some((1, 1)), None, Moved::default()));
    assert_eq!(partition.high_watermark(), 0);
}

#[test]
fn whoever_has_only_what_was_deleted_before_the_memory_of_it_begins_anew() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 2).unwrap();
    partition.assign(at(1), &assignment(3, 3, &[1, 2]));
    append(&mut partition, 2).unwrap();
    partition.log_mut().start = 2;
    let ask = |offset, epoch| From { current_leader_epoch: 3, ..follower_from(offset, epoch) };
    let mut fetch = |offset, epoch| partition.follower_fetch(at(2), who(2), ask(offset, epoch));
    assert_eq!(fetch(3, 2).unwrap_err(), ErrorCode::OffsetOutOfRange, "nothing is left of 2");
    assert_eq!(fetch(2, 1).unwrap_err(), ErrorCode::OffsetOutOfRange, "nor of 1, ours or not");
    assert_eq!(fetch(2, -1).unwrap().0.diverging, None, "it has nothing");
    assert_eq!(fetch(3, 3).unwrap().0.diverging, None);
}

#[test]
fn who_joins_has_everything_from_before_the_epoch() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 5).unwrap();
    partition.assign(at(1), &assignment(2, 2, &[1, 2]));
    let ask = |offset| From { current_leader_epoch: 2, ..follower_from(offset, 1) };
    let (_, moved) = partition.follower_fetch(at(2), who(3), ask(4)).unwrap();
    assert!(!moved.proposal, "the high watermark is 0, but the epoch began at 5");
    let (_, moved) = partition.follower_fetch(at(3), who(3), ask(5)).unwrap();
    assert!(moved.proposal);
}

#[test]
fn a_member_of_an_earlier_life_is_not_proposed_as_one_of_the_next() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 2).unwrap();
    assert!(fetch(&mut partition, 1, 3, 2).proposal);
    let proposal = partition.take_proposal().unwrap();
    // its broker comes back with less than it had, before anybody has answered
    let reborn = Fetching { broker_epoch: 8, eligible: false, ..who(3) };
    partition.follower_fetch(at(2), reborn, follower_from(1, 1)).unwrap();
    partition.proposal_answered(at(3), &proposal, None);
    assert_eq!(partition.take_proposal().as_ref(), Some(&proposal));
    assert_eq!(proposal.isr.last(), Some(&(BrokerId(3), 7)));
}

#[test]
fn who_may_not_join_is_not_proposed() {
    let mut partition = leader(&[1, 2], 1);
    let fenced = Fetching { eligible: false, ..who(3) };
    let (_, moved) = partition.follower_fetch(at(1), fenced, follower_from(0, -1)).unwrap();
    assert!(!moved.proposal);
}

#[test]
fn who_may_join_later_is_proposed_without_another_fetch() {
    let mut partition = leader(&[1, 2], 1);
    let fenced = Fetching { eligible: false, ..who(3) };
    let (_, moved) = partition.follower_fetch(at(1), fenced, follower_from(0, -1)).unwrap();
    assert!(!moved.proposal);
    assert!(!partition.review(at(2), |_, epoch| epoch == 8).proposal, "another registration");
    assert!(partition.review(at(2), |id, epoch| (id.0, epoch) == (3, 7)).proposal);
    let proposal = partition.take_proposal().unwrap();
    let refused = Some(Err(ErrorCode::IneligibleReplica));
    partition.proposal_answered(at(3), &proposal, refused);
    assert_eq!(partition.review_deadline(), Some(at(503)));
    assert!(partition.review(at(503), |_, _| true).proposal);
}

#[test]
fn a_new_epoch_forgets_what_followers_had() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 1).unwrap();
    fetch(&mut partition, 1, 2, 1);
    append(&mut partition, 1).unwrap();
    let leads = partition.assign(at(2), &assignment(2, 2, &[1, 2]));
    assert_eq!(leads, Assigned::Leads(Moved::default()));
    assert_eq!(partition.high_watermark(), 1);
    let listed = partition.list(Place::Latest, -1, Isolation::ReadUncommitted);
    assert_eq!(listed, Err(ErrorCode::OffsetNotAvailable), "KIP-207");
    let ask = From { current_leader_epoch: 2, ..follower_from(2, 1) };
    let (told, moved) = partition.follower_fetch(at(3), who(2), ask).unwrap();
    assert!(moved.visible && told.high_watermark == 2);
}

#[test]
fn an_image_of_the_past_does_not_make_a_leader() {
    let mut partition = leader(&[1, 2], 1);
    append(&mut partition, 1).unwrap();
    assert_eq!(partition.assign(at(1), &assignment(0, 5, &[1, 2])), Assigned::Stale);
    let log = partition.into_log();
    let opening = Opening { me: ME, high_watermark: 0, settings: Settings::default() };
    let mut restarted = Partition::new(log, Producers::new(10), opening);
    assert_eq!(restarted.assign(at(2), &assignment(0, 0, &[1, 2])), Assigned::Idle);
    assert_eq!(append(&mut restarted, 1), Err(ErrorCode::NotLeaderOrFollower));
    assert_eq!(restarted.bounds(from(0)).unwrap_err(), ErrorCode::NotLeaderOrFollower);
}

#[test]
fn an_unclean_leader_says_that_it_has_recovered() {
    let mut partition = replica(ME, Settings::default());
    let recovering = Assignment { recovering: true, ..assignment(4, 9, &[1]) };
    let led = partition.assign(at(0), &recovering);
    assert_eq!(led, Assigned::Leads(Moved { visible: false, proposal: true }));
    let proposal = partition.take_proposal().unwrap();
    assert_eq!(proposal.isr, [(ME, -1)]);
}

#[test]
fn in_fsync_mode_the_leader_counts_what_it_has_synced() {
    let settings = Settings { durability: Durability::Fsync, ..Settings::default() };
    let mut partition = replica(ME, settings);
    partition.assign(at(0), &assignment(1, 1, &[1, 2]));
    append(&mut partition, 2).unwrap();
    assert!(!fetch(&mut partition, 1, 2, 2).visible);
    assert!(partition.synced(2));
    assert_eq!(partition.high_watermark(), 2);
}

#[test]
fn who_leads_in_doubt_needs_all_followers_that_could_be_elected_to_ask() {
    let doubt = |since| Standing::Doubtful(at(since));
    let fenced = Err(ErrorCode::NotLeaderOrFollower);
    let mut partition = leader(&[1, 2, 3], 1);
    fetch(&mut partition, 500, 2, 0);
    assert_eq!(partition.check_standing(Standing::Sure), Ok(()));
    assert_eq!(partition.check_standing(doubt(400)), fenced, "one of them may lead by now");
    fetch(&mut partition, 600, 3, 0);
    assert_eq!(partition.check_standing(doubt(400)), Ok(()));
    assert_eq!(partition.check_standing(doubt(501)), fenced);
    // nobody else could be elected
    let alone = leader(&[1], 1);
    assert_eq!(alone.check_standing(doubt(9000)), Ok(()));
    // one that was proposed could, should the answer have been lost
    let mut growing = leader(&[1], 1);
    fetch(&mut growing, 500, 2, 0);
    assert!(growing.take_proposal().is_some());
    assert_eq!(growing.check_standing(doubt(500)), Ok(()));
    assert_eq!(growing.check_standing(doubt(501)), fenced);
    // an eligible replica could, which is in no ISR
    let fewer = leader(&[1], 2);
    assert_eq!(fewer.check_standing(doubt(0)), fenced);
}
