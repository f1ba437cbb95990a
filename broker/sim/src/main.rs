//! `kastellan-sim`: runs seeds and says what they reached, or how to run the one that failed again.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

mod simulation;

use simulation::{Fleet, One, Ran, Replication, Simulation};

const HELP: &str = "\
One Kastellan broker on a disk that breaks, or several on a network that does, too: the quorum of a
fleet, or the replication of partitions; in one thread, from one seed.

Usage: kastellan-sim [fleet|replication] [OPTIONS]
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
    mutant: Option<String>,
    world: Kind,
    help: bool,
    trace: bool,
}

/// Which kind of world.
#[derive(Debug, Clone, Copy, Default)]
enum Kind {
    #[default]
    One,
    Fleet,
    Replication,
}

impl Kind {
    fn named(word: &str) -> Option<Self> {
        match word {
            "fleet" => Some(Self::Fleet),
            "replication" => Some(Self::Replication),
            _ => None,
        }
    }
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
    let held = match arguments.world {
        Kind::One => simulate::<One>(&arguments, &mut out),
        Kind::Fleet => simulate::<Fleet>(&arguments, &mut out),
        Kind::Replication => simulate::<Replication>(&arguments, &mut out),
    };
    match held {
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
        if let Some(world) = Kind::named(&word) {
            arguments.world = world;
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
            "--mutant" => arguments.mutant = Some(value),
            _ => return Err(format!("{word} is not known")),
        }
    }
    if let Some(name) = &arguments.mutant {
        match arguments.world {
            Kind::One => drop(mutant::<One>(name)?),
            Kind::Fleet => drop(mutant::<Fleet>(name)?),
            Kind::Replication => drop(mutant::<Replication>(name)?),
        }
    }
    Ok(arguments)
}

fn mutant<S: Simulation>(name: &str) -> Result<S::Mutant, String> {
    let named = |mutant: &&S::Mutant| format!("{mutant:?}") == name;
    let found = S::MUTANTS.iter().find(named).copied();
    found.ok_or_else(|| format!("--mutant {name}: one of {:?}", S::MUTANTS))
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
fn simulate<S: Simulation>(arguments: &Arguments, out: &mut impl io::Write) -> io::Result<bool> {
    use std::time::{Instant, SystemTime};
    let named = arguments.mutant.as_deref().map(mutant::<S>);
    let mutant = named.transpose().map_err(io::Error::other)?;
    if let Some(seed) = arguments.seed {
        let ran = S::run(seed, mutant);
        write!(out, "{}", ran.counters)?;
        writeln!(out, "seed {seed}: trace {:016x}", ran.hash)?;
        return report::<S>(seed, &ran, arguments, out);
    }
    let fresh = || {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs() << 20)
    };
    let first = arguments.from.unwrap_or_else(|| arguments.time.map_or(0, |_| fresh()));
    let begun = Instant::now();
    let mut counters = S::Counters::default();
    let mut hash = 0_u64;
    let enough = |count: u64| match arguments.time {
        Some(time) => begun.elapsed() >= time,
        None => count >= arguments.seeds.unwrap_or(200),
    };
    for seed in first.. {
        if enough(seed - first) {
            break;
        }
        let ran = S::run(seed, mutant);
        S::add(&mut counters, &ran.counters);
        hash = hash.rotate_left(1) ^ ran.hash;
        if !report::<S>(seed, &ran, arguments, out)? {
            return Ok(false);
        }
        // now and then a seed runs twice: the simulator itself must not depend on anything else
        if seed % 20 == 0 && S::run(seed, mutant).hash != ran.hash {
            writeln!(out, "seed {seed} does not repeat itself: the simulator is broken")?;
            return Ok(false);
        }
    }
    write!(out, "{counters}")?;
    let took = begun.elapsed().as_millis();
    writeln!(out, "seeds from {first} on, {took} ms, all held (traces {hash:016x})")?;
    let (seeds, never) = S::judge(&counters);
    if seeds >= WHOLE_BATCH && !never.is_empty() {
        writeln!(out, "never reached or compared: {never:?}")?;
        return Ok(false);
    }
    Ok(true)
}

/// Says what went wrong, if anything did, and how to see it again.
fn report<S: Simulation>(
    seed: u64,
    ran: &Ran<S::Counters>,
    arguments: &Arguments,
    out: &mut impl io::Write,
) -> io::Result<bool> {
    let Some((violation, steps)) = &ran.failure else { return Ok(true) };
    let skipped = if arguments.trace { 0 } else { steps.len().saturating_sub(SHOWN) };
    writeln!(out, "last steps of seed {seed}:")?;
    for step in steps.iter().skip(skipped) {
        writeln!(out, "  {step}")?;
    }
    writeln!(out, "violated: {violation}")?;
    let mutant = arguments.mutant.as_ref().map(|mutant| format!(" --mutant {mutant}"));
    let (words, mutant) = (S::WORDS, mutant.unwrap_or_default());
    writeln!(out, "replay: cargo run --release -p kastellan-sim -- {words}--seed {seed}{mutant}")?;
    Ok(false)
}
