//! A setting of a topic is changed: one that matters to nobody, so that the metadata has more to
//! say, or whether its log is compacted.

use kastellan_core::metadata::{AlterConfigs, ConfigChange, ConfigOp, ConfigResource, Input};

use crate::{invariant::Check, world::World};

pub(super) fn run(world: &mut World) -> Check {
    let Some(of) = world.any_partition() else { return Ok(()) };
    let World { broker: Some(broker), env, .. } = world else { return Ok(()) };
    let policies = ["delete", "compact", "compact,delete"];
    let (name, value) = if env.workload.chance(env.parameters.compact) {
        ("cleanup.policy", env.workload.pick(&policies, "compact").to_owned())
    } else {
        ("max.message.bytes", env.workload.between(1_000_000, 2_000_000).to_string())
    };
    let change = ConfigChange { name: name.to_owned(), op: ConfigOp::Set(value) };
    let resource = ConfigResource::topic(&of.topic);
    let resources = vec![AlterConfigs { resource, changes: vec![change], replace: false }];
    let poisoned = broker.directory.poisoned().is_some();
    let ask = |ticket| Input::AlterConfigs { ticket, resources, validate_only: false };
    broker.metadata.ask(env, poisoned, ask);
    broker.configure(env);
    Ok(())
}
