//! One topic that the files ask for.

use kastellan_crds::condition::{ConditionType, Reason};
use kastellan_crds::name::TopicName;

use super::{Action, Change, Managed, Observed, ObservedTopic, Settled, changes};
use crate::fleet::Topic;

/// Whether the topic that is there is the one asked for.
pub fn as_asked(topic: &Topic, there: &ObservedTopic) -> bool {
    topic.partitions.is_none_or(|asked| asked == there.partitions)
        && topic.replicas.is_none_or(|asked| asked == there.replicas)
        && changes(&topic.config, &there.config).is_empty()
}

/// What to do for a topic, and what is true of it.
pub fn plan(
    name: &TopicName,
    topic: &Topic,
    observed: &Observed,
    actions: &mut Vec<Action>,
) -> (ConditionType, Reason, String) {
    let settled = observed.managed.get(name).is_some_and(|managed| was_as_asked(managed, topic));
    let Some(there) = observed.topics.get(name) else {
        actions.push(Action::CreateTopic(name.clone(), topic.clone()));
        return if settled {
            let message = "another client has deleted the topic: created anew, without its records";
            (ConditionType::Reconciling, Reason::DriftReverting, message.to_owned())
        } else {
            (ConditionType::Reconciling, Reason::TopicCreating, "to be created".to_owned())
        };
    };
    let mut doing = Vec::new();
    let mut reason = Reason::AsSpecified;
    let changes = changes(&topic.config, &there.config);
    if !changes.is_empty() {
        reason = if settled { Reason::DriftReverting } else { Reason::ConfigUpdating };
        doing.extend(changes.iter().map(|change| change_in_words(change, there, settled)));
        actions.push(Action::AlterTopic(name.clone(), topic.object.clone(), changes));
    }
    let asked = topic.partitions.unwrap_or(there.partitions);
    if let Some(problem) = cannot_be(topic, there, asked) {
        return problem;
    }
    if asked > there.partitions {
        reason = Reason::PartitionsAdding;
        doing.insert(0, format!("from {} to {asked} partitions", there.partitions));
        actions.push(Action::AddPartitions(name.clone(), topic.object.clone(), asked));
    }
    if doing.is_empty() {
        let plural = if asked == 1 { "" } else { "s" };
        let message = format!("{asked} partition{plural}");
        return (ConditionType::Ready, Reason::AsSpecified, message);
    }
    (ConditionType::Reconciling, reason, doing.join("; "))
}

/// Whether the topic had been as these very files ask.
fn was_as_asked(managed: &Managed, topic: &Topic) -> bool {
    managed.settled.as_ref().is_some_and(|settled| *settled == Settled::of(topic))
}

fn change_in_words((name, to): &Change, there: &ObservedTopic, drift: bool) -> String {
    let back = match to {
        Some(value) => value.as_str(),
        None => "its default",
    };
    match (there.config.get(name), drift) {
        (Some(now), true) => format!("another client has set {name} to {now}: back to {back}"),
        (None, true) => format!("another client has unset {name}: back to {back}"),
        (Some(now), false) => format!("{name} from {now} to {back}"),
        (None, false) => format!("{name} to {back}"),
    }
}

/// What nobody can make of a topic that is there, and what to do instead.
fn cannot_be(
    topic: &Topic,
    there: &ObservedTopic,
    asked: i32,
) -> Option<(ConditionType, Reason, String)> {
    let place = topic.place.prefix();
    if asked < there.partitions {
        let message = format!(
            "{place}the topic has {} partitions and partitions cannot be removed: write \
             partitions: {} or delete the topic",
            there.partitions, there.partitions
        );
        return Some((ConditionType::Stalled, Reason::PartitionsCannotShrink, message));
    }
    let replicas = topic.replicas.filter(|replicas| *replicas != there.replicas)?;
    let message = format!(
        "{place}the topic has {} replicas; changing their number to {replicas} is not yet \
         supported: write replicas: {}",
        there.replicas, there.replicas
    );
    Some((ConditionType::Stalled, Reason::NotYetSupported, message))
}
