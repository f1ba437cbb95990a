//! The operator ends before and after every single write of every scenario.

use crate::fleet::THREE;
use crate::gate::End;
use crate::scenarios::{ALL, Scenario};
use crate::world::World;

/// Runs a scenario: what is there after each step, and what was written. It is over with the step
/// in which the operator has ended.
async fn play(scenario: &Scenario, end: End) -> (Vec<String>, Vec<String>) {
    let mut world = World::new(end);
    let mut dumps = Vec::new();
    for (number, step) in scenario.steps.iter().enumerate() {
        (step.act)(&world);
        let another = world.settle().await;
        let check = std::panic::AssertUnwindSafe(|| (step.check)(&world));
        if let Err(why) = std::panic::catch_unwind(check) {
            let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
            let writes = world.gate.writes().join("\n  ");
            panic!(
                "{}: step {number}, {end:?}: {why}\n  {writes}\n{}",
                scenario.name,
                world.dump()
            );
        }
        dumps.push(world.dump());
        if another {
            break;
        }
    }
    (dumps, world.gate.writes())
}

fn clock() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn every_scenario_comes_to_its_end() {
    for scenario in ALL {
        let (_, writes) = clock().block_on(play(scenario, End::Never));
        assert!(!writes.is_empty() && writes.len() < 120, "{}: {writes:#?}", scenario.name);
    }
}

#[test]
fn an_operator_that_ends_at_any_write_makes_no_difference() {
    ALL.iter().filter(|scenario| scenario.name != THREE.name).for_each(end_at_any_write);
}

/// Beside the others: this one is as long as all of them.
#[test]
fn nor_does_one_that_looks_after_several_brokers() {
    end_at_any_write(&THREE);
}

fn end_at_any_write(scenario: &Scenario) {
    let (expected, writes) = clock().block_on(play(scenario, End::Never));
    for number in 1..=writes.len() {
        for end in [End::Before(number), End::After(number)] {
            let (dumps, again) = clock().block_on(play(scenario, end));
            let step = dumps.len() - 1;
            let (dump, expected) = (&dumps[step], &expected[step]);
            assert!(
                dump == expected,
                "{}: {end:?} ({}) makes a difference:\n{}\nwrites: {again:#?}",
                scenario.name,
                writes[number - 1],
                difference(expected, dump)
            );
        }
    }
}

/// The lines in which two dumps differ.
pub(crate) fn difference(one: &str, other: &str) -> String {
    let has = |text: &str, line: &str| text.lines().any(|other| other == line);
    let gone = one.lines().filter(|line| !has(other, line)).map(|line| format!("- {line}"));
    let new = other.lines().filter(|line| !has(one, line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}
