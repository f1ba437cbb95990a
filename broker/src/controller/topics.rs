//! Topics that the broker creates by itself: for clients that ask for one that is not there, and
//! its own internal ones.

use kastellan_core::{
    config::BrokerConfig,
    id::Uuid,
    metadata::{CONSUMER_OFFSETS, CreatedTopic, Failure, Image, Input, NewTopic, Reply},
};

use super::{Active, Controller};
use crate::{
    call::Asker,
    peers::{Peers, create_there},
};

impl Controller {
    /// Creates topics with the broker's defaults, internal ones as they have to be, for `asker` or
    /// for the broker itself; `then` gets one result per topic once those that were created can be
    /// used. What is beyond the asker's `controller_mutation_rate` fails with 89
    /// `THROTTLING_QUOTA_EXCEEDED` (KIP-599).
    pub(crate) fn create_by_default(
        &self,
        peers: &Peers,
        (names, asker): (Vec<String>, Option<Asker<'_>>),
        settings: &BrokerConfig,
        then: impl FnOnce(Vec<CreatedTopic>) + Send + 'static,
    ) {
        let image = self.image();
        let topics: Vec<_> =
            names.iter().map(|name| new_topic(name.clone(), settings, &image)).collect();
        drop(image);
        if let Active::There(node) = self.active() {
            return create_there(peers, node, topics, asker, then);
        }
        let requester = asker.map(|asker| asker.requester(true));
        self.ask(
            move |ticket| {
                let input = Input::CreateTopics { ticket, topics, validate_only: false };
                match requester {
                    Some(requester) => Input::OnBehalf { requester, input: Box::new(input) },
                    None => input,
                }
            },
            move |reply| {
                let failure = match reply.throttled().0 {
                    Reply::Created(created) => return then(created),
                    other => other.failure(),
                };
                then(names.into_iter().map(|name| failed(name, failure.clone())).collect());
            },
        );
    }
}

fn failed(name: String, failure: Failure) -> CreatedTopic {
    CreatedTopic {
        name,
        id: Uuid::nil(),
        partitions: -1,
        replication_factor: -1,
        overrides: kastellan_core::config::Overrides::new(),
        result: Err(failure),
    }
}

pub(super) fn new_topic(name: String, settings: &BrokerConfig, image: &Image) -> NewTopic {
    let topic = NewTopic {
        name,
        id: new_id(),
        partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        configs: Vec::new(),
    };
    if topic.name != CONSUMER_OFFSETS {
        return topic;
    }
    // with fewer brokers than replicas wanted, one on each: better than no groups at all
    let running = image.brokers().filter(|broker| !broker.fenced).count();
    let replicas = settings.offsets_topic_replication_factor;
    let config = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    let segment = settings.offsets_topic_segment_bytes.max(1 << 20).to_string();
    NewTopic {
        partitions: settings.offsets_topic_num_partitions,
        replication_factor: i16::try_from(running)
            .map_or(replicas, |running| replicas.min(running)),
        configs: vec![
            config("cleanup.policy", "compact"),
            config("compression.type", "producer"),
            config("segment.bytes", &segment),
        ],
        ..topic
    }
}

/// A random id, of a topic or of a directory. Kafka keeps 0 and 1 for itself, and prints ids on
/// command lines, where one that begins with a dash would look like an option.
pub(crate) fn new_id() -> Uuid {
    loop {
        let id = Uuid::new_v4();
        if !kastellan_core::id::uuid_to_text(id).starts_with('-') {
            return id;
        }
    }
}
