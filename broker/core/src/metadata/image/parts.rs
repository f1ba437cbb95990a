//! What an image consists of.

use std::sync::Arc;

use imbl::OrdMap;

use crate::{
    id::{BrokerId, LeaderEpoch, Uuid},
    metadata::record::{Endpoint, SupportedFeature},
};

/// A topic and its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: Arc<str>,
    /// Its id.
    pub id: Uuid,
    /// Its partitions by index.
    pub partitions: OrdMap<i32, Arc<Partition>>,
}

/// The state of a partition.
#[expect(clippy::struct_field_names, reason = "\"partition epoch\" is Kafka's word")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Partition {
    /// Who holds it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Who is in sync.
    pub isr: Vec<BrokerId>,
    /// Replicas that a reassignment takes away.
    pub removing: Vec<BrokerId>,
    /// Replicas that a reassignment adds.
    pub adding: Vec<BrokerId>,
    /// Replicas that may lead although they left the ISR (KIP-966).
    pub elr: Vec<BrokerId>,
    /// The last ones that were eligible, when nobody is (KIP-966).
    pub last_known_elr: Vec<BrokerId>,
    /// The log directory of each replica; nil where it is not known.
    pub directories: Vec<Uuid>,
    /// Who leads.
    pub leader: Option<BrokerId>,
    /// How many times the leader changed; 0 for the first.
    pub leader_epoch: LeaderEpoch,
    /// How many times anything changed.
    pub partition_epoch: i32,
    /// 0: recovered; 1: an unclean leader has to recover first.
    pub leader_recovery_state: i8,
}

/// A registered broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its node id.
    pub id: BrokerId,
    /// Random per process.
    pub incarnation: Uuid,
    /// Grows with every registration.
    pub epoch: i64,
    /// Where it listens.
    pub endpoints: Vec<Endpoint>,
    /// The features it can serve.
    pub features: Vec<SupportedFeature>,
    /// Where it stands.
    pub rack: Option<String>,
    /// It must not lead, and clients do not see it.
    pub fenced: bool,
    /// It is about to stop.
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories, sorted.
    pub log_dirs: Vec<Uuid>,
}

/// Whom settings belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigResource {
    /// What kind of thing.
    pub kind: ResourceKind,
    /// Its name; for brokers the node id, or nothing for all of them.
    pub name: String,
}

/// What settings can belong to, with Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// A topic.
    Topic,
    /// A broker, or all of them.
    Broker,
    /// The log levels of a broker.
    BrokerLogger,
    /// A subscription to clients' metrics (KIP-714).
    ClientMetrics,
    /// A group.
    Group,
}

impl Broker {
    /// Whether it runs and means to stay: it may lead and be taken into an ISR.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// Where to dial the broker for clients that came by `listener`.
    pub fn endpoint(&self, listener: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name.eq_ignore_ascii_case(listener))
    }

    /// Whether a replica of its registration `epoch` may join an ISR: that registration is the
    /// present one, it runs, and it is not about to stop (KIP-903).
    pub fn may_join_isr(&self, epoch: i64) -> bool {
        self.epoch == epoch && !self.fenced && !self.in_controlled_shutdown
    }
}

impl Partition {
    /// The log directory of a replica; nil where it is not known.
    pub fn directory_of(&self, broker: BrokerId) -> Uuid {
        let at = self.replicas.iter().position(|id| *id == broker);
        at.and_then(|at| self.directories.get(at)).copied().unwrap_or_default()
    }

    /// Whether the replica of `broker` is in one of `directories`, as far as is known: a broker may
    /// not have said yet where it lies, or which directories it has.
    pub fn is_within(&self, broker: BrokerId, directories: &[Uuid]) -> bool {
        let directory = self.directory_of(broker);
        directory.is_nil() || directories.is_empty() || directories.contains(&directory)
    }
}

impl ConfigResource {
    /// The settings of the topic called `name`.
    pub fn topic(name: &str) -> Self {
        Self { kind: ResourceKind::Topic, name: name.to_owned() }
    }

    /// The settings of the broker with this id, or of all brokers where there is none.
    pub fn broker(id: &str) -> Self {
        Self { kind: ResourceKind::Broker, name: id.to_owned() }
    }
}

impl ResourceKind {
    /// Kafka's number.
    pub fn code(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
            Self::BrokerLogger => 8,
            Self::ClientMetrics => 16,
            Self::Group => 32,
        }
    }

    /// The kind with this number, if there is one.
    pub fn from_code(code: i8) -> Option<Self> {
        Some(match code {
            2 => Self::Topic,
            4 => Self::Broker,
            8 => Self::BrokerLogger,
            16 => Self::ClientMetrics,
            32 => Self::Group,
            _ => return None,
        })
    }
}
