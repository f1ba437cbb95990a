//! Keeps the live table true: asks the brokers now and then, and paints.
//!
//! A refresh comes a hundred times as much later as the last one took, at least a second: the table
//! costs the machine one percent at most, brokers included, however many partitions there are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::contact::Contact;
use super::view::{BrokerLine, GroupLine, TopicLine, View, render};
use crate::admin::{Admin, AdminError};
use crate::failure::Failure;
use crate::survey::{self, Reading, Times};
use crate::terminal;

/// How long a broker may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two refreshes at least; people read no faster.
const SOONEST: Duration = Duration::from_secs(1);
/// Between two refreshes at most.
const LATEST: Duration = Duration::from_mins(1);
/// So many times as long as a refresh took passes before the next one.
const SHARE: u32 = 100;

/// What `up` knows by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// The cluster's name.
    pub(super) cluster: String,
    /// Its condition, as in `Ready`.
    pub(super) condition: String,
    /// Where clients connect.
    pub(super) bootstrap: Vec<SocketAddr>,
    /// A broker to be asked.
    pub(super) contact: Option<Contact>,
    /// The brokers.
    pub(super) brokers: Vec<Process>,
    /// The conditions of the topics that the files ask for, by their names in Kafka.
    pub(super) topics: BTreeMap<String, String>,
}

/// A broker as a process.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// The broker's id.
    pub(super) id: i32,
    /// The process's id, while there is one.
    pub(super) pid: Option<u32>,
    /// When it was started.
    pub(super) since: Option<Instant>,
    /// Where it serves clients.
    pub(super) address: Option<SocketAddr>,
}

/// The table; it goes away with this.
#[derive(Debug)]
pub(super) struct Live {
    task: JoinHandle<()>,
}

impl Live {
    /// Shows a table of what `states` says and the brokers know.
    pub(super) fn start(states: watch::Receiver<State>) -> Result<Self, Failure> {
        let resized = signal(SignalKind::window_change())
            .map_err(|why| Failure::new(format!("listen for changes of the window: {why}")))?;
        Ok(Self { task: tokio::spawn(keep(states, resized)) })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
        terminal::show(Vec::new());
    }
}

/// By topic: the ends of its partitions summed up, and what all groups have committed of them.
type Sums = BTreeMap<String, (i64, i64)>;

/// What the brokers said the last time.
#[derive(Debug, Default)]
struct Figures {
    admin: Option<Admin>,
    times: Times,
    topics: Vec<TopicLine>,
    groups: Vec<GroupLine>,
    /// When the rates were last worked out, and from which sums: offsets written and committed.
    before: Option<(Instant, Sums)>,
}

async fn keep(mut states: watch::Receiver<State>, mut resized: tokio::signal::unix::Signal) {
    let mut figures = Figures::default();
    loop {
        let state = states.borrow_and_update().clone();
        let begun = Instant::now();
        if let Some(contact) = &state.contact
            && let Err(why) = figures.refresh(contact).await
        {
            tracing::debug!(%why, "the table is as it was before");
            figures.admin = None;
        }
        let pause = begun.elapsed().saturating_mul(SHARE).clamp(SOONEST, LATEST);
        let next = Instant::now() + pause;
        loop {
            let (rows, columns) = terminal::size();
            let view = figures.view(&states.borrow_and_update());
            terminal::show(render(&view, rows, columns));
            tokio::select! {
                () = tokio::time::sleep_until(next) => break,
                _ = resized.recv() => {}
                changed = states.changed() => if changed.is_err() {
                    return;
                }
            }
        }
    }
}

impl Figures {
    async fn refresh(&mut self, contact: &Contact) -> Result<(), AdminError> {
        let mut admin = match self.admin.take() {
            Some(admin) => admin,
            None => contact.connect(PATIENCE).await?,
        };
        let mut metadata = admin.metadata(None).await?;
        metadata.topics.retain(|_, topic| !topic.internal);
        let extents = survey::extents(&mut admin, &metadata).await?;
        let listed = admin.list_groups().await?;
        let readings =
            survey::readings(&mut admin, &listed, &mut self.times, survey::now()).await?;
        self.admin = Some(admin);
        let readings: BTreeMap<String, Reading> =
            readings.into_iter().filter_map(|(id, reading)| Some((id, reading.ok()?))).collect();
        let mut sums = Sums::new();
        self.topics = Vec::new();
        for (name, topic) in &metadata.topics {
            let extent = |number: &i32| extents.get(&(name.clone(), *number)).copied();
            let each = || topic.partitions.keys().map(|number| extent(number).unwrap_or_default());
            let written = each().filter_map(|extent| extent.latest).sum();
            sums.insert(name.clone(), (written, 0));
            self.topics.push(TopicLine {
                name: name.clone(),
                partitions: topic.partitions.len(),
                records: each().map(|extent| extent.records()).sum(),
                bytes: each().map(|extent| extent.bytes).sum(),
                ..TopicLine::default()
            });
        }
        let progress = readings.values().flat_map(|reading| &reading.progress);
        for ((topic, _), progress) in progress {
            if let Some((_, committed)) = sums.get_mut(topic) {
                *committed += progress.committed.unwrap_or_default();
            }
        }
        self.rates(sums);
        self.groups = readings
            .into_iter()
            .map(|(name, reading)| GroupLine {
                name,
                state: reading.group.state.clone(),
                members: reading.group.members.len(),
                lag: reading.lag(),
                lag_seconds: reading.lag_seconds(),
            })
            .collect();
        Ok(())
    }

    /// What has changed since the last refresh, by the second.
    fn rates(&mut self, sums: Sums) {
        let now = Instant::now();
        if let Some((then, before)) = &self.before {
            let seconds = now.duration_since(*then).as_secs_f64().max(f64::MIN_POSITIVE);
            #[expect(clippy::cast_precision_loss, reason = "three figures are shown")]
            let rate = |now: i64, then: i64| (now.saturating_sub(then).max(0) as f64) / seconds;
            for topic in &mut self.topics {
                let (Some(now), Some(then)) = (sums.get(&topic.name), before.get(&topic.name))
                else {
                    continue;
                };
                topic.rate_in = Some(rate(now.0, then.0));
                topic.rate_out = Some(rate(now.1, then.1));
            }
        }
        self.before = Some((now, sums));
    }

    fn view(&self, state: &State) -> View {
        let topic = |line: &TopicLine| {
            let state = state.topics.get(&line.name).cloned().unwrap_or_default();
            TopicLine { state, ..line.clone() }
        };
        let bootstrap: Vec<String> = state.bootstrap.iter().map(ToString::to_string).collect();
        View {
            cluster: state.cluster.clone(),
            condition: state.condition.clone(),
            bootstrap: bootstrap.join(","),
            brokers: state.brokers.iter().map(broker).collect(),
            topics: self.topics.iter().map(topic).collect(),
            groups: self.groups.clone(),
        }
    }
}

fn broker(process: &Process) -> BrokerLine {
    let state = match (process.pid, process.address) {
        (None, _) => "Down",
        (Some(_), None) => "Starting",
        (Some(_), Some(_)) => "Serving",
    };
    BrokerLine {
        id: process.id,
        state,
        address: process.address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
        uptime: process.since.map(|since| since.elapsed().as_secs_f64()),
        memory: process.pid.and_then(memory),
    }
}

/// A process's resident memory in bytes: the second number of its `statm`, in pages.
fn memory(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(rustix::param::page_size() as u64))
}
