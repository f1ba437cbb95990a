//! `kastellan up`: the manifests' cluster on this machine, its brokers as child processes.
//!
//! One loop: observe, plan, act, report, then wait for a reason to do it again: a file changed, a
//! broker came up or ended, an attempt is due, a signal. Kafka tells nobody that a topic or a
//! setting was changed, so every few seconds, and the less often the more there is, the cluster is
//! looked at as well. What the files ask for is decided in `fleet`; this module only carries it
//! out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kastellan_crds::condition::{ConditionType, Reason};
use kastellan_crds::name::TopicName;
use tokio::sync::{mpsc, watch as channel};
use tokio::time::Instant;

use self::bootstrap::Bootstrap;
use self::brokers::Brokers;
use self::child::{End, Event};
use self::cluster::Cluster;
use self::contact::Contact;
use self::data_dir::DataDir;
use self::files::Asked;
use self::keys::Keys;
use self::live::{Live, State};
use self::report::Report;
use self::users::Users;
use self::watch::Watch;
use crate::admin::AdminError;
use crate::failure::Failure;
use crate::fleet::manifest::Source;
use crate::fleet::plan::{self, Action, Observed, Plan};
use crate::fleet::problem::Problem;
use crate::fleet::{Broker, Fleet, Topic};
use crate::stop::Stop;

mod bootstrap;
mod brokers;
mod child;
mod cluster;
mod contact;
mod data_dir;
mod files;
mod keys;
mod live;
mod report;
mod users;
mod view;
mod watch;

/// Before a request that failed for a passing reason is sent again.
const PAUSE: Duration = Duration::from_millis(500);

/// A look at the cluster comes so many times later as the last one took: it costs half a percent.
const LOOK_SHARE: u32 = 200;
/// The first look for another client's changes after one, however quick that was.
const LOOK_SOONEST: Duration = Duration::from_secs(2);
/// The last one, however slow that was.
const LOOK_LATEST: Duration = Duration::from_mins(1);

/// How far the port for this process is above the one of the first listener, where it needs its
/// own: 9092 and 9193.
const OPERATOR_ABOVE: u16 = 101;
/// How far the port for brokers is above the one of the first listener: 9092 and 9190.
const PEERS_ABOVE: u16 = 98;

/// What `up` was told.
#[derive(Debug)]
pub(crate) struct Options {
    /// Files and directories of manifests.
    pub(crate) paths: Vec<PathBuf>,
    /// Where the data stays; `None`: it goes at the end.
    pub(crate) data_dir: Option<PathBuf>,
    /// What the brokers log.
    pub(crate) log: String,
    /// Whether a live table is shown below the log.
    pub(crate) table: bool,
}

/// The port of loopback for port `port` of broker number `number`.
fn port(number: i32, port: u16) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX).saturating_mul(10).saturating_add(port)
}

/// The port of loopback where the other brokers find broker number `number`: beside the one of the
/// first listener, so that clusters with other ports do not meet.
fn peer_port(brokers: &[Broker], number: i32) -> u16 {
    beside(brokers, number, PEERS_ABOVE)
}

/// The port of loopback where this process finds broker number `number`, where it needs its own.
fn operator_port(brokers: &[Broker], number: i32) -> u16 {
    beside(brokers, number, OPERATOR_ABOVE)
}

fn beside(brokers: &[Broker], number: i32, above: u16) -> u16 {
    let first = brokers.first().and_then(|broker| broker.listeners.first());
    port(number, first.map_or(9092, |listener| listener.port).saturating_add(above))
}

/// Runs until a signal (`Ok`), or until the cluster turns out not to be startable.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    // watched before they are read: a change in between is not lost
    let watch = Watch::new(&options.paths)?;
    let sources = files::sources(&options.paths).map_err(|problems| refused(&problems))?;
    let asked = files::asked(&sources).map_err(|problems| refused(&problems))?;
    skipped(&asked);
    let name = asked.fleet.cluster.name.as_str();
    let data_dir = DataDir::new(options.data_dir.as_deref(), name)?;
    report::line(&format!("KafkaCluster/{name}: data in {}", data_dir.describe()));
    let keys = Keys::new(data_dir.path(), name);
    let users = Users::new(data_dir.path(), keys.clone());
    let members = &asked.fleet.cluster.brokers;
    let bootstrap = Bootstrap::open(data_dir.path(), members, |id| data_dir.broker(id))?;
    let (sender, events) = mpsc::unbounded_channel();
    let mut up = Up {
        paths: options.paths,
        sources,
        fleet: asked.fleet,
        brokers: Brokers::new(data_dir, bootstrap, keys, options.log, sender),
        cluster: Cluster::default(),
        users,
        report: Report::default(),
        events,
        watch,
        retry: None,
        look: None,
        shown: channel::Sender::new(State::default()),
    };
    let live = if options.table { Some(Live::start(up.shown.subscribe())?) } else { None };
    let result = tokio::select! {
        failure = up.serve() => Err(failure),
        asked = stop.asked() => {
            report::line(&format!("{}: stopping; once more to stop at once", asked.signal));
            Ok(())
        }
    };
    stop.at_once_from_now_on();
    drop(live);
    up.stop().await;
    result
}

/// The files as they are do not make a cluster.
fn refused(problems: &[Problem]) -> Failure {
    let all = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nerror: ");
    Failure::new(all)
}

fn skipped(asked: &Asked) {
    for (what, place) in &asked.skipped {
        report::line(&format!("{place}: left alone: {what} is none of ours"));
    }
    for ignored in &asked.ignored {
        report::line(&ignored.to_string());
    }
}

struct Up {
    paths: Vec<PathBuf>,
    sources: Vec<Source>,
    fleet: Fleet,
    brokers: Brokers,
    cluster: Cluster,
    users: Users,
    report: Report,
    events: mpsc::UnboundedReceiver<Event>,
    watch: Watch,
    /// When to try a request again.
    retry: Option<Instant>,
    /// When to look whether another client has changed something.
    look: Option<Instant>,
    /// What the live table is told, if there is one.
    shown: channel::Sender<State>,
}

impl Up {
    /// Serves for ever, or until something is wrong that no edit of the files can mend.
    async fn serve(&mut self) -> Failure {
        loop {
            if let Err(failure) = self.reconcile().await {
                return failure;
            }
            self.publish();
            if let Err(failure) = self.wait().await {
                return failure;
            }
            self.publish();
        }
    }

    /// Tells the live table what is known here.
    fn publish(&self) {
        if self.shown.receiver_count() == 0 {
            return;
        }
        let cluster = self.fleet.cluster.name.as_str();
        let condition = |kind, name: &str| self.report.condition(kind, name).unwrap_or_default();
        let topic = |(name, topic): (&TopicName, &Topic)| {
            (name.to_string(), condition("KafkaTopic", topic.object.as_str()))
        };
        self.shown.send_replace(State {
            cluster: cluster.to_owned(),
            condition: condition("KafkaCluster", cluster),
            bootstrap: self.brokers.bootstrap(),
            contact: self.contact(),
            brokers: self.brokers.processes(),
            topics: self.fleet.topics.iter().map(topic).collect(),
        });
    }

    /// Waits for a reason to plan again.
    async fn wait(&mut self) -> Result<(), Failure> {
        let due = [self.brokers.due(), self.retry, self.look].into_iter().flatten().min();
        let alarm = async {
            match due {
                Some(moment) => tokio::time::sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.events.recv() => match event {
                Some(event) => self.heard(event)?,
                None => return Err(Failure::new("nobody reports on the brokers any more")),
            },
            changed = self.watch.changed() => {
                changed.map_err(|why| Failure::new(format!("watch the files: {why}")))?;
                self.reload();
            }
            () = alarm => {}
        }
        Ok(())
    }

    fn heard(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Serving { id, addresses } => {
                self.cluster.ask_again();
                self.brokers.serving(id, addresses);
            }
            Event::Ended { id, end } => {
                self.cluster.disconnect();
                let never_ready = !self.report.is_ready();
                let served = self.brokers.ended(id, end.clone());
                if !served && never_ready {
                    return Err(did_not_start(id, end));
                }
            }
        }
        Ok(())
    }

    /// Reads the files again; what cannot be carried out changes nothing.
    fn reload(&mut self) {
        let unchanged = "nothing was changed: the cluster runs on as before";
        let sources = match files::sources(&self.paths) {
            Ok(sources) => sources,
            Err(problems) => return report::problems(&problems, unchanged),
        };
        if sources == self.sources {
            return;
        }
        self.sources.clone_from(&sources);
        match files::asked(&sources) {
            Err(problems) => report::problems(&problems, unchanged),
            Ok(asked) if asked.fleet.cluster.name != self.fleet.cluster.name => {
                let (new, old) = (&asked.fleet.cluster, &self.fleet.cluster);
                let message = format!("KafkaCluster {} in the place of {}", new.name, old.name);
                let help = format!(
                    "keep the name, or stop this `kastellan up` and start one for {}",
                    new.name
                );
                report::problems(&[Problem::at(&new.place, message).help(help)], unchanged);
            }
            Ok(asked) if asked.fleet.cluster.brokers.len() != self.fleet.cluster.brokers.len() => {
                let (new, old) = (&asked.fleet.cluster, &self.fleet.cluster);
                let (now, was) = (new.brokers.len(), old.brokers.len());
                let message =
                    format!("KafkaCluster {}: {now} brokers in the place of {was}", new.name);
                let help = format!(
                    "write replicas: {was}; the number of brokers of a cluster cannot be changed yet"
                );
                report::problems(&[Problem::at(&new.place, message).help(help)], unchanged);
            }
            Ok(asked) => {
                skipped(&asked);
                self.fleet = asked.fleet;
                self.brokers.forgive();
                self.cluster.ask_again();
            }
        }
    }

    /// Observes, plans and acts until there is nothing left to do but wait.
    async fn reconcile(&mut self) -> Result<(), Failure> {
        self.retry = None;
        let mut done = Vec::new();
        while let Some(actions) = self.pass(&done).await? {
            done = actions;
        }
        Ok(())
    }

    /// Sets the time of the next look, after one that took so long.
    fn look_after(&mut self, took: Duration) {
        let pause = took.saturating_mul(LOOK_SHARE).clamp(LOOK_SOONEST, LOOK_LATEST);
        self.look = self.contact().map(|_| Instant::now() + pause);
    }

    /// One pass; what it did, if it is worth another one at once.
    async fn pass(&mut self, done: &[Action]) -> Result<Option<Vec<Action>>, Failure> {
        let begun = Instant::now();
        let planned = self.plan().await;
        let planned = match planned {
            Ok(plan) => self.with_users(plan).await?,
            Err(why) => Err(why),
        };
        self.look_after(begun.elapsed());
        let plan = match planned {
            Ok(plan) => plan,
            Err(why) => {
                self.try_again(&format!("ask the brokers: {why}"));
                return Ok(None);
            }
        };
        self.report.verdicts(&plan.verdicts);
        if plan.ready() {
            let bootstrap = self.brokers.bootstrap();
            let bootstrap: Vec<String> = bootstrap.iter().map(ToString::to_string).collect();
            self.report.ready(&bootstrap.join(","))?;
        }
        if plan.actions.is_empty() {
            return Ok(None);
        }
        if plan.actions == done {
            self.try_again("the brokers have not carried out the last request yet");
            return Ok(None);
        }
        Ok(self.act(&plan.actions).await?.then_some(plan.actions))
    }

    fn try_again(&mut self, why: &str) {
        tracing::warn!("{why}: once more in {} ms", PAUSE.as_millis());
        self.cluster.disconnect();
        self.cluster.ask_again();
        self.retry = Some(Instant::now() + PAUSE);
    }

    /// The first broker that serves.
    fn contact(&self) -> Option<Contact> {
        self.brokers.contact()
    }

    async fn plan(&mut self) -> Result<Plan, AdminError> {
        let started = self.brokers.observed();
        let (brokers, topics) = match self.contact() {
            Some(contact) => (
                self.cluster.brokers(started, &contact).await?,
                self.cluster.topics(&self.fleet, &contact).await?,
            ),
            None => (BTreeMap::new(), BTreeMap::new()),
        };
        let observed = Observed { brokers, topics, managed: self.cluster.managed().clone() };
        let mut plan = plan::plan(&self.fleet, &observed);
        self.temper(&mut plan);
        Ok(plan)
    }

    /// Sees to the users, once all brokers run as they should; what is true of them is added.
    async fn with_users(&mut self, mut plan: Plan) -> Result<Result<Plan, AdminError>, Failure> {
        let Some(contact) = self.contact().filter(|_| plan.is_served()) else {
            return Ok(Ok(plan));
        };
        let held = match self.cluster.users(&contact).await {
            Ok(held) => held,
            Err(why) => return Ok(Err(why)),
        };
        let listener = |name: &str| self.brokers.listener(name);
        let mut users = self.users.plan(&self.fleet, &held, listener)?;
        let refused = if users.changes.is_empty() {
            BTreeMap::new()
        } else {
            report::line(&format!("users change: {}", users.changes.said()));
            match self.cluster.alter_users(&contact, &users.changes).await {
                Ok(refused) => refused,
                Err(why) => return Ok(Err(why)),
            }
        };
        self.users.done(&mut users, &refused)?;
        for (name, verdict) in users.verdicts {
            plan.say("KafkaUser", &name, verdict);
        }
        Ok(Ok(plan))
    }

    /// Puts what went wrong into the plan: brokers that failed, requests that were refused.
    fn temper(&self, plan: &mut Plan) {
        if let Some((id, end)) = self.brokers.down() {
            let name = self.fleet.cluster.name.as_str();
            let message = format!("broker {id} has ended: {}; it is started anew", said(end));
            let verdict = (ConditionType::Reconciling, Reason::BrokerDown, message);
            plan.say("KafkaCluster", name, verdict);
        }
        let told = &self.cluster;
        let refused: Vec<Action> =
            plan.actions.extract_if(.., |action| told.refusal(action).is_some()).collect();
        for action in refused {
            let Some(refusal) = told.refusal(&action) else { continue };
            let message = format!("the cluster refused: {}", refusal.message);
            let verdict = (ConditionType::Stalled, Reason::RequestRefused, message);
            match cluster::object(&action) {
                Some(object) => plan.say("KafkaTopic", object, verdict),
                None => plan.say("KafkaCluster", self.fleet.cluster.name.as_str(), verdict),
            }
        }
    }

    /// Whether it is worth planning again at once.
    async fn act(&mut self, actions: &[Action]) -> Result<bool, Failure> {
        let mut waiting = false;
        for action in actions {
            match action {
                Action::StartBroker(broker) => {
                    self.brokers.start(broker, &self.fleet.cluster.brokers)?;
                    waiting = true;
                }
                Action::RestartBroker(broker) => {
                    self.brokers.stop(broker.id);
                    waiting = true;
                }
                Action::ForgetTopic(name, object, true) => report::line(&format!(
                    "KafkaTopic/{object}: no longer in the files; the topic {name} stays \
                     (deletionPolicy: Retain)"
                )),
                _ => {}
            }
        }
        if waiting {
            return Ok(false);
        }
        let Some(contact) = self.contact() else { return Ok(false) };
        if let Err(why) = self.cluster.act(actions, &contact).await {
            self.try_again(&format!("change topics: {why}"));
            return Ok(false);
        }
        if self.cluster.passing() {
            self.try_again("the brokers refused for a passing reason");
            return Ok(false);
        }
        Ok(true)
    }

    /// Stops all brokers and waits for their ends.
    async fn stop(mut self) {
        self.brokers.stop_all();
        while self.brokers.running() > 0 {
            match self.events.recv().await {
                Some(Event::Ended { id, end }) => {
                    if end.how != "exit status: 0" {
                        report::line(&format!("broker {id}: {}", said(&end)));
                    }
                    self.brokers.ended(id, end);
                }
                Some(Event::Serving { .. }) => {}
                None => break,
            }
        }
        // a temporary data directory goes with them
        drop(self.brokers);
        report::line("stopped");
    }
}

/// How a broker ended, in one line where possible.
fn said(end: &End) -> String {
    end.complaint.clone().unwrap_or_else(|| end.how.clone())
}

fn did_not_start(id: i32, end: End) -> Failure {
    let how = format!("broker {id} did not start: ");
    match end.complaint {
        Some(complaint) => match complaint.split_once("\n  help: ") {
            Some((what, help)) => Failure::new(format!("{how}{what}")).help(help),
            None => Failure::new(format!("{how}{complaint}")),
        },
        None => Failure::new(format!("{how}{}", end.how)),
    }
}
