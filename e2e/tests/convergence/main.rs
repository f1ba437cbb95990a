//! The operator's scenarios on a real API server: the same as on the one in memory, whatever
//! happens to the operator. A difference is a bug of the latter.
//!
//! Only the API is real: pods, volumes and brokers are as in `operator/tests/convergence`, whose
//! files these are.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]
#![expect(clippy::duplicate_mod, reason = "the same scenarios in two worlds")]

#[expect(dead_code, reason = "what only the operator's own tests and the real server need")]
mod fake;
#[expect(dead_code, reason = "what only the operator's own tests need")]
mod real;

use std::env;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};
use kastellan_e2e::cluster::say;
use kastellan_e2e::kubernetes::{self, ApiServer};
use kastellan_operator::kubernetes::contains::contains;
use serde_json::Value;

use fake::gate::End as FakeEnd;
use real::gate::End;
use real::play::{Played, play, play_against};
use real::scenarios::ALL;

/// So many worlds at the same time: a list waits for the server, not the other way round.
const AT_ONCE: usize = 12;

/// One run plays one of so many ends: the next commit plays others.
const SHARE: usize = 3;

/// Which share it is: `KASTELLAN_TURN` is a number, or `all` for all of them (`None`).
fn turn() -> Result<Option<usize>> {
    match env::var("KASTELLAN_TURN").as_deref() {
        Ok("all") => Ok(None),
        Ok(number) => Ok(Some(number.parse::<usize>().context("KASTELLAN_TURN")? % SHARE)),
        Err(_) => Ok(Some(0)),
    }
}

#[test]
fn the_real_api_server_makes_no_difference() -> Result<()> {
    if !kubernetes::ready("convergence")? {
        return Ok(());
    }
    let server = ApiServer::start("convergence")?;
    server.define()?;
    real::server::start(&server.kubeconfig());
    let begin = Instant::now();
    let mut expected = Vec::new();
    for (number, scenario) in ALL.iter().enumerate() {
        let played = play(scenario, End::Never);
        let fake = fake::play::play(&fake::scenarios::ALL[number], FakeEnd::Never);
        same(scenario.name, &fake, &played);
        expected.push((scenario, played));
    }
    let mut ends = Vec::new();
    for (scenario, played) in &expected {
        ends.extend(self::ends(&played.writes).map(|end| (*scenario, played, end)));
    }
    let all = ends.len();
    let first = turn()?;
    if let Some(first) = first {
        ends = ends.into_iter().skip(first).step_by(SHARE).collect();
    }
    let count = ends.len();
    let ends = Mutex::new(ends.into_iter());
    let next = || ends.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((scenario, played, end)) = next() {
                    play_against(played, scenario, end);
                }
            });
        }
    });
    say(&format!(
        "convergence: {count} of {all} ends of the operator on a real API server, {:.0} s",
        begin.elapsed().as_secs_f32()
    ))
}

/// Where the operator ends, from one scenario's end to the next: after every write, and before
/// those between which and the last one something else had its turn. Before any other there is
/// what there was after the last one.
fn ends(writes: &[(usize, String)]) -> impl Iterator<Item = End> {
    let first = |number: usize| number == 0 || writes[number].0 != writes[number - 1].0;
    let before = (0..writes.len()).filter(move |number| first(*number));
    let after = 1..=writes.len();
    before.map(|number| End::Before(number + 1)).chain(after.map(End::After))
}

/// Holds what came of a scenario in memory against what came of it here: the same writes, the same
/// objects, and in these all that is in those.
fn same(scenario: &str, fake: &fake::play::Played, real: &Played) {
    assert_eq!(fake.writes, real.writes, "{scenario}: the writes differ");
    for (step, (fake, real)) in fake.dumps.iter().zip(&real.dumps).enumerate() {
        let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        let names = |dump: &str| dump.lines().map(name).collect::<Vec<_>>();
        assert_eq!(names(fake), names(real), "{scenario}, step {step}: the objects differ");
        for (fake, real) in fake.lines().zip(real.lines()) {
            let json = |line: &str| serde_json::from_str::<Value>(line.split_once(' ')?.1).ok();
            let same = match (json(fake), json(real)) {
                (Some(fake), Some(real)) => {
                    let told = fake["apiVersion"] == "kastellan.dev/v1alpha1";
                    contains(&real, &fake) && (!told || fake["status"] == real["status"])
                }
                _ => fake == real,
            };
            assert!(same, "{scenario}, step {step}: in memory\n{fake}\nand here\n{real}");
        }
    }
}
