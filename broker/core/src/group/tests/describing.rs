//! `DescribeGroups` and `ListGroups`.

use super::*;

fn describe(bench: &mut Bench) -> Result<Description, ErrorCode> {
    let ticket = bench.ticket();
    bench.step(Input::Describe(Describe { ticket, group: g() }));
    match bench.answers.remove(&ticket) {
        Some(Reply::Describe(answer)) => answer,
        other => panic!("answered at once: {other:?}"),
    }
}

fn list(bench: &mut Bench, states: &[&str], types: &[&str]) -> Vec<(String, &'static str)> {
    let ticket = bench.ticket();
    let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    bench.step(Input::List(List { ticket, states: owned(states), types: owned(types) }));
    match bench.answers.remove(&ticket) {
        Some(Reply::List(Ok(lines))) => {
            lines.iter().map(|it| (it.group.to_string(), it.state.as_str())).collect()
        }
        other => panic!("answered at once: {other:?}"),
    }
}

#[test]
fn a_stable_group_shows_who_has_what() {
    let mut bench = Bench::new();
    assert_eq!(describe(&mut bench), Err(ErrorCode::GroupIdNotFound));
    let mut people = [reader(), static_reader("s")];
    bench.form(&mut people);
    let shown = describe(&mut bench).unwrap();
    assert_eq!((shown.state, shown.protocol.as_str()), (State::Stable, "range"));
    assert_eq!(shown.protocol_type, "consumer");
    let fixed = shown.members.iter().find(|it| it.member == people[1].id).unwrap();
    assert_eq!(fixed.instance, Some("s".into()));
    assert_eq!((&fixed.metadata[..], &fixed.assignment[..]), (&b"topics"[..], &b"share"[..]));
    assert_eq!((fixed.client_id.as_str(), fixed.client_host.as_str()), ("client", "/127.0.0.1"));

    bench.join(&people[0]);
    let shown = describe(&mut bench).unwrap();
    assert_eq!((shown.state, shown.protocol.as_str()), (State::PreparingRebalance, ""));
    assert!(shown.members.iter().all(|it| it.metadata.is_empty() && it.assignment == "share"));
}

#[test]
fn a_list_shows_every_group_once_and_minds_its_filters() {
    let mut bench = Bench::new();
    offsets::commit(&mut bench, |it| it.group = "a".into()).unwrap();
    offsets::commit(&mut bench, |_| ()).unwrap();
    bench.form(&mut [reader()]);
    let (ticket, mut join) = bench.join_input(&reader());
    join.group = "z".into();
    bench.step(Input::Join(Box::new(join)));
    let all = [("a", "Empty"), ("g", "Stable"), ("z", "PreparingRebalance")];
    let all = all.map(|(group, state)| (group.to_owned(), state));
    assert_eq!(list(&mut bench, &[], &[]), all);
    assert_eq!(list(&mut bench, &[], &["CLASSIC"]), all);
    assert_eq!(list(&mut bench, &[], &["consumer"]), []);
    assert_eq!(list(&mut bench, &["stable", "Dead"], &[]), all[1..2]);
    assert_eq!(bench.coordinator.len(), 3);
    bench.until(ticket);
}
