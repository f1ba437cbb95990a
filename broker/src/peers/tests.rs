//! Peers over real sockets: who is let in, who is heard, and what becomes of questions.

mod admission;
mod asking;
pub(crate) mod authority;
mod forwarding;
mod rotation;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use kastellan_core::id::BrokerId;
use tokio::runtime::Runtime;

use self::authority::Authority;
use super::{Manner, Peers, runtime};
use crate::{Config, Listener, PeerListener, Running, start};

const CLUSTER: &str = "fleet";
const PATIENCE: Duration = Duration::from_secs(20);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Node 1 of a cluster, whose data goes with it.
struct Node {
    running: Option<Running>,
    dir: PathBuf,
}

impl Node {
    fn start(authority: &Authority) -> Self {
        let files = authority.files("node-1", CLUSTER);
        Self::with(Some(files), false)
    }

    fn with(certificates: Option<crate::CertificateFiles>, plain_text: bool) -> Self {
        Self::set(certificates, plain_text, &[])
    }

    fn set(
        certificates: Option<crate::CertificateFiles>,
        plain_text: bool,
        settings: &[(&str, &str)],
    ) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = format!("kastellan-peer-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(dir);
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config {
            node_id: 1,
            cluster_id: None,
            log_dirs: vec![dir.clone()],
            metadata_log_dir: None,
            listeners: vec![Listener { name: "plain".to_owned(), bind: here, advertised: None }],
            peers: Some(PeerListener { bind: here, advertised: None, plain_text }),
            certificates,
            allowed_urls: Vec::new(),
            management: crate::Management::default(),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        };
        Self { running: Some(start(config).unwrap()), dir }
    }

    fn peer_address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().peer_address().unwrap()
    }

    fn client_address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().addresses()[0].1
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.running.take());
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

/// Somebody who asks.
struct Asker {
    peers: Peers,
    _runtime: Runtime,
}

impl Asker {
    fn new(manner: Manner, node: BrokerId, address: SocketAddr) -> Self {
        let runtime = runtime().unwrap();
        let peers = Peers::new(manner, runtime.handle().clone());
        peers.learn(node, &address.ip().to_string(), address.port());
        Self { peers, _runtime: runtime }
    }

    /// Node 2, which asks node 1.
    fn of(authority: &Authority, node: &Node) -> Self {
        let identity = Arc::new(authority.identity(2, CLUSTER));
        Self::new(Manner::Tls(identity), BrokerId(1), node.peer_address())
    }
}
