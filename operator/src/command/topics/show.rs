//! Topics as they are printed: all of them in brief, some of them in full.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::admin::{Admin, Partition, PartitionState, Setting, Source, TOPIC, TopicState};
use crate::columns::{self, Column, numbers, words};
use crate::command::client::{self, Format, document, print, say};
use crate::failure::Failure;
use crate::survey::{self, Extent};

/// A topic in brief. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Brief {
    name: String,
    internal: bool,
    partitions: usize,
    replicas: usize,
    unhealthy_partitions: usize,
    records: Option<i64>,
    bytes: Option<u64>,
}

/// A topic in full. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Full {
    name: String,
    id: String,
    internal: bool,
    partitions: Vec<One>,
    config: Vec<Set>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct One {
    partition: i32,
    leader: Option<i32>,
    replicas: Vec<i32>,
    isr: Vec<i32>,
    offline: Vec<i32>,
    earliest: Option<i64>,
    latest: Option<i64>,
    bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Set {
    name: String,
    value: Option<String>,
    source: &'static str,
    read_only: bool,
}

/// What is printed where nobody knows.
fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn ids(ids: &[i32]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// All topics; with those of the brokers if asked.
pub(super) async fn list(admin: &mut Admin, internal: bool, format: Format) -> Result<(), Failure> {
    let mut metadata = admin.metadata(None).await?;
    metadata.topics.retain(|_, topic| internal || !topic.internal);
    let extents = survey::extents(admin, &metadata).await?;
    let topics: Vec<Brief> =
        metadata.topics.iter().map(|(name, topic)| brief(name, topic, &extents)).collect();
    if topics.is_empty() && matches!(format, Format::Table | Format::Wide) {
        client::remark("there are no topics: `kastellan topics create NAME` makes one");
        return Ok(());
    }
    print(format, &topics, |wide| {
        let mut columns = vec![
            words("NAME"),
            numbers("PARTITIONS"),
            numbers("REPLICAS"),
            numbers("RECORDS"),
            numbers("SIZE"),
        ];
        if wide {
            columns.extend([numbers("UNHEALTHY"), words("INTERNAL")]);
        }
        let row = |topic: &Brief| {
            let mut row = vec![
                topic.name.clone(),
                topic.partitions.to_string(),
                topic.replicas.to_string(),
                or_dash(topic.records),
                or_dash(topic.bytes.map(columns::bytes)),
            ];
            if wide {
                row.extend([topic.unhealthy_partitions.to_string(), topic.internal.to_string()]);
            }
            row
        };
        (columns, topics.iter().map(row).collect())
    })
}

fn brief(name: &str, topic: &TopicState, extents: &BTreeMap<Partition, Extent>) -> Brief {
    let each = || {
        let extent = |number: &i32| extents.get(&(name.to_owned(), *number)).copied();
        topic.partitions.keys().map(move |number| extent(number).unwrap_or_default())
    };
    Brief {
        name: name.to_owned(),
        internal: topic.internal,
        partitions: topic.partitions.len(),
        replicas: topic.partitions.values().next().map_or(0, |one| one.replicas.len()),
        unhealthy_partitions: topic.partitions.values().filter(|one| !one.healthy()).count(),
        // a sum with something unknown in it is unknown
        records: each().map(|extent| extent.records()).sum(),
        bytes: each().map(|extent| extent.bytes).sum(),
    }
}

/// Some topics in full, one below the other.
pub(super) async fn describe(
    admin: &mut Admin,
    names: &[String],
    all_config: bool,
    format: Format,
) -> Result<(), Failure> {
    let metadata = client::topics(admin, names).await?;
    let extents = survey::extents(admin, &metadata).await?;
    let mut settings = admin.settings(TOPIC, names).await?;
    let mut topics = Vec::new();
    for (name, topic) in &metadata.topics {
        let settings = match settings.remove(name) {
            Some(Ok(settings)) => settings,
            Some(Err(why)) => return Err(Failure::new(format!("topic/{name}: {why}"))),
            None => Vec::new(),
        };
        topics.push(full(name, topic, &extents, settings, all_config));
    }
    match format {
        Format::Json => say(&document(&topics)?),
        Format::Yaml => print(format, &topics, |_| (Vec::new(), Vec::new())),
        Format::Table | Format::Wide => {
            let texts: Vec<String> =
                topics.iter().map(|topic| text(topic, format == Format::Wide)).collect();
            say(&texts.join("\n"))
        }
    }
}

fn full(
    name: &str,
    topic: &TopicState,
    extents: &BTreeMap<Partition, Extent>,
    settings: Vec<Setting>,
    all_config: bool,
) -> Full {
    let one = |(number, state): (&i32, &PartitionState)| {
        let extent = extents.get(&(name.to_owned(), *number)).copied().unwrap_or_default();
        One {
            partition: *number,
            leader: (state.leader >= 0).then_some(state.leader),
            replicas: state.replicas.clone(),
            isr: state.isr.clone(),
            offline: state.offline.clone(),
            earliest: extent.earliest,
            latest: extent.latest,
            bytes: extent.bytes,
        }
    };
    let chosen = settings.into_iter().filter(|one| all_config || one.source == Source::Topic);
    let set = |setting: Setting| Set {
        name: setting.name,
        value: setting.value,
        source: setting.source.word(),
        read_only: setting.read_only,
    };
    Full {
        name: name.to_owned(),
        id: topic.id.clone(),
        internal: topic.internal,
        partitions: topic.partitions.iter().map(one).collect(),
        config: chosen.map(set).collect(),
    }
}

fn text(topic: &Full, wide: bool) -> String {
    let mut lines = vec![
        format!("Name:        {}", topic.name),
        format!("Id:          {}", topic.id),
        format!("Partitions:  {}", topic.partitions.len()),
        format!("Config:      {}", if topic.config.is_empty() { "(defaults)" } else { "" }),
    ];
    lines.extend(topic.config.iter().map(|set| {
        let value = set.value.as_deref().unwrap_or("(hidden)");
        match set.source {
            "topic" => format!("  {}={value}", set.name),
            source => format!("  {}={value}  ({source})", set.name),
        }
    }));
    let mut heads: Vec<Column> = vec![
        numbers("PARTITION"),
        numbers("LEADER"),
        words("REPLICAS"),
        words("ISR"),
        numbers("EARLIEST"),
        numbers("LATEST"),
        numbers("SIZE"),
    ];
    if wide {
        heads.push(words("OFFLINE"));
    }
    let row = |one: &One| {
        let mut row = vec![
            one.partition.to_string(),
            or_dash(one.leader),
            ids(&one.replicas),
            ids(&one.isr),
            or_dash(one.earliest),
            or_dash(one.latest),
            or_dash(one.bytes.map(columns::bytes)),
        ];
        if wide {
            row.push(ids(&one.offline));
        }
        row
    };
    let rows: Vec<Vec<String>> = topic.partitions.iter().map(row).collect();
    lines.extend(columns::lines(&heads, &rows, None));
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}
