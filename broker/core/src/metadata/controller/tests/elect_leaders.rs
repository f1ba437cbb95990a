//! Leaders on request.

use super::*;

fn elect(
    bench: &mut Bench,
    election: Election,
    partitions: Option<Vec<(&str, Vec<i32>)>>,
) -> Vec<Codes> {
    let owned = |of: Vec<(&str, Vec<i32>)>| {
        of.into_iter().map(|(name, of)| (name.to_owned(), of)).collect()
    };
    let input = Input::ElectLeaders { ticket: TICKET, election, partitions: partitions.map(owned) };
    codes(bench.run(input))
}

/// Topic "a" with one partition on brokers 1 and 2, changed by `change`.
fn bench_with(change: impl FnOnce(&mut PartitionRecord)) -> Bench {
    let mut bench = Bench::new(2);
    let id = Uuid::from_u128(7);
    let mut record = partition(id, 0, &[1, 2]);
    change(&mut record);
    for record in
        [Record::Topic(TopicRecord { name: "a".to_owned(), id }), Record::Partition(record)]
    {
        bench.controller.apply(&record);
        bench.log.push(record);
    }
    bench
}

fn state(bench: &Bench) -> Partition {
    (*bench.controller.image().topic("a").unwrap().partitions[&0]).clone()
}

#[test]
fn with_one_broker_there_is_never_anything_to_elect() {
    let mut bench = Bench::new(1);
    bench.create(vec![topic("a", 2, 1), topic("b", 1, 1)]);
    for election in [Election::Preferred, Election::Unclean] {
        let asked = Some(vec![("a", vec![0, 1, 2, -1, 0]), ("c", vec![0]), ("b", vec![])]);
        let a = vec![(0, Some(84)), (1, Some(84)), (2, Some(3)), (-1, Some(3)), (0, Some(84))];
        assert_eq!(
            elect(&mut bench, election, asked),
            [("a".to_owned(), a), ("c".to_owned(), vec![(0, Some(3))]), ("b".to_owned(), vec![])]
        );
        let all = elect(&mut bench, election, None);
        assert_eq!(all, [("a".to_owned(), vec![]), ("b".to_owned(), vec![])]);
    }
}

#[test]
fn the_preferred_replica_gets_the_lead_back_once_it_is_in_sync() {
    let mut bench = bench_with(|it| it.leader = BrokerId(2));
    let asked = || Some(vec![("a", vec![0, 0])]);
    // the second of two elections in one request finds what the first has done
    let expected = vec![("a".to_owned(), vec![(0, None), (0, Some(84))])];
    assert_eq!(elect(&mut bench, Election::Preferred, asked()), expected);
    assert_eq!((state(&bench).leader, state(&bench).leader_epoch), (Some(BrokerId(1)), 1));

    let mut bench = bench_with(|it| (it.leader, it.isr) = (BrokerId(2), vec![BrokerId(2)]));
    let expected = vec![("a".to_owned(), vec![(0, Some(80)), (0, Some(80))])];
    assert_eq!(elect(&mut bench, Election::Preferred, asked()), expected);
}

#[test]
fn an_unclean_election_is_for_partitions_without_a_leader_and_says_that_it_was_unclean() {
    let mut bench = bench_with(|it| (it.leader, it.isr) = (NO_LEADER, vec![BrokerId(9)]));
    assert_eq!(elect(&mut bench, Election::Unclean, None), [("a".to_owned(), vec![(0, None)])]);
    let after = state(&bench);
    assert_eq!((after.leader, after.leader_recovery_state), (Some(BrokerId(1)), 1));
    assert_eq!(after.isr, [BrokerId(1)]);

    let mut bench = bench_with(|it| (it.leader, it.isr) = (NO_LEADER, vec![BrokerId(2)]));
    elect(&mut bench, Election::Unclean, None);
    let after = state(&bench);
    assert_eq!((after.leader, after.leader_recovery_state), (Some(BrokerId(2)), 0));

    let mut bench = bench_with(|it| {
        (it.leader, it.isr, it.replicas) = (NO_LEADER, Vec::new(), vec![BrokerId(9)]);
    });
    let expected = [("a".to_owned(), vec![(0, Some(83))])];
    assert_eq!(elect(&mut bench, Election::Unclean, None), expected);
}
