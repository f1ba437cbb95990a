//! Kastellan answers as Apache Kafka 4.3.1 does, but for the differences listed with a reason.
//!
//! With `KASTELLAN_JUDGE=kafka` a second Apache Kafka stands in for ours, which proves the scenes.

use std::fs;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, ensure};
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::oracle::access::Verdict;
use kastellan_e2e::oracle::side::{Note, Side, common_versions};
use kastellan_e2e::oracle::{access, compare, scenes, tokens};
use kastellan_e2e::peer::{Jvm, Peer};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::{cache, need};

/// The same on both sides. Topics are made only when asked for, and a rebalance does not wait.
const SETTINGS: &[(&str, &str)] =
    &[("auto.create.topics.enable", "false"), ("group.initial.rebalance.delay.ms", "0")];

#[test]
fn every_answer_is_apache_kafkas_or_a_listed_difference() -> Result<()> {
    if !need::ready("oracle", need::APACHE)? {
        return Ok(());
    }
    let (theirs, own) = (Scratch::new("oracle-kafka")?, Scratch::new("oracle-ours")?);
    let mut kafka = Peer::format(theirs.path(), Jvm::Test, SETTINGS)?;
    kafka.start()?;
    let mut ours = Judged::start(own.path(), SETTINGS)?;

    let versions = common_versions(kafka.address(), ours.address())?;
    ensure!(versions.len() >= 20, "only {} APIs are common to both", versions.len());
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let now = i64::try_from(now)?;
    let play = |address| {
        let mut side = Side::new(address, versions.clone(), now);
        scenes::play(&mut side);
        side.notes().to_vec()
    };
    let (asked_kafka, asked_ours): (Vec<Note>, Vec<Note>) = thread::scope(|scope| {
        let kafka = scope.spawn(|| play(kafka.address()));
        let ours = scope.spawn(|| play(ours.address()));
        let joined = |answer: thread::Result<Vec<Note>>| {
            answer.map_err(|panic| anyhow!("a scene panicked: {panic:?}"))
        };
        Ok::<_, anyhow::Error>((joined(kafka.join())?, joined(ours.join())?))
    })?;
    ours.process()?.check_alive().context("the broker did not survive the scenes")?;
    drop((kafka, ours));
    let (report, access_kafka, access_ours) = matrix(now)?;
    println!("{report}");
    let (tokens_kafka, tokens_ours) = tokens(now)?;
    let asked_kafka = [asked_kafka, access_kafka, tokens_kafka].concat();
    let asked_ours = [asked_ours, access_ours, tokens_ours].concat();

    let found = compare::differences(&asked_kafka, &asked_ours)?;
    let table = cache::e2e().join("oracle/FINDINGS.md");
    let rows = if judged::is_kafka() {
        Vec::new()
    } else {
        compare::findings(&fs::read_to_string(&table)?)?
    };
    println!("{} answers compared, {} fields differ", asked_kafka.len(), found.len());
    compare::judge(&found, &rows).with_context(|| format!("see {}", table.display()))
}

/// Who may do what, of two brokers that look at the access control lists: how many were judged
/// alike, and what both answered.
fn matrix(now: i64) -> Result<(String, Vec<Note>, Vec<Note>)> {
    let (theirs, own) = (Scratch::new("oracle-kafka-acl")?, Scratch::new("oracle-ours-acl")?);
    let mut kafka = Peer::format(theirs.path(), Jvm::Test, access::SETTINGS)?;
    kafka.start()?;
    let mut ours = Judged::start(own.path(), access::SETTINGS)?;
    let versions = common_versions(kafka.address(), ours.address())?;
    let play = |address| access::play(address, &versions, now);
    let (kafkas, ourses) = thread::scope(|scope| {
        let kafka = scope.spawn(|| play(kafka.address()));
        let ours = scope.spawn(|| play(ours.address()));
        let joined = |answer: thread::Result<_>| {
            answer.map_err(|panic| anyhow!("the matrix panicked: {panic:?}"))
        };
        Ok::<_, anyhow::Error>((joined(kafka.join())?, joined(ours.join())?))
    })?;
    ours.process()?.check_alive().context("the broker did not survive the matrix")?;
    let (theirs, own): (Vec<Verdict>, Vec<Verdict>) = (kafkas.1, ourses.1);
    let alike = theirs.iter().zip(&own).filter(|(theirs, own)| theirs == own).count();
    let count = theirs.len();
    let mut report = vec![format!("the matrix of access: {alike} of {count} judged alike")];
    let differing = theirs.iter().zip(&own).filter(|(theirs, own)| theirs != own);
    report.extend(differing.map(|(theirs, own)| {
        format!("{}: the table says {}, Kafka {}, we {}", own.0, own.1, theirs.2, own.2)
    }));
    ensure!(alike == count && own.len() == count, "{}", report.join("\n"));
    Ok((report.join("\n"), kafkas.0, ourses.0))
}

/// What users who have logged in are told about delegation tokens, by both brokers: by two with a
/// key for them, and by two without one.
fn tokens(now: i64) -> Result<(Vec<Note>, Vec<Note>)> {
    let side = |is_peer: bool| {
        let mut notes = Vec::new();
        for has_key in [true, false] {
            let whose = if is_peer { "kafka" } else { "ours" };
            let folder = Scratch::new(&format!("oracle-{whose}-tokens-{has_key}"))?;
            let mut broker = tokens::start(folder.path(), is_peer, has_key)?;
            let versions = common_versions(broker.address(), broker.address())?;
            let mut side = Side::new(broker.address(), versions, now);
            if has_key {
                tokens::play(&mut side)?;
            } else {
                tokens::play_without_key(&mut side)?;
            }
            notes.extend_from_slice(side.notes());
            broker.process()?.check_alive()?;
        }
        Ok::<_, anyhow::Error>(notes)
    };
    let (theirs, own) = thread::scope(|scope| {
        let (theirs, own) = (scope.spawn(|| side(true)), scope.spawn(|| side(false)));
        let joined = |answer: thread::Result<_>| {
            answer.map_err(|panic| anyhow!("a scene about tokens panicked: {panic:?}"))?
        };
        Ok::<_, anyhow::Error>((joined(theirs.join())?, joined(own.join())?))
    })?;
    Ok((theirs, own))
}
