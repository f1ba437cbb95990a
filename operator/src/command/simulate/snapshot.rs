//! A cluster's placement: taken from its brokers, or read from a file.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use kastellan_core::id::BrokerId;
use kastellan_core::placement::{Broker, Disk, Partition, Picture, State};
use serde::{Deserialize, Serialize};

use crate::admin::Admin;
use crate::command::client::remark;
use crate::failure::Failure;

/// A cluster in a file. The names of the fields are an interface.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Cluster {
    brokers: Vec<OneBroker>,
    partitions: Vec<OnePartition>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OneBroker {
    id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rack: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    cordoned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disk: Option<OneDisk>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OneDisk {
    total_bytes: u64,
    free_bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OnePartition {
    topic: String,
    partition: i32,
    replicas: Vec<i32>,
    /// Left out: all replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    isr: Option<Vec<i32>>,
    #[serde(default)]
    bytes: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    moving: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Cluster {
    pub(super) fn of(picture: &Picture) -> Self {
        let ids = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect();
        let broker = |broker: &Broker| OneBroker {
            id: broker.id.0,
            rack: broker.rack.clone(),
            cordoned: broker.state == State::Cordoned,
            disk: broker
                .disk
                .map(|Disk { total, free }| OneDisk { total_bytes: total, free_bytes: free }),
        };
        let partition = |partition: &Partition| OnePartition {
            topic: partition.topic.as_ref().to_owned(),
            partition: partition.index,
            replicas: ids(&partition.replicas),
            isr: Some(ids(&partition.in_sync)),
            bytes: partition.bytes,
            moving: partition.moving,
        };
        Self {
            brokers: picture.brokers.iter().map(broker).collect(),
            partitions: picture.partitions.iter().map(partition).collect(),
        }
    }

    /// The same for the planner; what does not fit together is told.
    fn picture(self) -> Result<Picture, String> {
        let mut ids = BTreeSet::new();
        if let Some(twice) = self.brokers.iter().find(|broker| !ids.insert(broker.id)) {
            return Err(format!("broker {} is there twice", twice.id));
        }
        let broker = |broker: OneBroker| Broker {
            id: BrokerId(broker.id),
            rack: broker.rack,
            state: if broker.cordoned { State::Cordoned } else { State::Active },
            disk: broker
                .disk
                .map(|OneDisk { total_bytes: total, free_bytes: free }| Disk { total, free }),
        };
        let mut partitions: Vec<Partition> = Vec::with_capacity(self.partitions.len());
        let mut places = BTreeSet::new();
        let mut sum = 0_u64;
        for one in self.partitions {
            let place = format!("{}-{}", one.topic, one.partition);
            let wrong = |what: &str| Err(format!("partition {place}: {what}"));
            let distinct: BTreeSet<_> = one.replicas.iter().collect();
            if one.replicas.is_empty() || distinct.len() != one.replicas.len() {
                return wrong("write its replicas, each broker once");
            }
            let isr = one.isr.unwrap_or_else(|| one.replicas.clone());
            if isr.iter().any(|id| !one.replicas.contains(id)) {
                return wrong("isr names a broker that is not among the replicas");
            }
            let bytes = one.bytes.checked_mul(one.replicas.len() as u64);
            match bytes.and_then(|bytes| sum.checked_add(bytes)).filter(|sum| *sum < 1 << 62) {
                Some(next) => sum = next,
                None => return wrong("that many bytes in all are beyond any disk"),
            }
            let ids = |ids: Vec<i32>| ids.into_iter().map(BrokerId).collect::<Vec<_>>();
            let topic: Arc<str> = match partitions.last() {
                Some(last) if *last.topic == *one.topic => Arc::clone(&last.topic),
                _ => one.topic.into(),
            };
            if !places.insert((Arc::clone(&topic), one.partition)) {
                return wrong("it is there twice");
            }
            partitions.push(Partition {
                topic,
                index: one.partition,
                factor: one.replicas.len(),
                replicas: ids(one.replicas),
                in_sync: ids(isr),
                bytes: one.bytes,
                written: 0,
                read: 0,
                moving: one.moving,
            });
        }
        Ok(Picture { brokers: self.brokers.into_iter().map(broker).collect(), partitions })
    }
}

/// Reads a file, JSON or YAML; `-` is stdin.
pub(super) fn read(file: &Path) -> Result<Picture, Failure> {
    let stdin = file == Path::new("-");
    let name = if stdin { "stdin".to_owned() } else { file.display().to_string() };
    let text = if stdin {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|why| Failure::new(format!("read {name}: {why}")))?;
    let cluster: Cluster = serde_saphyr::from_str(&text).map_err(|why| {
        Failure::new(format!("{name} is not a cluster: {why}"))
            .help("`kastellan simulate snapshot` prints one")
    })?;
    cluster.picture().map_err(|why| Failure::new(format!("{name}: {why}")))
}

/// Asks the brokers. One that is down keeps what it has, and gets nothing.
pub(super) async fn take(admin: &mut Admin) -> Result<Picture, Failure> {
    let placed = admin.placed().await?;
    for id in &placed.down {
        remark(&format!("broker {id} is down: what it has is left where it is"));
    }
    Ok(placed.picture)
}
