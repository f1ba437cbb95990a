//! A topic is created, sometimes under a name that was deleted before.

use kastellan_core::metadata::{Input, NewTopic, Reply};

use crate::{
    broker::{Broker, Stop},
    invariant::{Check, Invariant, metadata},
    model::Ending,
    world::{Env, World},
};

const NAMES: [&str; 5] = ["orders", "payments", "a-b", "a.b", "x"];

pub(super) fn run(world: &mut World) -> Check {
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let name = env.workload.pick(&NAMES, "x").to_owned();
    let topic = NewTopic {
        name,
        id: env.ids.uuid(),
        partitions: 1 + i32::try_from(env.workload.below(2)).unwrap_or(0),
        replication_factor: 1,
        assignments: Vec::new(),
        configs: configs(env),
    };
    let topics = vec![topic];
    let poisoned = broker.directory.poisoned().is_some();
    let ask = |ticket| Input::CreateTopics { ticket, topics, validate_only: false };
    let reply = broker.metadata.ask(env, poisoned, ask);
    if matches!(reply, Reply::Created(_)) {
        metadata::snapshot(broker.metadata.machine.image())?;
        env.counters.compared(Invariant::MetadataReplaysToTheSameImage);
        follow(broker, env)?;
    }
    Ok(())
}

/// Opens and deletes logs as the image says; what the disk refuses waits for the next start.
pub(super) fn follow(broker: &mut Broker, env: &mut Env) -> Check {
    match broker.follow(env, Ending::Clean) {
        Err(Stop::Violated(violation)) => Err(violation),
        Ok(()) | Err(Stop::Refused(_)) => Ok(()),
    }
}

fn configs(env: &mut Env) -> Vec<(String, Option<String>)> {
    let mut configs = Vec::new();
    let mut set = |name: &str, value: String| configs.push((name.to_owned(), Some(value)));
    let parameters = &env.parameters;
    if env.workload.chance(parameters.fsync) {
        set("flush.messages", "1".to_owned());
    }
    if env.workload.chance(parameters.compact) {
        let policy = if env.workload.chance(40) { "compact,delete" } else { "compact" };
        set("cleanup.policy", policy.to_owned());
    }
    set("retention.ms", parameters.retention_ms.to_string());
    set("retention.bytes", parameters.retention_bytes.to_string());
    configs
}
