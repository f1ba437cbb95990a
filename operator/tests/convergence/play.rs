//! A scenario from its first step to its last one, with an operator that ends somewhere.

use super::gate::End;
use super::scenarios::Scenario;
use super::world::World;

/// What came of a scenario.
#[derive(Debug)]
pub(crate) struct Played {
    /// What was there after each step, up to the one in which the operator ended.
    pub(crate) dumps: Vec<String>,
    /// What was written, and in which turn: between two of the same nothing else was done.
    pub(crate) writes: Vec<(usize, String)>,
}

/// Plays a scenario in a world of its own, with a clock that stands still while there is work.
pub(crate) fn play(scenario: &Scenario, end: End) -> Played {
    clock().block_on(play_now(scenario, end))
}

/// Plays a scenario with an operator that ends there, and holds what came of it against what is
/// expected: its writes and what was there after each step.
pub(crate) fn play_against(expected: &Played, scenario: &Scenario, end: End) {
    let played = play(scenario, end);
    let step = played.dumps.len() - 1;
    let (dump, expected) = (&played.dumps[step], &expected.dumps[step]);
    assert!(
        dump == expected,
        "{}: {end:?} makes a difference:\n{}\nwrites: {:#?}",
        scenario.name,
        difference(expected, dump),
        played.writes
    );
}

async fn play_now(scenario: &Scenario, end: End) -> Played {
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
    Played { dumps, writes: world.gate.turns().into_iter().zip(world.gate.writes()).collect() }
}

pub(crate) fn clock() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// The lines in which two dumps differ.
pub(crate) fn difference(one: &str, other: &str) -> String {
    let has = |text: &str, line: &str| text.lines().any(|other| other == line);
    let gone = one.lines().filter(|line| !has(other, line)).map(|line| format!("- {line}"));
    let new = other.lines().filter(|line| !has(one, line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}
