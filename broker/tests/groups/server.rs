//! A broker inside of a test program, on a directory and a port of its own.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test program uses a part of it"
)]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use kastellan_broker::{Config, Listener, Running};
use kastellan_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, create_topics_request::CreatableTopic,
};

use super::client::{Client, topic_name};

/// A broker; its directory goes with it.
pub(crate) struct Server {
    running: Option<Running>,
    config: Config,
}

impl Server {
    /// A new broker with these settings.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kastellan-tests-{}-{number}", std::process::id());
        let listener = Listener {
            name: "plain".to_owned(),
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertised: None,
        };
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let config = Config {
            node_id: 1,
            cluster_id: None,
            log_dirs: vec![std::env::temp_dir().join(name)],
            metadata_log_dir: None,
            management: kastellan_broker::Management::default(),
            listeners: vec![listener],
            peers: None,
            certificates: None,
            allowed_urls: Vec::new(),
            settings: settings.collect::<BTreeMap<_, _>>(),
        };
        let running = Some(kastellan_broker::start(config.clone()).unwrap());
        Self { running, config }
    }

    /// Stops it in order and starts it again on the same data.
    pub(crate) fn restart(mut self) -> Self {
        self.running.take().unwrap().shutdown();
        self.running = Some(kastellan_broker::start(self.config.clone()).unwrap());
        self
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().addresses()[0].1
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// Creates a topic with one partition.
    pub(crate) fn create_topic(&self, name: &str) {
        let wanted = CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request =
            CreateTopicsRequest::default().with_topics(vec![wanted]).with_timeout_ms(10_000);
        let created = self.connect().call(5, &request);
        assert_eq!(created.topics[0].error_code, 0, "{created:?}");
    }

    pub(crate) fn delete_topic(&self, name: &str) {
        let request = DeleteTopicsRequest::default()
            .with_topic_names(vec![topic_name(name)])
            .with_timeout_ms(10_000);
        let deleted = self.connect().call(4, &request);
        assert_eq!(deleted.responses[0].error_code, 0, "{deleted:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown();
        }
        for dir in &self.config.log_dirs {
            drop(std::fs::remove_dir_all(dir));
        }
    }
}
