//! A broker that has a log directory on a small disk: room for so many more pages or names there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::disks::{Ballast, Mount};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::Wire;

use super::client::{STORAGE, Sent, holds, leaders, log_dirs, numbered, produce, start, until};
use super::sync::PATIENCE;

/// Room is given out by the page.
const PAGE: u64 = 4096;

/// What the disk has so many more of and no more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scarce {
    Pages(u64),
    Names(u64),
}

/// A broker with two log directories, of which the second lies on a small disk.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) broker: Ours,
    pub(crate) wire: Wire,
    pub(crate) there: String,
    left: Option<Scarce>,
    ballast: Option<Ballast>,
    mount: Mount,
    /// How much the broker's earlier lives have logged, in bytes.
    heard: usize,
    topics: u32,
    _scratch: Scratch,
}

/// A topic and which of its two partitions lies on the small disk.
#[derive(Debug)]
pub(crate) struct Hurt {
    pub(crate) topic: String,
    pub(crate) index: i32,
    acked: BTreeMap<i64, i64>,
    sent: i64,
}

impl Bench {
    /// `checkpoints`: how often it is written down what is on the disk, in milliseconds.
    pub(crate) fn new(
        name: &str,
        checkpoints: &str,
        mount: impl FnOnce(&Scratch) -> Result<Mount>,
    ) -> Result<Bench> {
        let scratch = Scratch::new(name)?;
        let mount = mount(&scratch)?;
        let second = mount.path().join("logs");
        let settings = [
            ("log.index.interval.bytes", "0"),
            ("log.flush.offset.checkpoint.interval.ms", checkpoints),
        ];
        let broker = Ours::new(scratch.path(), &settings)?.with_dirs(&[second.as_path()]);
        let (broker, wire) = start(broker)?;
        Ok(Bench {
            broker,
            wire,
            there: second.display().to_string(),
            left: None,
            ballast: None,
            mount,
            heard: 0,
            topics: 0,
            _scratch: scratch,
        })
    }

    /// A new topic with two partitions, whose segments last for a second of their records' time.
    pub(crate) fn topic(&mut self) -> Result<Hurt> {
        let topic = format!("t{}", self.topics);
        self.topics += 1;
        self.wire.create(&topic, 2, &[("segment.ms", "1000")])?;
        let (lying, offline) = log_dirs(&mut self.wire)?;
        ensure!(offline.is_empty(), "{offline:?}");
        let hurt = (0..2).find(|index| lying.get(&(topic.clone(), *index)) == Some(&self.there));
        let index = hurt.context("one of two partitions lies in the second directory")?;
        Ok(Hurt { topic, index, acked: BTreeMap::new(), sent: 0 })
    }

    pub(crate) fn leave(&mut self, what: Scarce) -> Result<()> {
        match what {
            Scarce::Pages(room) => self.ballast = Some(self.mount.fill(room * PAGE)?),
            Scarce::Names(room) => self.mount.leave_names(Some(room))?,
        }
        self.left = Some(what);
        Ok(())
    }

    /// Sends the next batch, of a record of `size` bytes with a time of so many milliseconds.
    pub(crate) fn send(&mut self, hurt: &mut Hurt, size: usize, at: i64) -> Result<Sent> {
        let number = hurt.sent;
        hurt.sent += 1;
        let batch = numbered(number, size);
        let batch = Batch { base_timestamp: batch.base_timestamp + at, ..batch };
        let batch = batch.by_producer(7, 0, i32::try_from(hurt.acked.len())?);
        let sent = produce(&mut self.wire, &hurt.topic, hurt.index, &batch)?;
        if let Sent::At(offset) = sent {
            hurt.acked.insert(offset, number);
        }
        Ok(sent)
    }

    /// Sends one batch after the other, every second of which begins a segment, to the first that
    /// is refused.
    pub(crate) fn fill(&mut self, hurt: &mut Hurt) -> Result<Sent> {
        for turn in 0..100 {
            let sent = self.send(hurt, 100, turn / 2 * 2_000 + turn % 2)?;
            if !matches!(sent, Sent::At(_)) {
                return Ok(sent);
            }
        }
        anyhow::bail!("100 batches fit into a disk that has no room for them")
    }

    /// The directory on the small disk fails, and only that: 56 for what lies there. Returns what
    /// the broker could not do.
    pub(crate) fn fails(&mut self, hurt: &mut Hurt) -> Result<String> {
        until("the metadata says that the partition has no leader", || {
            let states = leaders(&mut self.wire, &hurt.topic)?;
            Ok(states.get(usize::try_from(hurt.index)?) == Some(&(5, -1, 1)))
        })?;
        let refused = self.send(hurt, 10, 0)?;
        ensure!(matches!(refused, Sent::Refused(STORAGE | 6)), "{refused:?}");
        let spared = produce(&mut self.wire, &hurt.topic, 1 - hurt.index, &numbered(0, 10))?;
        ensure!(matches!(spared, Sent::At(_)), "the other directory: {spared:?}");
        let (_, offline) = log_dirs(&mut self.wire)?;
        ensure!(offline == [self.there.clone()], "{offline:?}");
        let process = self.broker.process().context("started")?;
        process.kill()?;
        self.undone()
    }

    /// What the broker, which has ended, said that it could not do for lack of room, and for which
    /// file, where one was left half written.
    pub(crate) fn undone(&mut self) -> Result<String> {
        let all = self.broker.process().context("started")?.log_text();
        let said = all.get(self.heard..).context("a log only grows")?;
        ensure!(!said.contains("panicked"), "{said}");
        let told = said.split_once(": No space left on device").with_context(|| said.to_owned())?;
        let (what, path) = told.0.rsplit_once(" /").context("it names what it concerns")?;
        let what = what.rsplit([':', '"']).next().unwrap_or_default().trim();
        self.heard = all.len();
        let path = Path::new("/").join(path);
        if !path.is_dir() {
            let name = path.file_name().unwrap_or_default();
            return Ok(format!("{what} {}", name.to_string_lossy()));
        }
        let half = fs::read_dir(path)?.filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            Some(name.strip_suffix(".tmp")?.rsplit_once('.')?.1.to_owned())
        });
        Ok([what.to_owned()].into_iter().chain(half).collect::<Vec<_>>().join(" "))
    }

    /// With room again and started, the broker has all that was acknowledged and goes on.
    pub(crate) fn heals(&mut self, hurt: &mut Hurt) -> Result<()> {
        self.ballast = None;
        if let Some(Scarce::Names(_)) = self.left {
            self.mount.leave_names(None)?;
        }
        self.broker.start()?;
        let address = self.broker.address();
        holds(address, &hurt.topic, hurt.index, &hurt.acked)?;
        self.wire = Wire::connect(address)?;
        let again = self.send(hurt, 10, 0)?;
        ensure!(matches!(again, Sent::At(_)), "with room again: {again:?}");
        Ok(())
    }

    /// Ends in order, and begins again.
    pub(crate) fn rests(&mut self) -> Result<()> {
        let process = self.broker.process().context("started")?;
        let status = process.terminate(PATIENCE)?;
        ensure!(status.success(), "{status:?}");
        self.heard = process.log_text().len();
        self.broker.start()?;
        self.wire = Wire::connect(self.broker.address())?;
        Ok(())
    }
}
