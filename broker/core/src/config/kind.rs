//! What a setting's value may look like.

use std::{fmt::Display, net::IpAddr, str::FromStr};

use super::{fleet, login, text, throttled::Throttled, transport};
use crate::security::{Authorizer, PrincipalMapping, sasl::Jaas};

const PRINCIPALS: &str = "principals such as User:admin, with semicolons in between";

/// A type with its range. Bounds are inclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`, in any case.
    Boolean,
    /// A 16-bit number.
    Short(i16, i16),
    /// A 32-bit number.
    Int(i32, i32),
    /// -1 (the codec's own default) or a number in the range.
    IntOrDefault(i32, i32),
    /// A 64-bit number.
    Long(i64, i64),
    /// A decimal number.
    Double(f64, f64),
    /// Any text.
    Text,
    /// Any text, which is shown to nobody.
    Password,
    /// A comma-separated list of `listener:protocol`, each listener at most once.
    ProtocolMap,
    /// Users with passwords, which are shown to nobody: `SCRAM-SHA-512=[name=...,password=...]`.
    FirstUsers,
    /// A line of JAAS with passwords, which are shown to nobody.
    Jaas,
    /// Rules from the names of certificates to those of principals (KIP-371).
    MappingRules,
    /// One of these words, exactly.
    OneOf(&'static [&'static str]),
    /// A comma-separated list of any words.
    List,
    /// A comma-separated list without repetitions, each one of these words; may be empty.
    Words(&'static [&'static str]),
    /// `*`, or a comma-separated list of `partition:broker`; may be empty.
    Replicas,
    /// A comma-separated list of `host:number`; may be empty.
    PerHost,
    /// A comma-separated list of `id@host:port` with other ids each; may be empty.
    Voters,
    /// A comma-separated list of `host:port`; may be empty.
    Servers,
    /// `earliest`, `latest` or `by_duration:` with a duration of ISO 8601 (KIP-1106).
    OffsetReset,
    /// Principals as `type:name` with semicolons in between; may be empty.
    Principals,
    /// A comma-separated list of clients: `client_id=pattern` and the like (KIP-714).
    Clients,
}

impl Kind {
    /// The type's number in `DescribeConfigs`: 1 boolean, 2 string, 3 int, 4 short, 5 long,
    /// 6 double, 7 list, 9 password (KIP-569).
    pub fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::Text
            | Self::OneOf(_)
            | Self::PerHost
            | Self::OffsetReset
            | Self::ProtocolMap
            | Self::MappingRules
            | Self::Principals => 2,
            Self::Int(..) | Self::IntOrDefault(..) => 3,
            Self::Short(..) => 4,
            Self::Long(..) => 5,
            Self::Double(..) => 6,
            Self::List
            | Self::Words(_)
            | Self::Replicas
            | Self::Voters
            | Self::Servers
            | Self::Clients => 7,
            Self::Password | Self::FirstUsers | Self::Jaas => 9,
        }
    }

    /// Whether words can be added to it and taken from it.
    pub fn is_list(self) -> bool {
        matches!(self, Self::List | Self::Words(_) | Self::Replicas)
    }

    /// Checks a value; the error says what was expected.
    pub fn check(self, value: &str) -> Result<(), String> {
        let value = value.trim();
        match self {
            Self::Boolean => parse_bool(value).map(drop).ok_or_else(|| "true or false".to_owned()),
            Self::Short(min, max) => within(value, min, max, (i16::MIN, i16::MAX)),
            Self::Int(min, max) => within(value, min, max, (i32::MIN, i32::MAX)),
            Self::IntOrDefault(min, max) if value != "-1" => {
                within(value, min, max, (i32::MIN, i32::MAX))
                    .map_err(|range| format!("-1 or {range}"))
            }
            Self::Long(min, max) => within(value, min, max, (i64::MIN, i64::MAX)),
            Self::Double(min, max) => within(value, min, max, (f64::MIN, f64::MAX)),
            Self::OneOf(words) if !words.contains(&value) => {
                Err(format!("one of {}", words.join(", ")))
            }
            Self::Words(words) => check_words(value, words),
            Self::Replicas => Throttled::parse(value).map(drop),
            Self::PerHost => check_hosts(value),
            Self::Principals => {
                Authorizer::super_users(value).map(drop).or(Err(PRINCIPALS.to_owned()))
            }
            Self::Voters => fleet::voters(value).map(drop),
            Self::Servers => fleet::servers(value).map(drop),
            Self::OffsetReset => text::check_offset_reset(value),
            Self::Clients => text::check_clients(value),
            Self::ProtocolMap => transport::protocols(value).map(drop),
            Self::FirstUsers => login::first_users(value).map(drop),
            Self::Jaas => Jaas::parse(value).map(drop).map_err(str::to_owned),
            Self::MappingRules => PrincipalMapping::parse(value).map(drop),
            Self::IntOrDefault(..) | Self::OneOf(_) | Self::Text | Self::Password | Self::List => {
                Ok(())
            }
        }
    }
}

/// The words of a list, blanks around them and empty ones left out.
pub(super) fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

pub(super) fn parse_bool(value: &str) -> Option<bool> {
    if value.eq_ignore_ascii_case("true") {
        Some(true)
    } else if value.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn within<T: PartialOrd + Display + FromStr + Copy>(
    value: &str,
    min: T,
    max: T,
    (lowest, highest): (T, T),
) -> Result<(), String> {
    if value.parse().is_ok_and(|value| min <= value && value <= max) {
        return Ok(());
    }
    Err(match (min > lowest, max < highest) {
        (true, true) => format!("a number from {min} to {max}"),
        (true, false) => format!("a number of {min} or more"),
        (false, true) => format!("a number of {max} or less"),
        (false, false) => "a number".to_owned(),
    })
}

fn check_words(value: &str, allowed: &[&str]) -> Result<(), String> {
    let mut seen = Vec::new();
    for word in words(value) {
        if !allowed.contains(&word) || seen.contains(&word) {
            return Err(format!("a list of {}, each at most once", allowed.join(", ")));
        }
        seen.push(word);
    }
    Ok(())
}

fn check_hosts(value: &str) -> Result<(), String> {
    let pair = |word: &str| {
        let parts = word.rsplit_once(':');
        parts.is_some_and(|(host, count)| {
            host.parse::<IpAddr>().is_ok() && count.parse::<u32>().is_ok()
        })
    };
    if words(value).all(pair) {
        return Ok(());
    }
    Err("a list of address:number pairs".to_owned())
}
