//! A plan that is carried out leaves nothing to plan, in whatever order it is carried out, and the
//! order of the files' documents is nothing to it.

use proptest::prelude::*;

use super::*;
use crate::fleet::problem::Place;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// One that may change at any time, one that is read at the start, and one of a topic's and a
/// broker's each.
const BROKER_SETTINGS: [&str; 2] = ["log.retention.ms", "socket.listen.backlog.size"];
const TOPIC_SETTINGS: [&str; 3] = ["retention.ms", "segment.ms", "max.message.bytes"];

fn place() -> Place {
    Place { file: "f.yaml".to_owned(), line: 1, column: 1 }
}

fn config(names: &'static [&'static str]) -> impl Strategy<Value = BTreeMap<String, String>> {
    let value = (1..4_i32).prop_map(|value| value.to_string());
    prop::collection::btree_map(prop::sample::select(names).prop_map(str::to_owned), value, 0..3)
}

fn policy() -> impl Strategy<Value = DeletionPolicy> {
    prop_oneof![Just(DeletionPolicy::Delete), Just(DeletionPolicy::Retain)]
}

fn asked() -> impl Strategy<Value = Topic> {
    let parts = (prop::option::of(1..5_i32), config(&TOPIC_SETTINGS), policy());
    parts.prop_map(|(partitions, config, deletion_policy)| Topic {
        object: "x".parse().unwrap(),
        partitions,
        replicas: None,
        config,
        deletion_policy,
        place: place(),
    })
}

fn by_name<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = BTreeMap<TopicName, T>> {
    let name = prop::sample::select(&NAMES[..]).prop_map(|name| name.parse().unwrap());
    prop::collection::btree_map(name, value, 0..4)
}

fn broker() -> impl Strategy<Value = Broker> {
    config(&BROKER_SETTINGS).prop_map(|settings| Broker { id: 0, listeners: vec![], settings })
}

fn fleet() -> impl Strategy<Value = Fleet> {
    (broker(), by_name(asked())).prop_map(|(broker, mut topics)| {
        for (name, topic) in &mut topics {
            topic.object = name.as_str().parse().unwrap();
        }
        let name = "demo".parse().unwrap();
        let (brokers, clients) = (vec![broker], kastellan_crds::cluster::Authority::default());
        let cluster = crate::fleet::Cluster { name, brokers, clients, place: place() };
        Fleet { cluster, topics, users: BTreeMap::new() }
    })
}

fn observed() -> impl Strategy<Value = Observed> {
    let seen = (broker(), config(&BROKER_SETTINGS[..1]))
        .prop_map(|(started, overrides)| ObservedBroker { started, overrides });
    let there = (1..5_i32, config(&TOPIC_SETTINGS))
        .prop_map(|(partitions, config)| ObservedTopic { partitions, replicas: 1, config });
    let managed = policy().prop_map(|deletion_policy| Managed {
        object: "x".parse().unwrap(),
        deletion_policy,
        settled: None,
    });
    (prop::option::of(seen), by_name(there), by_name(managed)).prop_map(
        |(seen, topics, managed)| Observed {
            brokers: seen.map(|seen| (0, seen)).into_iter().collect(),
            topics,
            managed,
        },
    )
}

/// What a cluster does that does as it is told.
fn carry_out(action: &Action, state: &mut Observed) {
    match action {
        Action::StartBroker(broker) | Action::RestartBroker(broker) => {
            let before = state.brokers.get(&broker.id);
            let overrides = before.map(|seen| seen.overrides.clone()).unwrap_or_default();
            let seen = ObservedBroker { started: broker.clone(), overrides };
            state.brokers.insert(broker.id, seen);
        }
        Action::AlterBroker(id, changes) => {
            change(&mut state.brokers.get_mut(id).unwrap().overrides, changes);
        }
        Action::CreateTopic(name, topic) => {
            let partitions = topic.partitions.unwrap_or(1);
            let config = topic.config.clone();
            state.topics.insert(name.clone(), ObservedTopic { partitions, replicas: 1, config });
        }
        Action::AddPartitions(name, _, count) => {
            state.topics.get_mut(name).unwrap().partitions = *count;
        }
        Action::AlterTopic(name, _, changes) => {
            change(&mut state.topics.get_mut(name).unwrap().config, changes);
        }
        Action::DeleteTopic(name, _) => drop(state.topics.remove(name)),
        Action::ForgetTopic(name, ..) => drop(state.managed.remove(name)),
    }
}

fn change(config: &mut BTreeMap<String, String>, changes: &[Change]) {
    for (name, value) in changes {
        match value {
            Some(value) => drop(config.insert(name.clone(), value.clone())),
            None => drop(config.remove(name)),
        }
    }
}

/// Plans and carries out until there is nothing left to do; how often that took.
fn settle(fleet: &Fleet, state: &mut Observed, backwards: bool) -> usize {
    for round in 0..10 {
        let mut actions = plan(fleet, state).actions;
        if actions.is_empty() {
            return round;
        }
        if backwards {
            actions.reverse();
        }
        for action in &actions {
            carry_out(action, state);
        }
    }
    10
}

proptest! {
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_plan(fleet in fleet(), mut state in observed()) {
        let before = state.topics.clone();
        let managed = state.managed.clone();
        // start or restart; then settings and topics; then forget what was deleted
        prop_assert!(settle(&fleet, &mut state, false) <= 4);
        prop_assert_eq!(&plan(&fleet, &state).actions, &[]);
        for (name, topic) in &fleet.topics {
            prop_assert_eq!(&state.topics[name].config, &topic.config);
        }
        for (name, topic) in before {
            if !fleet.topics.contains_key(&name) && !managed.contains_key(&name) {
                prop_assert_eq!(state.topics.get(&name), Some(&topic), "it is somebody else's");
            }
        }
    }

    #[test]
    fn the_order_of_the_actions_is_nothing_to_the_result(
        fleet in fleet(),
        mut state in observed(),
    ) {
        let mut other = state.clone();
        settle(&fleet, &mut state, false);
        settle(&fleet, &mut other, true);
        prop_assert_eq!(state, other);
    }

    #[test]
    fn the_order_of_the_documents_is_nothing_to_the_plan(order in Just(NAMES).prop_shuffle()) {
        let head = "apiVersion: kastellan.dev/v1alpha1\nkind: ";
        let mut text = format!("{head}KafkaCluster\nmetadata: {{name: demo}}\nspec: {{}}\n");
        let topic = |name| {
            format!(
                "---\n{head}KafkaTopic\nmetadata: {{name: {name}}}\n\
                 spec: {{clusterRef: {{name: demo}}}}\n"
            )
        };
        text.extend(order.map(topic));
        let source = crate::fleet::manifest::Source { file: "f.yaml".to_owned(), text };
        let manifests = crate::fleet::manifest::read(&[source]).unwrap();
        let fleet = crate::fleet::build::fleet(&manifests).unwrap();
        let brokers = fleet.cluster.brokers.iter().map(|broker| {
            let overrides = BTreeMap::new();
            (broker.id, ObservedBroker { started: broker.clone(), overrides })
        });
        let observed = Observed { brokers: brokers.collect(), ..Observed::default() };
        let names: Vec<String> = plan(&fleet, &observed)
            .actions
            .iter()
            .map(|action| match action {
                Action::CreateTopic(name, _) => name.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        prop_assert_eq!(names, NAMES);
    }
}
