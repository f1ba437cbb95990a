//! What the settings of one resource must say together.

use super::{BrokerConfig, Invalid, Overrides, Scope, TopicConfig, check, kind::words, table};

/// Checks a topic's overrides, each for itself and all together.
pub fn check_topic(overrides: &Overrides, broker: &BrokerConfig) -> Result<(), Invalid> {
    for (name, value) in overrides {
        check(Scope::Topic, name, value)?;
    }
    TopicConfig::resolve(overrides, broker).check()
}

/// Checks a group's overrides: the broker's `group.<kind>.min.<setting>` and `max.` bound them, and
/// a member must be able to send a heartbeat before its session ends.
pub fn check_group(overrides: &Overrides, broker: &BrokerConfig) -> Result<(), Invalid> {
    for (name, value) in overrides {
        check(Scope::Group, name, value)?;
        let Some((kind, key)) = name.split_once('.') else { continue };
        let key = if key == "num.standby.replicas" { "standby.replicas" } else { key };
        let bound = |end: &str| {
            let bound = format!("group.{kind}.{end}.{key}");
            let limit = broker.number(&bound)?;
            Some((bound, limit))
        };
        let Ok(number) = value.trim().parse::<i64>() else { continue };
        if let Some((bound, least)) = bound("min").filter(|(_, least)| number < *least) {
            let message = format!("{name}={value} is less than {bound}, {least}");
            return Err(Invalid::Conflict(message));
        }
        if let Some((bound, most)) = bound("max").filter(|(_, most)| number > *most) {
            return Err(Invalid::Conflict(format!("{name}={value} is more than {bound}, {most}")));
        }
    }
    heartbeats(overrides, broker)
}

/// A session that ends before the next heartbeat is due would never hold.
fn heartbeats(overrides: &Overrides, broker: &BrokerConfig) -> Result<(), Invalid> {
    for kind in ["consumer", "share", "streams"] {
        let value = |key: &str| {
            let own = overrides.get(&format!("{kind}.{key}"));
            let own = own.and_then(|value| value.trim().parse().ok());
            own.or_else(|| broker.number(&format!("group.{kind}.{key}")))
        };
        let (heartbeat, session) = (value("heartbeat.interval.ms"), value("session.timeout.ms"));
        if heartbeat.zip(session).is_some_and(|(heartbeat, session)| heartbeat >= session) {
            return Err(Invalid::Conflict(format!(
                "{kind}.heartbeat.interval.ms has to be less than {kind}.session.timeout.ms"
            )));
        }
    }
    Ok(())
}

/// Checks the overrides of a subscription to clients' metrics.
pub fn check_client_metrics(overrides: &Overrides) -> Result<(), Invalid> {
    for (name, value) in overrides {
        check(Scope::ClientMetrics, name, value)?;
        let listed = value.split(',').count();
        if name == "metrics" && !value.trim().is_empty() && words(value).count() < listed {
            return Err(Invalid::Value {
                name: name.clone(),
                value: value.clone(),
                expected: "a list without empty words".to_owned(),
            });
        }
    }
    Ok(())
}

/// What a resource that does not override `name` has by default, as text: for lists that words are
/// added to.
pub(crate) fn default_of(scope: Scope, name: &str, broker: &BrokerConfig) -> String {
    match scope {
        Scope::Topic | Scope::Group => broker.inherited(scope, name),
        Scope::Broker => broker.value(name).unwrap_or_default(),
        Scope::ClientMetrics => {
            let known = table(scope).iter().find(|setting| setting.name == name);
            known.and_then(|setting| setting.default).unwrap_or_default().to_owned()
        }
    }
}
