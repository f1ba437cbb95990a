//! Plans for clusters of every shape.

mod cases;

use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::id::BrokerId;

fn broker(id: i32, rack: Option<i32>, state: State, disk: Option<Disk>) -> Broker {
    Broker { id: BrokerId(id), rack: rack.map(|rack| format!("rack-{rack}")), state, disk }
}

fn partition(number: usize, replicas: &[i32], bytes: u64) -> Partition {
    let replicas: Vec<_> = replicas.iter().copied().map(BrokerId).collect();
    Partition {
        topic: format!("topic-{}", number / 3).into(),
        index: i32::try_from(number % 3).unwrap(),
        in_sync: replicas.clone(),
        factor: replicas.len(),
        replicas,
        bytes,
        written: 0,
        read: 0,
        moving: false,
    }
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        6 => Just(State::Active),
        1 => Just(State::Cordoned),
        1 => Just(State::Draining),
        1 => Just(State::Gone),
    ]
}

prop_compose! {
    /// Clusters of any shape: brokers in every state, racks or none, disks that are nearly full,
    /// sizes from nothing to huge, replicas out of sync, partitions that move already.
    fn picture()(
        racks in 0..4_i32,
        brokers in prop::collection::vec((state(), 0..4_i32, prop::option::of(0..40_u64)), 1..9),
        partitions in prop::collection::vec(
            (
                prop::sample::subsequence((0..9).collect::<Vec<i32>>(), 1..4),
                any::<prop::sample::Index>(),
                (1..4_usize, 0..20_u64, 0..8_u64, 0..100_u32),
            ),
            0..40,
        ),
    ) -> Picture {
        let brokers: Vec<_> = (0..)
            .zip(&brokers)
            .map(|(id, (state, rack, free))| {
                let disk = free.map(|free| Disk { total: 100 << 30, free: free << 30 });
                broker(id, (racks > 0).then_some(rack % racks.max(1)), *state, disk)
            })
            .collect();
        let partitions = partitions.into_iter().enumerate().map(|(number, (mut ids, first, it))| {
            let (factor, size, rate, odd) = it;
            let at = first.index(ids.len());
            ids.swap(0, at);
            let mut partition = partition(number, &ids, (1 << size) << 12);
            if odd % 4 == 0 {
                partition.factor = factor;
            }
            if odd % 10 == 0 {
                partition.in_sync.pop();
            }
            partition.moving = odd % 25 == 0;
            partition.written = rate << 20;
            partition.read = (rate * u64::from(odd % 3)) << 20;
            partition
        });
        Picture { partitions: partitions.collect(), brokers }
    }
}

fn state_of(picture: &Picture, id: BrokerId) -> State {
    picture.brokers.iter().find(|it| it.id == id).map_or(State::Gone, |broker| broker.state)
}

/// Pairs of a partition's replicas that share a rack.
fn clashes(picture: &Picture, replicas: &[BrokerId]) -> usize {
    let rack = |id: &BrokerId| picture.brokers.iter().find(|it| it.id == *id)?.rack.clone();
    let racks: Vec<_> = replicas.iter().filter_map(rack).collect();
    let same = |at: usize| racks[at + 1..].iter().filter(|rack| **rack == racks[at]).count();
    (0..racks.len()).map(same).sum()
}

/// Checks a plan move by move, and gives what comes of it.
fn carry_out(picture: &Picture, plan: &Plan) -> Result<Picture, TestCaseError> {
    let mut now = picture.clone();
    let mut moved = BTreeSet::new();
    for step in &plan.moves {
        prop_assert!(moved.insert((Arc::clone(&step.topic), step.index)), "twice: {step:?}");
        let same = |it: &&Partition| it.topic == step.topic && it.index == step.index;
        let before = now.partitions.iter().find(same).unwrap().clone();
        prop_assert_eq!(&before.replicas, &step.from);
        prop_assert_ne!(&step.from, &step.to);
        prop_assert!(!before.moving);
        let distinct: BTreeSet<_> = step.to.iter().collect();
        prop_assert_eq!(distinct.len(), step.to.len(), "two replicas on one broker");
        // no further from what it should be, and never beyond
        prop_assert!(
            step.to.len().abs_diff(before.factor) <= step.from.len().abs_diff(before.factor)
        );
        for added in step.added() {
            prop_assert_eq!(state_of(&now, added), State::Active);
            let disk = now.brokers.iter().find(|it| it.id == added).unwrap().disk;
            prop_assert!(disk.is_none_or(|disk| disk.free >= before.bytes), "no room: {step:?}");
        }
        let live = |id: &BrokerId| state_of(&now, *id) != State::Gone;
        prop_assert!(before.in_sync.iter().any(live), "nothing to copy from: {step:?}");
        let stays = |id: &BrokerId| live(id) && step.to.contains(id);
        let last = before.replicas.iter().all(|id| !step.to.contains(id));
        prop_assert!(last || before.in_sync.iter().any(stays) || step.added().count() > 0);
        now.carry_out(step);
    }
    Ok(now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_move_is_legal_and_the_result_is_better(picture in picture(), most in 0..50_usize) {
        let plan = plan(&picture, most);
        prop_assert!(plan.moves.len() <= most);
        prop_assert!(plan.after <= plan.before);
        prop_assert_eq!(plan.moves.is_empty(), plan.after == plan.before);
        carry_out(&picture, &plan)?;
    }

    #[test]
    fn a_second_plan_finds_nothing_to_do(picture in picture()) {
        let first = plan(&picture, usize::MAX);
        let result = carry_out(&picture, &first)?;
        let second = plan(&result, usize::MAX);
        if !first.more {
            prop_assert_eq!(&second.moves, &[]);
            let places = |plan: &Plan| {
                plan.blocked.iter().map(|it| (Arc::clone(&it.topic), it.index)).collect::<Vec<_>>()
            };
            prop_assert_eq!(places(&second), places(&first));
        }
    }

    #[test]
    fn who_goes_ends_with_nothing_or_is_told_why(picture in picture()) {
        let plan = plan(&picture, usize::MAX);
        let result = carry_out(&picture, &plan)?;
        for partition in &result.partitions {
            let goes = |id: &BrokerId| {
                matches!(state_of(&picture, *id), State::Draining | State::Gone)
            };
            let on: Vec<_> = partition.replicas.iter().filter(|id| goes(id)).copied().collect();
            let short = partition.replicas.len() != partition.factor;
            let place = |it: &&Blocked| it.topic == partition.topic && it.index == partition.index;
            let blocked = plan.blocked.iter().find(place);
            if on.is_empty() && !short {
                prop_assert_eq!(blocked, None);
            } else if !plan.more {
                prop_assert_eq!(blocked.map(|it| &it.on), Some(&on));
            }
            let active = picture.brokers.iter().filter(|it| it.state == State::Active).count();
            if let Some(Blocked { cause: Cause::TooFewBrokers { .. }, .. }) = blocked {
                prop_assert!(partition.factor > active);
            }
        }
    }

    #[test]
    fn racks_are_shared_no_more_than_before(picture in picture()) {
        let plan = plan(&picture, usize::MAX);
        let live = |id: &&BrokerId| {
            matches!(state_of(&picture, **id), State::Active | State::Cordoned)
        };
        for step in &plan.moves {
            let had: Vec<_> = step.from.iter().filter(live).copied().collect();
            if had.len() == step.from.len() && step.to.len() == step.from.len() {
                prop_assert!(clashes(&picture, &step.to) <= clashes(&picture, &step.from));
            }
        }
    }

    #[test]
    fn replicas_and_leaders_are_even_where_nothing_stands_against_it(
        brokers in 1..9_i32,
        used in 1..9_i32,
        count in 0..60_usize,
        factor in 1..4_usize,
    ) {
        let line: Vec<_> = (0..brokers).map(|id| broker(id, None, State::Active, None)).collect();
        let used = used.min(brokers);
        let factor = factor.min(usize::try_from(used).unwrap());
        let partitions = (0..count).map(|number| {
            let first = i32::try_from(number * 7 % 5).unwrap();
            let ids: Vec<_> =
                (0..i32::try_from(factor).unwrap()).map(|it| (first + it) % used).collect();
            partition(number, &ids, 1)
        });
        let picture = Picture { partitions: partitions.collect(), brokers: line };
        let result = carry_out(&picture, &plan(&picture, usize::MAX))?;
        let tallies = result.tallies();
        let range = |of: fn(&Tally) -> u64| {
            let (most, least) = (tallies.values().map(of).max(), tallies.values().map(of).min());
            most.unwrap() - least.unwrap()
        };
        prop_assert!(range(|it| it.replicas) <= 1, "{tallies:?}");
        prop_assert!(range(|it| it.leaders) <= 1, "{tallies:?}");
    }

    #[test]
    fn the_same_picture_gives_the_same_plan(picture in picture(), most in 0..50_usize) {
        prop_assert_eq!(plan(&picture, most), plan(&picture, most));
    }
}
