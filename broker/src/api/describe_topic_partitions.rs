//! `DescribeTopicPartitions` (KIP-966): topics and their partitions, a page at a time.

mod page;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
        describe_topic_partitions_request::TopicRequest,
        describe_topic_partitions_response::DescribeTopicPartitionsResponseTopic,
    },
};

use self::page::{Page, describe};
use crate::{broker::Broker, call::Call};

/// Answers with as many partitions as the client and `max.request.partition.size.limit` allow, in
/// the order of topic names, and says where to go on.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeTopicPartitionsRequest = call.decode()?;
    let asked = (!request.topics.is_empty())
        .then(|| request.topics.iter().map(|topic| &*topic.name.0).collect::<BTreeSet<&str>>());
    let from = request.cursor.as_ref().map(|it| (&*it.topic_name.0, it.partition_index));
    let is_asked = |name| asked.as_ref().is_none_or(|asked| asked.contains(name));
    if from.is_some_and(|(name, index)| index < 0 || !is_asked(name)) {
        call.reply.send(&refused(&request.topics));
        return Ok(());
    }
    let most = usize::try_from(request.response_partition_limit).unwrap_or(0);
    let most = most.min(broker.settings.load().max_request_partitions).max(1);
    let judge = broker.judge(&call.client);
    let page = Page { listener: &call.client.listener, judge: &judge, asked, from, most };
    let response = describe(&broker.controller.image(), &page);
    drop(judge);
    call.reply.send(&response);
    Ok(())
}

/// A cursor that points before the first partition, or to a topic that is not asked for.
fn refused(asked: &[TopicRequest]) -> DescribeTopicPartitionsResponse {
    let topic = |topic: &TopicRequest| {
        DescribeTopicPartitionsResponseTopic::default()
            .with_error_code(ErrorCode::InvalidRequest.code())
            .with_name(Some(topic.name.clone()))
    };
    DescribeTopicPartitionsResponse::default().with_topics(asked.iter().map(topic).collect())
}
