//! How long nobody is served when one of several brokers fails: ours and, with `--kafka`, Apache
//! Kafka 4.3.1, as shipped and with our timeouts.
//! `KASTELLAN_BIN=... cargo run --release -p kastellan-e2e --bin failover` runs it.
//!
//! Figures, never a test. `--runs N` says how often each fault strikes, `--case NAME`, which may be
//! repeated, which ones do. Contenders take turns; the load average is shown with each figure.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};
use kastellan_e2e::failover::{Case, Contender, Stage};
use kastellan_e2e::load::median;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::network::{self, Network};
use kastellan_e2e::suite::Scratch;

type Figures = BTreeMap<(Case, Contender), Vec<f64>>;

struct Options {
    runs: usize,
    cases: Vec<Case>,
    contenders: Vec<Contender>,
}

fn main() -> Result<()> {
    let options = options()?;
    let apache = if options.contenders.len() > 1 { need::APACHE } else { &[] };
    if !need::ready("failover", &[apache, &[Tool::Cc]].concat())? {
        bail!("the benchmark needs all of these");
    }
    let mut figures = Figures::new();
    for contender in &options.contenders {
        for stage in Stage::ALL {
            measure((*contender, stage), &options, &mut figures)?;
        }
    }
    table(&options, &figures)
}

/// Has the faults strike that happen on `stage`.
fn measure(
    (contender, stage): (Contender, Stage),
    options: &Options,
    figures: &mut Figures,
) -> Result<()> {
    let cases: Vec<Case> =
        options.cases.iter().copied().filter(|case| case.stage() == stage).collect();
    if cases.is_empty() || (stage == Stage::Hosts && !network::ready("failover on hosts")?) {
        return Ok(());
    }
    let scratch = Scratch::new("failover")?;
    let network = match stage {
        Stage::Hosts => Some(Network::of(3, scratch.path())?),
        Stage::Three | Stage::Four => None,
    };
    let _inside = network.as_ref().map(Network::enter).transpose()?;
    let mut fleet = contender.start(scratch.path(), stage, network)?;
    for run in 0..options.runs {
        for case in &cases {
            let topic = format!("run-{run}-{case:?}");
            let seen = case
                .run((contender, &mut fleet), &topic, scratch.path())
                .with_context(|| format!("{case:?}\n{}", fleet.tails()))?;
            say(&format!(
                "{}: {}: {:.3} s from {} on, {} failed; load {}",
                contender.name(),
                case.name(),
                seen.gap,
                seen.at,
                seen.failed,
                fs::read_to_string("/proc/loadavg")?.trim()
            ))?;
            figures.entry((*case, contender)).or_default().push(seen.gap);
        }
    }
    Ok(())
}

fn options() -> Result<Options> {
    let all = Case::ALL.map(|(_, case)| case).to_vec();
    let mut options =
        Options { runs: 5, cases: Vec::new(), contenders: vec![Contender::Kastellan] };
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} wants a word after it"));
        match word.as_str() {
            "--runs" => options.runs = value()?.parse()?,
            "--case" => {
                let name = value()?;
                let known = Case::ALL.iter().find(|(known, _)| *known == name);
                let known = known.with_context(|| format!("{name} is none of {:?}", Case::ALL))?;
                options.cases.push(known.1);
            }
            "--kafka" => {
                options.contenders.extend([Contender::Kafka, Contender::KafkaWithOurTimeouts]);
            }
            _ => bail!("unknown option {word}; there are --runs N, --case NAME, --kafka"),
        }
    }
    if options.cases.is_empty() {
        options.cases = all;
    }
    Ok(options)
}

fn table(options: &Options, figures: &Figures) -> Result<()> {
    let mut out = io::stdout().lock();
    let heads: Vec<&str> = options.contenders.iter().map(|it| it.name()).collect();
    writeln!(
        out,
        "| longest gap or time, s: median / worst of {} | {} |",
        options.runs,
        heads.join(" | ")
    )?;
    writeln!(out, "|---{}|", "|---".repeat(heads.len()))?;
    for case in &options.cases {
        write!(out, "| {} |", case.name())?;
        for contender in &options.contenders {
            let all = figures.get(&(*case, *contender)).map_or(&[][..], Vec::as_slice);
            let worst = all.iter().copied().fold(f64::NAN, f64::max);
            write!(out, " {:.2} / {worst:.2} |", median(all))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(io::stderr(), "{line}")?)
}
