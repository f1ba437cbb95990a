//! `kastellan broker --help-config`: the table of configuration, to be read.

use kastellan_core::config::{Scope, Setting, Support, refusals, table};
use serde::Serialize;

use super::super::client::{Format, document, say};
use crate::failure::Failure;

/// How wide the text is.
const WIDTH: usize = 80;

/// Everything there is to set. The names of the fields are an interface.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    broker: Vec<Row>,
    topic: Vec<Row>,
    group: Vec<Row>,
    client_metrics: Vec<Row>,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: &'static str,
    /// The type, with its range or words.
    r#type: String,
    default: Option<&'static str>,
    /// The settings that give the default, the first that is set winning.
    default_from: Vec<&'static str>,
    /// `read-only`, `per-broker` or `cluster-wide`.
    change: String,
    per_listener: bool,
    sensitive: bool,
    /// `yes`, `no` or `default only`.
    effect: &'static str,
    doc: &'static str,
}

#[derive(Debug, Serialize)]
struct Refused {
    /// One that ends with a dot stands for all that begin so.
    name: &'static str,
    reason: &'static str,
}

/// Prints the table.
pub(super) fn print(format: Format) -> Result<(), Failure> {
    let rows = |scope| {
        let shown = table(scope).iter().filter(|setting| !setting.internal());
        shown.map(row).collect::<Vec<_>>()
    };
    let refused = refusals().iter().map(|&(name, reason)| Refused { name, reason });
    let settings = Settings {
        broker: rows(Scope::Broker),
        topic: rows(Scope::Topic),
        group: rows(Scope::Group),
        client_metrics: rows(Scope::ClientMetrics),
        refused: refused.collect(),
    };
    match format {
        Format::Json => say(&document(&settings)?),
        Format::Yaml => say(&serde_saphyr::to_string(&settings)
            .map_err(|why| Failure::new(format!("write YAML: {why}")))?),
        Format::Table | Format::Wide => say(&text(&settings)),
    }
}

fn row(setting: &Setting) -> Row {
    Row {
        name: setting.name,
        r#type: setting.kind.to_string(),
        default: setting.default,
        default_from: setting.synonyms.iter().map(|synonym| synonym.name).collect(),
        change: setting.update.to_string(),
        per_listener: setting.per_listener,
        sensitive: setting.sensitive,
        effect: match setting.support {
            Support::Honoured => "yes",
            Support::NoEffect => "no",
            Support::DefaultOnly => "default only",
        },
        doc: setting.doc,
    }
}

fn text(settings: &Settings) -> String {
    let mut out = String::new();
    let sections = [
        ("Settings of brokers (--set NAME=VALUE, or `config` of a KafkaCluster)", &settings.broker),
        ("Settings of topics (`config` of a KafkaTopic)", &settings.topic),
        ("Settings of groups", &settings.group),
        ("Settings of subscriptions to client metrics", &settings.client_metrics),
    ];
    for (title, rows) in sections {
        out.push_str(title);
        out.push_str("\n\n");
        for row in rows {
            // only those of brokers differ in how they change
            out.push_str(&entry(row, title.contains("--set")));
        }
    }
    out.push_str("Names of Kafka's that are refused\n\n");
    for Refused { name, reason } in &settings.refused {
        let rest = if name.ends_with('.') { "*" } else { "" };
        out.extend(["  ", name, rest, "\n", &wrapped(reason)]);
    }
    out
}

fn entry(row: &Row, of_broker: bool) -> String {
    let mut facts = vec![row.r#type.clone()];
    facts.push(match (row.default, row.default_from.first()) {
        (Some(""), _) => "empty by default".to_owned(),
        (Some(default), _) => format!("default {default}"),
        (None, Some(from)) => format!("default from {from}"),
        (None, None) => "no default".to_owned(),
    });
    if of_broker {
        facts.push(row.change.clone());
    }
    if row.per_listener {
        facts.push(format!("also listener.name.LISTENER.{}", row.name));
    }
    facts.extend(match row.effect {
        "no" => Some("without effect".to_owned()),
        "default only" => Some("only the default is taken".to_owned()),
        _ => None,
    });
    format!("  {}\n{}{}\n", row.name, wrapped(&facts.join("; ")), wrapped(row.doc))
}

/// The text in lines, indented below a name.
fn wrapped(text: &str) -> String {
    const INDENT: &str = "      ";
    let mut out = String::new();
    let mut line = INDENT.to_owned();
    for word in text.split_whitespace() {
        if line.len() > INDENT.len() && line.len() + 1 + word.len() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            INDENT.clone_into(&mut line);
        }
        if line.len() > INDENT.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_name_its_facts_and_its_meaning() {
        let setting = kastellan_core::config::find(Scope::Broker, "log.retention.ms").unwrap();
        let said = entry(&row(setting), true);
        let lines: Vec<&str> = said.lines().map(str::trim).collect();
        let wanted = [
            "log.retention.ms",
            "long; default from log.retention.minutes; cluster-wide",
            "Default of the topics' retention.ms, in milliseconds; negative keeps",
            "records for ever.",
            "",
        ];
        assert_eq!(lines, wanted);
    }
}
