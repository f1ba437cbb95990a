//! The same with Apache Kafka 4.3.1: combined nodes as the distribution starts them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Fleet, Node, data, local};
use crate::clocks::Clocks;
use crate::peer::{self, Jvm};
use crate::{cache, port};

impl Fleet {
    /// Forms a cluster of three combined nodes, with three copies of everything and two of them in
    /// sync, and starts them.
    pub fn three_of_kafka(folder: &Path, settings: &[(&str, &str)]) -> Result<Fleet> {
        let jars = peer::jars()?;
        let mut nodes = Vec::new();
        for id in 0..3 {
            let (address, peers) = (local(port::free()?), local(port::free()?));
            nodes.push(Node { id, address, peers, process: None, stopped: false });
        }
        let voters: Vec<_> = nodes.iter().map(|it| format!("{}@{}", it.id, it.peers)).collect();
        let voters = voters.join(",");
        for node in &nodes {
            let Node { id, address, peers, .. } = node;
            let listeners = format!("PLAINTEXT://{address},CONTROLLER://{peers}");
            let (id, data) = (id.to_string(), data(folder, *id));
            let own = [
                ("node.id", id.as_str()),
                ("listeners", &listeners),
                ("advertised.listeners", &listeners),
                ("controller.quorum.voters", &voters),
                ("log.dirs", &data.to_string_lossy()),
                ("default.replication.factor", "3"),
                ("min.insync.replicas", "2"),
                ("offsets.topic.replication.factor", "3"),
            ]
            .map(|(name, value)| format!("{name}={value}\n"));
            let mut text = fs::read_to_string(cache::e2e().join("peer/server.properties"))?;
            text.extend(own);
            text.extend(settings.iter().map(|(name, value)| format!("{name}={value}\n")));
            let file = properties(folder, node.id);
            fs::write(&file, text)?;
            cache::run(&mut peer::format(&jars, &file))?;
        }
        let (folder, settings) = (folder.to_owned(), Vec::new());
        let mut fleet = Fleet {
            folder,
            settings,
            voters,
            nodes,
            jars: Some(jars),
            network: None,
            certificates: None,
            clocks: Clocks::default(),
        };
        fleet.start_all()?;
        Ok(fleet)
    }

    pub(super) fn server(&self, jars: &Path, id: i32) -> Command {
        peer::server(jars, Jvm::AsShipped, &properties(&self.folder, id))
    }
}

fn properties(folder: &Path, id: i32) -> PathBuf {
    folder.join(format!("{id}.properties"))
}
