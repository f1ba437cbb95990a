//! `JoinGroup`: who is let in, and which generation comes out.

use super::*;

#[test]
fn a_newcomer_is_given_an_id_and_comes_back_with_it() {
    let mut bench = Bench::new();
    let mut who = Person { knows_flow: true, ..reader() };
    let ticket = bench.join(&who);
    let first = bench.joined(ticket).unwrap();
    assert_eq!(first.error, Some(ErrorCode::MemberIdRequired));
    assert!(first.member.as_str().starts_with("client-"));
    assert_eq!(bench.state(), State::Empty);

    who.id = first.member.clone();
    let ticket = bench.join(&who);
    assert_eq!(bench.state(), State::PreparingRebalance);
    bench.until(ticket);
    let joined = bench.joined(ticket).unwrap();
    assert_eq!((joined.error, joined.generation), (None, 1));
    assert_eq!((&joined.leader, &joined.member), (&first.member, &first.member));
    assert_eq!(joined.protocol_type.as_deref(), Some("consumer"));
    assert_eq!((joined.protocol.as_str(), joined.members.len()), ("range", 1));
    assert_eq!(joined.members[0].metadata, Bytes::from_static(b"topics"));
}

#[test]
fn an_id_that_nobody_comes_back_with_is_forgotten_after_a_session() {
    let mut bench = Bench::new();
    let mut who = Person { knows_flow: true, ..reader() };
    let ticket = bench.join(&who);
    bench.pass(9_999);
    assert_eq!(bench.coordinator.len(), 1);
    bench.pass(1);
    assert!(bench.coordinator.is_empty());
    assert_eq!(bench.coordinator.deadline(), None);

    who.id = bench.joined(ticket).unwrap().member;
    let ticket = bench.join(&who);
    assert_eq!(bench.joined(ticket).unwrap().error, Some(ErrorCode::UnknownMemberId));
}

#[test]
fn members_that_start_together_come_into_one_generation() {
    let mut bench = Bench::new();
    let first = bench.join(&reader());
    bench.pass(2_900);
    let second = bench.join(&reader());
    bench.pass(2_900);
    assert_eq!(bench.joined(first), None, "a newcomer extends the delay");
    bench.until(first);
    let (first, second) = (bench.joined(first).unwrap(), bench.joined(second).unwrap());
    assert_eq!((first.generation, second.generation), (1, 1));
    assert_eq!(first.leader, second.leader);
    assert_eq!((first.members.len(), second.members.len()), (2, 0));
}

#[test]
fn newcomers_cannot_keep_the_first_barrier_up_for_longer_than_a_rebalance_may_take() {
    let mut bench = Bench::new();
    let first = bench.join(&Person { rebalance_ms: 10_000, ..reader() });
    for _ in 0..9 {
        bench.pass(1_100);
        bench.join(&Person { rebalance_ms: 10_000, ..reader() });
    }
    assert_eq!(bench.joined(first), None);
    bench.pass(100);
    assert_eq!(bench.joined(first).unwrap().members.len(), 10);
}

#[test]
fn without_an_initial_delay_the_first_member_is_answered_at_once() {
    let settings = Settings { initial_rebalance_delay: Duration::ZERO, ..Settings::default() };
    let mut bench = Bench::with(settings);
    let ticket = bench.join(&reader());
    assert_eq!(bench.joined(ticket).unwrap().generation, 1);
}

#[test]
fn the_protocol_that_most_like_best_of_those_that_all_speak_is_chosen() {
    let mut bench = Bench::new();
    let people = [
        person(&[("sticky", "a"), ("range", "b"), ("round", "c")]),
        person(&[("range", "d"), ("round", "e")]),
        person(&[("round", "f"), ("range", "g")]),
        person(&[("only-mine", "h"), ("round", "i"), ("range", "j")]),
    ];
    let tickets = people.each_ref().map(|who| bench.join(who));
    bench.until(tickets[0]);
    let joined = tickets.map(|ticket| bench.joined(ticket).unwrap());
    // two votes each for range and round; the first member in order of ids prefers range
    assert!(joined.iter().all(|it| it.protocol == "range"));
    let metadata: Vec<_> = joined[0].members.iter().map(|it| it.metadata.clone()).collect();
    assert_eq!(metadata, ["b", "d", "g", "j"]);
}

#[test]
fn who_does_not_fit_in_is_turned_away() {
    let mut bench = Bench::new();
    let turned_away = |bench: &mut Bench, change: &dyn Fn(&mut Join)| {
        let (ticket, mut join) = bench.join_input(&reader());
        change(&mut join);
        bench.step(Input::Join(Box::new(join)));
        bench.joined(ticket).and_then(|joined| joined.error)
    };
    let none = turned_away(&mut bench, &|join| join.protocols.clear());
    assert_eq!(none, Some(ErrorCode::InconsistentGroupProtocol));
    assert_eq!(turned_away(&mut bench, &|_| ()), None);
    let other_type = turned_away(&mut bench, &|join| join.protocol_type = "connect".to_owned());
    assert_eq!(other_type, Some(ErrorCode::InconsistentGroupProtocol));
    let other_protocol = turned_away(&mut bench, &|join| join.protocols[0].name = "x".to_owned());
    assert_eq!(other_protocol, Some(ErrorCode::InconsistentGroupProtocol));
    let nameless = turned_away(&mut bench, &|join| join.group = GroupId::default());
    assert_eq!(nameless, Some(ErrorCode::InvalidGroupId));
    for ms in [5_999, 1_800_001, -1, i32::MIN] {
        let session = turned_away(&mut bench, &|join| join.session_timeout_ms = ms);
        assert_eq!(session, Some(ErrorCode::InvalidSessionTimeout));
    }
    let stranger = turned_away(&mut bench, &|join| join.member = "who".into());
    assert_eq!(stranger, Some(ErrorCode::UnknownMemberId));
}

#[test]
fn a_full_group_takes_nobody_in() {
    let mut bench = Bench::with(Settings { max_size: 2, ..Settings::default() });
    let mut people = [reader(), reader()];
    bench.form(&mut people);
    let ticket = bench.join(&reader());
    let joined = bench.joined(ticket).unwrap();
    assert_eq!(joined.error, Some(ErrorCode::GroupMaxSizeReached));
    assert!(joined.member.is_empty());
    assert_eq!(bench.state(), State::Stable);
}

#[test]
fn a_follower_with_nothing_new_to_say_is_told_the_generation_again() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    let generation = bench.form(&mut people);
    let ticket = bench.join(&people[1]);
    let joined = bench.joined(ticket).unwrap();
    assert_eq!((joined.generation, joined.members.len()), (generation, 0));
    assert_eq!(bench.state(), State::Stable);
}

#[test]
fn a_leader_or_a_member_with_news_asks_for_a_rebalance() {
    for (who, news) in [(0, "topics"), (1, "more topics")] {
        let mut bench = Bench::new();
        let mut people = [reader(), reader()];
        let generation = bench.form(&mut people);
        people[who].protocols[0].metadata = Bytes::from_static(news.as_bytes());
        let asks = bench.join(&people[who]);
        assert_eq!(bench.state(), State::PreparingRebalance);
        let other = &people[1 - who];
        assert_eq!(bench.heartbeat(other, generation), Err(ErrorCode::RebalanceInProgress));
        let comes = bench.join(other);
        for ticket in [asks, comes] {
            assert_eq!(bench.joined(ticket).unwrap().generation, generation + 1);
        }
    }
}

#[test]
fn a_lost_answer_is_given_again_while_the_generation_completes() {
    let mut bench = Bench::new();
    let mut who = reader();
    let ticket = bench.join(&who);
    bench.until(ticket);
    who.id = bench.joined(ticket).unwrap().member;
    let again = bench.join(&who);
    assert_eq!(bench.joined(again), bench.joined(ticket));
}

#[test]
fn the_older_of_two_joins_of_one_member_is_told_to_come_again() {
    let mut bench = Bench::new();
    let mut people = [reader(), reader()];
    bench.form(&mut people);
    let older = bench.join(&people[0]);
    let newer = bench.join(&people[0]);
    assert_eq!(bench.joined(older).unwrap().error, Some(ErrorCode::RebalanceInProgress));
    assert_eq!(bench.joined(newer), None);
}

#[test]
fn asking_for_ids_again_and_again_makes_the_oldest_void() {
    let mut bench = Bench::with(Settings { max_pending: 2, ..Settings::default() });
    let asks = Person { knows_flow: true, ..reader() };
    let tickets = [0, 1, 2].map(|_| bench.join(&asks));
    let ids = tickets.map(|ticket| bench.joined(ticket).unwrap().member);
    let fates = ids.map(|id| {
        let ticket = bench.join(&Person { id, ..asks.clone() });
        bench.joined(ticket).and_then(|joined| joined.error)
    });
    assert_eq!(fates, [Some(ErrorCode::UnknownMemberId), None, None]);
}

#[test]
fn members_may_say_only_so_much_about_themselves() {
    let mut bench = Bench::with(Settings { max_member_bytes: 25, ..Settings::default() });
    let mut people = [reader(), reader()];
    bench.form(&mut people);
    let error = |bench: &mut Bench| {
        let ticket = bench.join(&reader());
        bench.joined(ticket).and_then(|joined| joined.error)
    };
    assert_eq!(error(&mut bench), Some(ErrorCode::CoordinatorNotAvailable));
    let ticket = bench.join(&people[1]);
    assert_eq!(bench.joined(ticket).unwrap().error, None, "a member repeats itself");
    bench.leave(&people[0]).unwrap();
    assert_eq!(error(&mut bench), None, "others have gone: there is room again");
}
