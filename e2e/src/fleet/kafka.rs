//! The same with Apache Kafka 4.3.1: nodes as the distribution starts them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Fleet, Node, data, local};
use crate::clocks::Clocks;
use crate::network::{Network, Who};
use crate::peer::{self, Jvm};
use crate::{cache, port};

impl Fleet {
    /// [`Fleet::of_kafka`] with three on loopback, started.
    pub fn three_of_kafka(folder: &Path, settings: &[(&str, &str)]) -> Result<Fleet> {
        let mut fleet = Fleet::of_kafka(None, folder, 3, settings)?;
        fleet.start_all()?;
        Ok(fleet)
    }

    /// Forms a cluster of `count` nodes, three of them combined, with three copies of everything
    /// and two of them in sync, on the hosts of `network` where there is one. Starts none.
    pub fn of_kafka(
        network: Option<Network>,
        folder: &Path,
        count: i32,
        settings: &[(&str, &str)],
    ) -> Result<Fleet> {
        let jars = peer::jars()?;
        let mut nodes = Vec::new();
        for id in 0..count {
            let [address, peers] = match network {
                Some(_) => Network::addresses(id),
                None => [local(port::free()?), local(port::free()?)],
            };
            nodes.push(Node { id, address, peers, process: None, stopped: false });
        }
        let voters: Vec<_> =
            nodes.iter().take(3).map(|it| format!("{}@{}", it.id, it.peers)).collect();
        let voters = voters.join(",");
        for node in &nodes {
            let Node { id, address, peers, .. } = node;
            let (roles, listeners) = if *id < 3 {
                ("broker,controller", format!("PLAINTEXT://{address},CONTROLLER://{peers}"))
            } else {
                ("broker", format!("PLAINTEXT://{address}"))
            };
            let (id, data) = (id.to_string(), data(folder, *id));
            let own = [
                ("node.id", id.as_str()),
                ("process.roles", roles),
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
        Ok(Fleet {
            folder,
            settings,
            voters,
            nodes,
            jars: Some(jars),
            network,
            certificates: None,
            clocks: Clocks::default(),
        })
    }

    pub(super) fn server(&self, jars: &Path, id: i32) -> Result<Command> {
        let server = peer::server(jars, Jvm::AsShipped, &properties(&self.folder, id));
        let Some(network) = &self.network else { return Ok(server) };
        let mut inside = network.inside(Who::Host(id))?;
        inside.arg(server.get_program()).args(server.get_args());
        Ok(inside)
    }
}

fn properties(folder: &Path, id: i32) -> PathBuf {
    folder.join(format!("{id}.properties"))
}
