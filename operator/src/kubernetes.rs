//! `kastellan operator`: the clusters, topics and users of a Kubernetes cluster.
//!
//! Watches tell which cluster to look at ([`watch`]), a queue keeps passes apart ([`queue`]), and
//! one driver runs them for all three kinds ([`driver`]). A pass looks at what there is, plans
//! without touching anything (`cluster/plan.rs`, `topics/plan.rs`), carries the plan out and says
//! in the status what is true ([`operator`]). What a plan is made of is read when it is made:
//! nothing that a watch tells late, twice or never can lead it astray.

use std::net::SocketAddr;
use std::sync::Arc;

use kube::Client;
use tokio::sync::mpsc;

pub mod api;
pub mod cluster;
pub mod contains;
pub mod driver;
pub mod events;
pub mod http;
pub mod index;
pub mod kafka;
pub mod leader;
pub mod management;
pub mod metrics;
pub mod names;
pub mod object;
pub mod operator;
pub mod queue;
pub mod release;
pub mod render;
pub mod topics;
pub mod users;
mod verdict;
pub mod watch;
mod writes;

use self::cluster::Settings;
use self::driver::Driver;
use self::http::Probes;
use self::kafka::Connections;
use self::leader::{Leader, Lease};
use self::metrics::Metrics;
use self::operator::Operator;
use self::watch::Scope;
use crate::failure::Failure;
use crate::stop::Stop;

/// What the operator was told.
#[derive(Debug)]
pub(crate) struct Options {
    /// The namespaces whose objects it looks after; empty: all of them.
    pub(crate) namespaces: Vec<String>,
    /// Whom it has to be to work; `None`: it works at once.
    pub(crate) lease: Option<Lease>,
    /// Where it answers probes.
    pub(crate) http: SocketAddr,
    /// What it gives to brokers.
    pub(crate) settings: Settings,
}

/// Looks after everything until a signal, or until another operator does.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let client = connect().await?;
    let brokers = Arc::new(Connections::default());
    let operator = Arc::new(Operator::new(client.clone(), brokers, options.settings));
    let metrics = Arc::new(Metrics::default());
    let listener = http::listen(options.http).await.map_err(|why| {
        Failure::new(format!("listen for probes on {}: {why}", options.http))
            .help("choose another address: --http HOST:PORT")
    })?;
    let (lead, leads) = tokio::sync::watch::channel(options.lease.is_none());
    let probes = Probes { metrics: Arc::clone(&metrics), operator: Arc::clone(&operator), leads };
    tokio::spawn(http::serve(listener, probes));
    let mut leader = match options.lease {
        None => Leader::always(),
        Some(lease) => {
            tracing::info!(namespace = lease.namespace, "waiting for the lease");
            tokio::select! {
                leader = Leader::elected(client.clone(), lease) => leader?,
                asked = stop.asked() => {
                    tracing::info!(signal = asked.signal, "stopped before there was work");
                    return Ok(());
                }
            }
        }
    };
    lead.send_replace(true);
    tracing::info!("looking after clusters, topics and users");
    let (driver, watches) = start(&operator, metrics, &options.namespaces);
    let result = tokio::select! {
        () = driver.run(async {
            let asked = stop.asked().await;
            tracing::info!(signal = asked.signal, "stopping after the passes that run");
        }) => Ok(()),
        () = leader.lost() => Err(Failure::new("another operator has the lease: this one ends")),
    };
    watches.iter().for_each(tokio::task::JoinHandle::abort);
    if result.is_ok() {
        leader.resign().await;
    }
    result
}

/// A client as the environment has it: `KUBECONFIG`, or the pod's service account.
pub(crate) async fn connect() -> Result<Client, Failure> {
    Client::try_default().await.map_err(|why| {
        Failure::new(format!("find the Kubernetes API server: {why}"))
            .help("set KUBECONFIG, or run this in a pod with a service account")
    })
}

/// Watches everything in the namespaces (none: all of them), and the driver that hears of it.
pub fn start(
    operator: &Arc<Operator>,
    metrics: Arc<Metrics>,
    namespaces: &[String],
) -> (Driver, Vec<tokio::task::JoinHandle<()>>) {
    let (tell, heard) = mpsc::unbounded_channel();
    let scopes: Vec<Option<String>> = if namespaces.is_empty() {
        vec![None]
    } else {
        namespaces.iter().cloned().map(Some).collect()
    };
    let driver = Driver::new(Arc::clone(operator), metrics, heard, scopes.iter().cloned());
    let watches = scopes.into_iter().map(|namespace| {
        let scope = Scope { namespace, tell: tell.clone() };
        let (topics, users) = (Arc::clone(&operator.topics), Arc::clone(&operator.users));
        tokio::spawn(watch::run(operator.client.clone(), scope, topics, users))
    });
    (driver, watches.collect())
}
