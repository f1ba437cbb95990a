//! The broker over real sockets.

mod access;
mod admin;
mod client;
mod configs;
mod data;
mod delegation;
mod fetching;
mod hostile;
mod login;
mod management;
mod partitions;
mod probes;
mod quotas;
mod scram;
mod tls;
pub(crate) mod tokens;
mod upkeep;
#[path = "../tests/groups/client.rs"]
pub(crate) mod wire;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use self::client::Client;
use crate::{Config, Listener, Running, start};

/// A broker in a directory of its own, which goes with it.
struct Harness {
    running: Option<Running>,
    config: Config,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Harness {
    fn new() -> Self {
        Self::with(&[])
    }

    /// A broker with some settings.
    fn with(settings: &[(&str, &str)]) -> Self {
        Self::allowing(settings, &[])
    }

    /// The same, which may read the keys of issuers at the `allowed` URLs.
    fn allowing(settings: &[(&str, &str)], allowed: &[String]) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kastellan-broker-{}-{number}", std::process::id());
        let data_dir: PathBuf = std::env::temp_dir().join(name);
        remove(&data_dir);
        let listener = Listener {
            name: "plain".to_owned(),
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertised: None,
        };
        let settings: BTreeMap<_, _> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let config = Config {
            node_id: 1,
            cluster_id: None,
            log_dirs: vec![data_dir],
            metadata_log_dir: None,
            management: crate::Management {
                probes: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
                listener: None,
            },
            listeners: vec![listener],
            peers: None,
            certificates: None,
            allowed_urls: allowed.to_vec(),
            settings,
        };
        Self { running: Some(start(config.clone()).unwrap()), config }
    }

    fn client(&self) -> Client {
        let addresses = self.running.as_ref().unwrap().addresses();
        Client::connect(addresses[0].1)
    }

    /// Stops in order and starts again.
    fn restart(&mut self) {
        self.running.take().unwrap().shutdown();
        self.running = Some(start(self.config.clone()).unwrap());
    }

    /// Stops as a kill would and starts again.
    fn kill_and_restart(&mut self) {
        self.running.take().unwrap().abandon();
        self.running = Some(start(self.config.clone()).unwrap());
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        drop(self.running.take());
        self.config.log_dirs.iter().for_each(|dir| remove(dir));
    }
}

fn remove(dir: &Path) {
    if dir.exists() {
        std::fs::remove_dir_all(dir).unwrap();
    }
}
