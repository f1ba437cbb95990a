//! What a `Metadata` request asks for, which its version decides.

use kastellan_core::id::Uuid;
use kastellan_protocol::messages::metadata_request::MetadataRequestTopic;

/// A topic as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Topic {
    /// By name.
    Name(String),
    /// By id, from v12 on (KIP-516).
    Id(Uuid),
}

impl Topic {
    pub(super) fn name(&self) -> Option<&String> {
        match self {
            Self::Name(name) => Some(name),
            Self::Id(_) => None,
        }
    }
}

/// What is to be answered.
#[derive(Debug)]
pub(super) enum Wanted {
    /// Every topic.
    All,
    /// These, in this order, each once.
    These(Vec<Topic>),
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Every topic.
    All,
    /// These, in this order, each once.
    These(Vec<Topic>),
    /// Something that this version cannot ask for.
    Invalid(Vec<Topic>),
}

/// v0 asks for all topics with an empty list, later versions with null; their empty list asks for
/// none.
pub(super) fn wanted(version: i16, topics: Option<Vec<MetadataRequestTopic>>) -> Asked {
    let Some(topics) = topics else { return Asked::All };
    if topics.is_empty() && version == 0 {
        return Asked::All;
    }
    let unusable = |topic: &MetadataRequestTopic| {
        version < 12 && (topic.name.is_none() || !topic.topic_id.is_nil())
    };
    let invalid = topics.iter().any(unusable);
    let mut seen = std::collections::BTreeSet::new();
    let topics = topics
        .into_iter()
        .filter_map(|topic| {
            // an id goes first; a name beside it is ignored, as by Kafka
            let asked = match topic.name {
                Some(name) if topic.topic_id.is_nil() || invalid => {
                    (Some(name.to_string()), Uuid::nil())
                }
                _ => (None, topic.topic_id),
            };
            seen.insert(asked.clone()).then_some(match asked {
                (Some(name), _) => Topic::Name(name),
                (None, id) => Topic::Id(id),
            })
        })
        .collect();
    if invalid { Asked::Invalid(topics) } else { Asked::These(topics) }
}
