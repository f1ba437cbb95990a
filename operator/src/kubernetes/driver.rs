//! The one loop that drives all three kinds: what is heard becomes due, what is due is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::metrics::Metrics;
use super::operator::{Key, Operator, Part, PassError, Passed};
use super::queue::{Outcome, Queue};
use super::watch::{Heard, WATCHES};

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
    /// Of each namespace that is watched, or of all of them, the kinds that were listed.
    listed: BTreeMap<Option<String>, BTreeSet<&'static str>>,
    queue: Queue,
    running: JoinSet<Ended>,
}

impl Driver {
    /// A driver that hears from the watches of these namespaces, or of all of them.
    pub fn new(
        operator: Arc<Operator>,
        metrics: Arc<Metrics>,
        heard: UnboundedReceiver<Heard>,
        scopes: impl IntoIterator<Item = Option<String>>,
    ) -> Self {
        let (queue, running) = (Queue::default(), JoinSet::new());
        let listed = scopes.into_iter().map(|scope| (scope, BTreeSet::new())).collect();
        Self { operator, metrics, heard, listed, queue, running }
    }

    /// Runs until `stop` completes; passes that run then come to their end.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            self.start();
            let next = self.queue.next(|key| may(&self.listed, key));
            let next = next.filter(|_| self.has_room());
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

    fn has_room(&self) -> bool {
        self.running.len() < AT_ONCE
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Of(key) => self.queue.heard(key, Instant::now()),
            Heard::Listed { namespace, kind } => {
                self.listed.entry(namespace).or_default().insert(kind);
                if self.listed.values().all(|kinds| kinds.len() == WATCHES) {
                    self.metrics.listed();
                }
            }
        }
    }

    fn start(&mut self) {
        let now = Instant::now();
        while self.has_room() {
            let Some(key) = self.queue.take(now, |key| may(&self.listed, key)) else { break };
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

/// Whether a key's turn can come. Nothing is decided before every watch of its namespace has told
/// what there is; but topics and users need no more than what is told of them. In a namespace that
/// is being deleted an operator that was started anew may watch nothing else any more, and has to
/// let go of them.
fn may(listed: &BTreeMap<Option<String>, BTreeSet<&'static str>>, key: &Key) -> bool {
    let scope = listed.get(&Some(key.namespace.clone())).or_else(|| listed.get(&None));
    let lets_go = key.part != Part::Cluster;
    scope.is_some_and(|kinds| kinds.len() == WATCHES || lets_go && kinds.contains(key.part.kind()))
}
