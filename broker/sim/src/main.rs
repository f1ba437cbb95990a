//! `kastellan-sim`: runs seeds and says what they reached, or how to run the one that failed again.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use kastellan_sim::{Counters, Mutant, Outcome, run};

const HELP: &str = "\
One Kastellan broker on a disk that breaks, in one thread, from one seed.

Usage: kastellan-sim [OPTIONS]
  --seed N        run this seed alone, and show its last steps if it fails
  --seeds N       run N seeds, from --from on (default: 200)
  --from N        the first seed (default: 0; with --for a fresh one)
  --for 60s       run seeds for this long; also 500ms, 2m, 1h
  --trace         show all steps of a seed that fails, not only its last ones
  --mutant NAME   make a deliberate mistake that has to be found
  --help          this text

Exit codes: 0 all held; 1 an invariant was violated; 2 the arguments are wrong.
";

/// Seeds from which on a batch has to reach every rare state.
const WHOLE_BATCH: u64 = 400;

/// Lines of a failed seed's history that are shown.
const SHOWN: usize = 30;

/// What was asked for.
#[derive(Debug, Clone, Default)]
struct Arguments {
    seed: Option<u64>,
    seeds: Option<u64>,
    from: Option<u64>,
    time: Option<Duration>,
    mutant: Option<Mutant>,
    help: bool,
    trace: bool,
}

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            drop(write!(io::stderr(), "kastellan-sim: {wrong}\n\n{HELP}"));
            return ExitCode::from(2);
        }
    };
    if arguments.help {
        drop(write!(out, "{HELP}"));
        return ExitCode::SUCCESS;
    }
    // a panic of the code under test is reported as the seed's failure
    std::panic::set_hook(Box::new(|_| ()));
    match simulate(&arguments, &mut out) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(io::stderr(), "kastellan-sim: cannot write: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    let mut words = words;
    while let Some(word) = words.next() {
        if word == "--help" || word == "-h" {
            arguments.help = true;
            continue;
        }
        if word == "--trace" {
            arguments.trace = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_text| format!("{word} {value}: no number"));
        match word.as_str() {
            "--seed" => arguments.seed = Some(number()?),
            "--seeds" => arguments.seeds = Some(number()?),
            "--from" => arguments.from = Some(number()?),
            "--for" => arguments.time = Some(duration(&value)?),
            "--mutant" => {
                let named = |mutant: &&Mutant| format!("{mutant:?}") == value;
                let found = Mutant::ALL.iter().find(named).copied();
                let known = || format!("--mutant {value}: one of {:?}", Mutant::ALL);
                arguments.mutant = Some(found.ok_or_else(known)?);
            }
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok(arguments)
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("--for {text}: a number and ms, s, m or h is wanted: 60s");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_text| wrong())?;
    let factor = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_millis(number.saturating_mul(factor)))
}

/// Runs what was asked for; false when something did not hold.
#[expect(clippy::disallowed_types, reason = "how long to go on is no part of any world")]
fn simulate(arguments: &Arguments, out: &mut impl io::Write) -> io::Result<bool> {
    use std::time::{Instant, SystemTime};
    if let Some(seed) = arguments.seed {
        let outcome = run(seed, arguments.mutant);
        write!(out, "{}", outcome.counters)?;
        writeln!(out, "seed {seed}: trace {:016x}", outcome.hash)?;
        return report(&outcome, arguments, out);
    }
    let fresh = || {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs() << 20)
    };
    let first = arguments.from.unwrap_or_else(|| arguments.time.map_or(0, |_| fresh()));
    let begun = Instant::now();
    let mut counters = Counters::default();
    let mut hash = 0_u64;
    let enough = |count: u64| match arguments.time {
        Some(time) => begun.elapsed() >= time,
        None => count >= arguments.seeds.unwrap_or(200),
    };
    for seed in first.. {
        if enough(seed - first) {
            break;
        }
        let outcome = run(seed, arguments.mutant);
        counters.add(&outcome.counters);
        hash = hash.rotate_left(1) ^ outcome.hash;
        if !report(&outcome, arguments, out)? {
            return Ok(false);
        }
        // now and then a seed runs twice: the simulator itself must not depend on anything else
        if seed % 20 == 0 && run(seed, arguments.mutant).hash != outcome.hash {
            writeln!(out, "seed {seed} does not repeat itself: the simulator is broken")?;
            return Ok(false);
        }
    }
    write!(out, "{counters}")?;
    let took = begun.elapsed().as_millis();
    writeln!(out, "seeds from {first} on, {took} ms, all held (traces {hash:016x})")?;
    let (missed, vacuous) = (counters.missed(), counters.vacuous());
    if counters.runs >= WHOLE_BATCH && !(missed.is_empty() && vacuous.is_empty()) {
        writeln!(out, "never reached: {missed:?}; never compared: {vacuous:?}")?;
        return Ok(false);
    }
    Ok(true)
}

/// Says what went wrong, if anything did, and how to see it again.
fn report(outcome: &Outcome, arguments: &Arguments, out: &mut impl io::Write) -> io::Result<bool> {
    let Some((violation, steps)) = &outcome.failure else { return Ok(true) };
    let skipped = if arguments.trace { 0 } else { steps.len().saturating_sub(SHOWN) };
    writeln!(out, "last steps of seed {}:", outcome.seed)?;
    for step in steps.iter().skip(skipped) {
        writeln!(out, "  {step}")?;
    }
    writeln!(out, "violated: {violation}")?;
    let mutant = arguments.mutant.map(|mutant| format!(" --mutant {mutant:?}"));
    let (seed, mutant) = (outcome.seed, mutant.unwrap_or_default());
    writeln!(out, "replay: cargo run --release -p kastellan-sim -- --seed {seed}{mutant}")?;
    Ok(false)
}
