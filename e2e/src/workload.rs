//! Clients of one topic, written by hand so that nothing of a real one stands between the brokers
//! and their [`History`]: a writer, a reader that commits, and one that asks where it ends, for
//! each partition. They go on whatever happens to the brokers, and believe every broker what it
//! says of leaders, as clients do that know no leader epochs.

mod asks;
mod client;
mod read;
mod write;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use self::client::Client;
use crate::fleet::Fleet;
use crate::history::{Broken, Event, History, What, judge};
use crate::process::pause;

/// How long anything in here may take once all is well again.
const PATIENCE: Duration = Duration::from_mins(1);

/// How writers write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// Whether they are idempotent, and try again for ever; otherwise every batch is sent once.
    pub idempotent: bool,
    /// How many replicas have to have a batch: -1 is all that are in sync.
    pub acks: i16,
    /// Of how many answers one is not waited for: the connection ends, and the batch is sent again.
    pub lose: Option<u32>,
    /// Writers of each partition.
    pub writers: u32,
    /// Records a batch.
    pub batch: u32,
    /// Between two batches.
    pub pause: Duration,
}

impl Default for Writing {
    fn default() -> Writing {
        let pause = Duration::from_millis(5);
        Writing { idempotent: true, acks: -1, lose: None, writers: 1, batch: 3, pause }
    }
}

/// Clients at work.
#[derive(Debug)]
pub struct Workload {
    topic: String,
    servers: Vec<SocketAddr>,
    partitions: i32,
    history: Arc<History>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Workload {
    /// Begins with a topic that is there, on all of its partitions.
    pub fn start(fleet: &Fleet, topic: &str, writing: Writing) -> Result<Workload> {
        let known = fleet.partitions(topic)?;
        let servers = (0..3).map(|id| fleet.address(id)).collect::<Result<Vec<_>>>()?;
        let mut workload = Workload {
            topic: topic.to_owned(),
            servers,
            partitions: i32::try_from(known.len())?,
            history: Arc::new(History::begin()),
            stop: Arc::default(),
            threads: Vec::new(),
        };
        for partition in 0..workload.partitions {
            let mut process = u32::try_from(partition)? * (2 + writing.writers);
            let mut next = || {
                process += 1;
                workload.client(process, partition)
            };
            let (reader, watcher) = (next(), next());
            let writers: Vec<Client> = (0..writing.writers).map(|_| next()).collect();
            let threads = writers
                .into_iter()
                .map(|writer| thread::spawn(move || write::write(writer, writing)));
            workload.threads.extend(threads);
            workload.threads.extend([
                thread::spawn(move || read::read(reader)),
                thread::spawn(move || {
                    read::watch(watcher);
                    Ok(())
                }),
            ]);
        }
        Ok(workload)
    }

    fn client(&self, process: u32, partition: i32) -> Client {
        let (history, stop) = (Arc::clone(&self.history), Arc::clone(&self.stop));
        let place = (self.topic.clone(), partition);
        Client::new(process, place, self.servers.clone(), (history, stop))
    }

    /// Waits until `more` batches more than now are acknowledged; how long that took.
    pub fn progress(&mut self, more: usize) -> Result<Duration> {
        let (begun, wanted) = (Instant::now(), self.history.acknowledged() + more);
        while self.history.acknowledged() < wanted {
            self.check()?;
            let trouble = || self.history.trouble();
            ensure!(begun.elapsed() < PATIENCE, "not {more} batches more in time: {}", trouble());
            pause();
        }
        Ok(begun.elapsed())
    }

    /// Lets them go on for a while.
    pub fn go_on(&mut self, time: Duration) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.check()?;
            pause();
        }
        Ok(())
    }

    /// What happened so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Fails when one of the clients has given up.
    fn check(&mut self) -> Result<()> {
        match self.threads.iter().position(JoinHandle::is_finished) {
            None => Ok(()),
            Some(ended) => {
                end(self.threads.swap_remove(ended))?;
                Err(anyhow!("a client has ended by itself"))
            }
        }
    }

    /// Has them stop, once every writer has got its last answer, reads all that there is, and
    /// answers what happened.
    pub fn finish(mut self) -> Result<Vec<Event>> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in std::mem::take(&mut self.threads) {
            end(thread)?;
        }
        for partition in 0..self.partitions {
            let process = u32::MAX;
            let mut client = self.client(process, partition);
            let begun = self.history.now();
            let records = read::all(&mut client, PATIENCE)?;
            self.history.add((process, partition), begun, What::All(records));
        }
        Ok(self.history.events())
    }

    /// [`Workload::finish`], and all promises must have been kept.
    pub fn judge(self) -> Result<Vec<Event>> {
        let events = self.finish()?;
        let broken = judge(&events);
        let first: Vec<String> = broken.iter().take(10).map(Broken::to_string).collect();
        ensure!(broken.is_empty(), "{} promises are broken:\n{}", broken.len(), first.join("\n"));
        Ok(events)
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        // the threads of a test that has failed end by themselves
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn end(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread.join().map_err(|_panic| anyhow!("a client panicked"))?.context("a client failed")
}
