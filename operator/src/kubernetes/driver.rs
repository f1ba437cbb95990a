//! The one loop that drives all three kinds: what is heard becomes due, what is due is passed over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::metrics::Metrics;
use super::operator::{Key, Operator, PassError, Passed};
use super::queue::{Outcome, Queue};
use super::watch::Heard;

/// So many passes run at the same time; a cluster that hangs holds up no other one.
const AT_ONCE: usize = 16;
/// A pass that takes longer is given up, and begun anew later.
const LONGEST: Duration = Duration::from_mins(5);

type Ended = (Key, Duration, Result<Passed, PassError>);

/// Drives an operator.
#[derive(Debug)]
pub struct Driver {
    operator: Arc<Operator>,
    metrics: Arc<Metrics>,
    heard: UnboundedReceiver<Heard>,
    /// How many watches have to list before anything is done.
    watches: usize,
    queue: Queue,
    running: JoinSet<Ended>,
}

impl Driver {
    /// A driver that hears from `watches` watches.
    pub fn new(
        operator: Arc<Operator>,
        metrics: Arc<Metrics>,
        heard: UnboundedReceiver<Heard>,
        watches: usize,
    ) -> Self {
        let (queue, running) = (Queue::default(), JoinSet::new());
        Self { operator, metrics, heard, watches, queue, running }
    }

    /// Runs until `stop` completes; passes that run then come to their end.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            self.start();
            let next = self.queue.next().filter(|_| self.runs() && self.has_room());
            let alarm = async {
                match next {
                    Some(moment) => tokio::time::sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = &mut stop => break,
                heard = self.heard.recv() => match heard {
                    Some(heard) => self.hear(heard),
                    None => break,
                },
                Some(ended) = self.running.join_next() => self.ended(ended),
                () = alarm => {}
            }
        }
        while self.running.join_next().await.is_some() {}
    }

    /// Nothing is decided before every watch has told what there is.
    fn runs(&self) -> bool {
        self.watches == 0
    }

    fn has_room(&self) -> bool {
        self.running.len() < AT_ONCE
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Of(key) => self.queue.heard(key, Instant::now()),
            Heard::Listed => {
                self.watches = self.watches.saturating_sub(1);
                if self.watches == 0 {
                    self.metrics.listed();
                }
            }
        }
    }

    fn start(&mut self) {
        let now = Instant::now();
        while self.runs() && self.has_room() {
            let Some(key) = self.queue.take(now) else { break };
            let operator = Arc::clone(&self.operator);
            self.running.spawn(async move {
                let begun = Instant::now();
                let passed = tokio::time::timeout(LONGEST, operator.pass(&key)).await;
                let passed = passed.unwrap_or_else(|_| {
                    tracing::error!(%key, "given up after {} s", LONGEST.as_secs());
                    Ok(Passed { outcome: Outcome::Failed, nudged: BTreeSet::new() })
                });
                (key, begun.elapsed(), passed)
            });
        }
        self.metrics.depth(self.queue.depth(now));
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let now = Instant::now();
        let (key, took, passed) = match ended {
            Ok(ended) => ended,
            // a pass has a bug: whatever it left half done is seen by the next operator
            Err(why) => std::panic::resume_unwind(why.into_panic()),
        };
        let outcome = match passed {
            Ok(passed) => {
                for nudged in passed.nudged {
                    self.queue.heard(nudged, now);
                }
                passed.outcome
            }
            Err(why) => {
                tracing::warn!(%key, %why, "once more later");
                Outcome::Failed
            }
        };
        self.metrics.passed(key.part, outcome, took);
        self.queue.ended(&key, outcome, took, now);
    }
}
