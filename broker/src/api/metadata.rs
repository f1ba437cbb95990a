//! `Metadata`: brokers, topics, partitions, and topics that come into being by being asked for.

mod request;
mod response;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kastellan_core::metadata::{CreatedTopic, Image, validate_name};
use kastellan_protocol::{ErrorCode, Refused, messages::MetadataRequest};

use self::{
    request::{Asked, Wanted},
    response::{Options, Outcome, response},
};
use crate::{
    access::{
        Judge,
        needs::{METADATA, METADATA_CREATE, METADATA_CREATE_ANY},
    },
    broker::Broker,
    call::{Asker, Call},
};

/// Answers a request; creates topics first where the client and the settings allow it.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: MetadataRequest = call.decode()?;
    let version = call.version();
    let options = Options {
        client: Arc::clone(&call.client),
        cluster_id: broker.cluster_id().to_owned(),
        controller: broker.config.node_id,
        topic_operations: version >= 8 && request.include_topic_authorized_operations,
        cluster_operations: (8..=10).contains(&version)
            && request.include_cluster_authorized_operations,
    };
    let wanted = match request::wanted(version, request.topics) {
        Asked::All => Wanted::All,
        Asked::These(topics) => Wanted::These(topics),
        Asked::Invalid(topics) => {
            // v10 and v11 have topic ids that nobody can use (KAFKA-9751)
            let refused = topics.into_iter().map(|topic| (topic, ErrorCode::InvalidRequest));
            call.reply.send(&response::refused(broker, &options, refused));
            return Ok(());
        }
    };
    let auto_create =
        broker.settings.load().auto_create_topics && request.allow_auto_topic_creation;
    let (missing, mut outcomes) = match &wanted {
        Wanted::These(topics) if auto_create => {
            missing(&broker.controller.image(), &broker.judge(&call.client), topics)
        }
        Wanted::These(_) | Wanted::All => (Vec::new(), Vec::new()),
    };
    if missing.is_empty() {
        call.reply.send(&response(broker, &options, &wanted, &outcomes));
        return Ok(());
    }
    let again = Arc::clone(broker);
    let Call { header, client, reply, .. } = call;
    broker.controller.create_by_default(
        &broker.peers,
        (missing, Some(Asker { client: &client, id: header.client_id.as_ref() })),
        &broker.settings.load(),
        move |created| {
            outcomes.extend(created.into_iter().filter_map(outcome));
            reply.send(&response(&again, &options, &wanted, &outcomes));
        },
    );
    Ok(())
}

/// The names that could be topics and are none, and those among them that the client may not
/// create. What it may not even see is neither.
fn missing(
    image: &Image,
    judge: &Judge<'_>,
    topics: &[request::Topic],
) -> (Vec<String>, Vec<Outcome>) {
    let creatable = |name: &&String| {
        validate_name(name).is_ok() && judge.sees(METADATA, name) && image.topic(name).is_none()
    };
    let missing = topics.iter().filter_map(request::Topic::name).filter(creatable).cloned();
    if judge.sees_cluster(METADATA_CREATE_ANY) {
        return (missing.collect(), Vec::new());
    }
    let (missing, denied) = missing.partition(|name| judge.may(METADATA_CREATE, name));
    let error = ErrorCode::TopicAuthorizationFailed;
    let outcomes = Vec::into_iter(denied).map(|name| Outcome { name, error });
    (missing, outcomes.collect())
}

/// Why a topic was not created. That it is there already is what was wanted; and whoever creates
/// more than its quota says finds it missing and asks again, as in Kafka.
fn outcome(topic: CreatedTopic) -> Option<Outcome> {
    let error = topic.result.err()?.code;
    let untold =
        matches!(error, ErrorCode::TopicAlreadyExists | ErrorCode::ThrottlingQuotaExceeded);
    (!untold).then_some(Outcome { name: topic.name, error })
}
