//! Groups as they are printed: all of them in brief, some of them in full.

use serde::Serialize;

use super::known;
use crate::admin::{Admin, Partition};
use crate::columns::{self, numbers, printable, words};
use crate::command::client::{Format, document, print, remark, say};
use crate::failure::Failure;
use crate::survey::{self, Progress, Reading, Times};

/// A group in brief. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Brief {
    name: String,
    state: String,
    protocol: String,
    members: usize,
    lag: i64,
    lag_seconds: Option<f64>,
}

/// A group in full. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Full {
    #[serde(flatten)]
    brief: Brief,
    assignor: String,
    coordinator: i32,
    member_list: Vec<One>,
    offsets: Vec<Offset>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct One {
    id: String,
    client: String,
    host: String,
    partitions: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Offset {
    topic: String,
    partition: i32,
    committed: Option<i64>,
    latest: Option<i64>,
    lag: Option<i64>,
    lag_seconds: Option<f64>,
    member: Option<String>,
}

fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn brief(name: &str, protocol: &str, reading: &Reading) -> Brief {
    Brief {
        name: name.to_owned(),
        state: reading.group.state.clone(),
        protocol: protocol.to_owned(),
        members: reading.group.members.len(),
        lag: reading.lag(),
        lag_seconds: reading.lag_seconds(),
    }
}

/// All groups.
pub(super) async fn list(admin: &mut Admin, format: Format) -> Result<(), Failure> {
    let listed = admin.list_groups().await?;
    let mut readings =
        survey::readings(admin, &listed, &mut Times::default(), survey::now()).await?;
    let mut groups = Vec::new();
    for group in &listed {
        match readings.remove(&group.id) {
            Some(Ok(reading)) => groups.push(brief(&group.id, &group.kind, &reading)),
            Some(Err(why)) => remark(&format!("group/{}: {why}", printable(&group.id))),
            None => {}
        }
    }
    if groups.is_empty() && matches!(format, Format::Table | Format::Wide) {
        remark("there are no consumer groups");
        return Ok(());
    }
    print(format, &groups, |wide| {
        let mut columns = vec![
            words("NAME"),
            words("STATE"),
            numbers("MEMBERS"),
            numbers("LAG"),
            numbers("LAG TIME"),
        ];
        if wide {
            columns.push(words("PROTOCOL"));
        }
        let row = |group: &Brief| {
            let mut row = vec![
                group.name.clone(),
                group.state.clone(),
                group.members.to_string(),
                group.lag.to_string(),
                or_dash(group.lag_seconds.map(columns::span)),
            ];
            if wide {
                row.push(group.protocol.clone());
            }
            row
        };
        (columns, groups.iter().map(row).collect())
    })
}

/// Some groups in full, one below the other.
pub(super) async fn describe(
    admin: &mut Admin,
    names: &[String],
    format: Format,
) -> Result<(), Failure> {
    let listed = known(admin, names).await?;
    let mut readings =
        survey::readings(admin, &listed, &mut Times::default(), survey::now()).await?;
    let mut groups = Vec::new();
    for group in listed {
        match readings.remove(&group.id) {
            Some(Ok(reading)) => groups.push(full(&group.id, &group.kind, &reading)),
            Some(Err(why)) => {
                return Err(Failure::new(format!("group/{}: {why}", printable(&group.id))));
            }
            None => {}
        }
    }
    match format {
        Format::Json => say(&document(&groups)?),
        Format::Yaml => print(format, &groups, |_| (Vec::new(), Vec::new())),
        Format::Table | Format::Wide => {
            let wide = format == Format::Wide;
            let texts: Vec<String> = groups.iter().map(|group| text(group, wide)).collect();
            say(&texts.join("\n"))
        }
    }
}

fn full(name: &str, protocol: &str, reading: &Reading) -> Full {
    let members = reading.group.members.iter().map(|member| One {
        id: member.id.clone(),
        client: member.client.clone(),
        host: member.host.clone(),
        partitions: member.assignment.iter().map(|(topic, n)| format!("{topic}-{n}")).collect(),
    });
    let offset = |((topic, partition), progress): (&Partition, &Progress)| {
        let member = progress.member.and_then(|index| reading.group.members.get(index));
        Offset {
            topic: topic.clone(),
            partition: *partition,
            committed: progress.committed,
            latest: progress.latest,
            lag: progress.lag(),
            lag_seconds: progress.lag_seconds,
            member: member.map(|member| member.id.clone()),
        }
    };
    Full {
        brief: brief(name, protocol, reading),
        assignor: reading.group.assignor.clone(),
        coordinator: reading.group.coordinator,
        member_list: members.collect(),
        offsets: reading.progress.iter().map(offset).collect(),
    }
}

fn text(group: &Full, wide: bool) -> String {
    let brief = &group.brief;
    let mut lines = vec![
        format!("Name:         {}", printable(&brief.name)),
        format!("State:        {}", brief.state),
        match group.assignor.as_str() {
            "" => format!("Protocol:     {}", brief.protocol),
            assignor => format!("Protocol:     {} ({assignor})", brief.protocol),
        },
        format!("Coordinator:  broker {}", group.coordinator),
        format!("Members:      {}", brief.members),
    ];
    if !group.member_list.is_empty() {
        let mut heads = vec![words("MEMBER"), words("HOST"), numbers("PARTITIONS")];
        if wide {
            heads.push(words("ASSIGNMENT"));
        }
        let row = |member: &One| {
            let count = member.partitions.len().to_string();
            let mut row = vec![member.id.clone(), member.host.clone(), count];
            if wide {
                row.push(member.partitions.join(","));
            }
            row
        };
        let rows: Vec<Vec<String>> = group.member_list.iter().map(row).collect();
        lines.extend(columns::lines(&heads, &rows, None));
    }
    if !group.offsets.is_empty() {
        let mut heads = vec![
            words("TOPIC"),
            numbers("PARTITION"),
            numbers("COMMITTED"),
            numbers("LATEST"),
            numbers("LAG"),
            numbers("LAG TIME"),
        ];
        if wide {
            heads.push(words("MEMBER"));
        }
        let row = |offset: &Offset| {
            let mut row = vec![
                offset.topic.clone(),
                offset.partition.to_string(),
                or_dash(offset.committed),
                or_dash(offset.latest),
                or_dash(offset.lag),
                or_dash(offset.lag_seconds.map(columns::span)),
            ];
            if wide {
                row.push(or_dash(offset.member.as_ref()));
            }
            row
        };
        let rows: Vec<Vec<String>> = group.offsets.iter().map(row).collect();
        lines.extend(columns::lines(&heads, &rows, None));
    }
    lines.join("\n") + "\n"
}
