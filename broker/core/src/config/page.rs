//! The table as a page of the documentation, `broker/CONFIG.md`.

use std::fmt::{self, Write as _};

use super::{Kind, Scope, Setting, Support, refused, table};

/// Before the tables.
const HEAD: &str = "# Every setting

Generated from the table in `broker/core/src/config.rs` by `make fix`; `kastellan broker
--help-config` prints the same. Names, types and defaults are those of Kafka 4.3 unless the
description says otherwise.

A value is looked for with the topic or group, then with what was set for the broker while it ran,
then with what was set for all brokers while they ran, then with what the broker was started with;
the default comes last. *Change*: `read-only` settings are given at the start, `cluster-wide` ones
also change at once, for one broker or for all (`kafka-configs.sh --entity-default`), `per-broker`
ones for one. Where *Effect* says no, the setting is taken because existing manifests and tools set
it, and changes nothing; where it says `default only`, no other value is taken. A setting marked †
can be given for one listener, too: `listener.name.<listener>.<setting>`.
";

/// The whole page.
pub fn page() -> String {
    let mut out = HEAD.to_owned();
    let sections = [
        (Scope::Broker, "Brokers"),
        (Scope::Topic, "Topics"),
        (Scope::Group, "Groups"),
        (Scope::ClientMetrics, "Client metrics"),
    ];
    for (scope, title) in sections {
        section(&mut out, scope, title).expect("a string takes everything");
    }
    refused_names(&mut out).expect("a string takes everything");
    out
}

fn section(out: &mut String, scope: Scope, title: &str) -> fmt::Result {
    writeln!(out, "\n## {title}\n")?;
    let brokers = scope == Scope::Broker;
    let change = if brokers { " Change |" } else { "" };
    let line = if brokers { "---|" } else { "" };
    writeln!(out, "| Setting | Type | Default |{change} Effect | What it does |")?;
    writeln!(out, "|---|---|---|{line}---|---|")?;
    for setting in table(scope).iter().filter(|setting| !setting.internal()) {
        row(out, setting, brokers)?;
    }
    Ok(())
}

fn row(out: &mut String, setting: &Setting, brokers: bool) -> fmt::Result {
    let Setting { name, kind, doc, .. } = setting;
    let mark = if setting.per_listener { " †" } else { "" };
    let default = match setting.default {
        Some("") => "empty".to_owned(),
        Some(default) => format!("`{default}`"),
        None => inherited(setting),
    };
    write!(out, "| `{name}`{mark} | {} | {default} |", escaped(&kind.to_string()))?;
    if brokers {
        write!(out, " {} |", setting.update)?;
    }
    let effect = match setting.support {
        Support::Honoured => "",
        Support::NoEffect => "no",
        Support::DefaultOnly => "default only",
    };
    let hidden = if setting.sensitive { " Its value is never shown." } else { "" };
    writeln!(out, " {effect} | {}{hidden} |", escaped(doc))
}

/// Names that Kafka has or had and that are refused, with the reasons; one that ends with a dot
/// stands for all that begin so.
pub fn refusals() -> &'static [(&'static str, &'static str)] {
    refused::all()
}

fn inherited(setting: &Setting) -> String {
    let first = setting.synonyms.first();
    first.map_or_else(|| "none".to_owned(), |synonym| format!("from `{}`", synonym.name))
}

fn refused_names(out: &mut String) -> fmt::Result {
    writeln!(out, "\n## Refused\n\nNames that Kafka has or had, and that are not taken.\n")?;
    writeln!(out, "| Name | Why |\n|---|---|")?;
    for (name, reason) in refusals() {
        let rest = if name.ends_with('.') { "*" } else { "" };
        writeln!(out, "| `{name}{rest}` | {reason} |")?;
    }
    Ok(())
}

/// A bar would end the column.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

impl fmt::Display for Kind {
    /// The type with its range, in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Boolean => f.write_str("boolean"),
            Self::Short(min, max) => range(f, "short", (min, i16::MIN), (max, i16::MAX)),
            Self::Int(min, max) => range(f, "int", (min, i32::MIN), (max, i32::MAX)),
            Self::IntOrDefault(min, max) => write!(f, "int, {min}..{max} or -1"),
            Self::Long(min, max) => range(f, "long", (min, i64::MIN), (max, i64::MAX)),
            Self::Double(min, max) => range(f, "double", (min, f64::MIN), (max, f64::MAX)),
            Self::Text
            | Self::PerHost
            | Self::OffsetReset
            | Self::ProtocolMap
            | Self::MappingRules => f.write_str("string"),
            Self::Password | Self::FirstUsers | Self::Jaas => f.write_str("password"),
            Self::OneOf(words) => f.write_str(&words.join(", ")),
            Self::List | Self::Replicas | Self::Voters | Self::Servers | Self::Clients => {
                f.write_str("list")
            }
            Self::Principals => f.write_str("list of `type:name`, with semicolons"),
            Self::Words(words) => write!(f, "list of {}", words.join(", ")),
        }
    }
}

fn range<T: PartialEq + fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    (min, lowest): (T, T),
    (max, highest): (T, T),
) -> fmt::Result {
    match (min == lowest, max == highest) {
        (true, true) => f.write_str(name),
        (false, true) => write!(f, "{name}, {min}.."),
        (true, false) => write!(f, "{name}, ..{max}"),
        (false, false) => write!(f, "{name}, {min}..{max}"),
    }
}
