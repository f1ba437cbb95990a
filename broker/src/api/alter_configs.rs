//! `AlterConfigs`: all settings of a resource are replaced; and what it shares with
//! `IncrementalAlterConfigs`.

use std::{collections::BTreeMap, sync::Arc};

use kastellan_core::{
    metadata::{
        AlterConfigs, ConfigChange, ConfigOp, ConfigResource, Failure, Input, Reply, ResourceKind,
    },
    security::CLUSTER_NAME,
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        AlterConfigsRequest, AlterConfigsResponse,
        alter_configs_response::AlterConfigsResourceResponse,
    },
    protocol::StrBytes,
};

use super::failure;
use crate::access::needs::{
    ALTER_CONFIGS_CLUSTER, ALTER_CONFIGS_GROUP, ALTER_CONFIGS_TOPIC, INCREMENTAL_CONFIGS_CLUSTER,
    INCREMENTAL_CONFIGS_GROUP, INCREMENTAL_CONFIGS_TOPIC, Need,
};
use crate::{
    broker::Broker,
    call::{Call, ClientInfo, Way},
};

/// A resource as a request names it: the number of its kind, and its name.
type Named = (i8, StrBytes);
/// What is to change, or why that cannot be.
type Wanted = Result<Vec<ConfigChange>, Failure>;

/// Answers once the settings are in force.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AlterConfigsRequest = call.decode()?;
    let resources = request.resources.into_iter().map(|it| {
        let configs = it.configs.iter().map(|config| (0, &*config.name, config.value.as_deref()));
        ((it.resource_type, it.resource_name), changes(configs))
    });
    let how = How { replace: true, validate_only: request.validate_only, way: call.way.clone() };
    let client = Arc::clone(&call.client);
    alter((broker, &client), resources.collect(), how, move |answers| {
        let response = |answer: Answer| {
            AlterConfigsResourceResponse::default()
                .with_error_code(answer.code)
                .with_error_message(answer.message)
                .with_resource_type(answer.kind)
                .with_resource_name(answer.name)
        };
        let responses = answers.into_iter().map(response).collect();
        call.reply.send(&AlterConfigsResponse::default().with_responses(responses));
    });
    Ok(())
}

/// Changes from the operation, the name and the value of each setting.
pub(super) fn changes<'a>(configs: impl Iterator<Item = (i8, &'a str, Option<&'a str>)>) -> Wanted {
    let change = |(operation, name, value): (i8, &str, _)| {
        let op = ConfigOp::from_wire(operation, name, value)?;
        Ok(ConfigChange { name: name.to_owned(), op })
    };
    configs.map(change).collect()
}

/// What became of one resource.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: i16,
    pub(super) message: Option<StrBytes>,
    pub(super) kind: i8,
    pub(super) name: StrBytes,
}

impl Answer {
    fn new(((kind, name), result): (Named, Result<(), Failure>)) -> Self {
        let (code, message) = failure::of(result);
        Self { code, message, kind, name }
    }
}

/// How settings are to change.
#[derive(Debug, Clone)]
pub(super) struct How {
    /// What is not named goes back to its default.
    pub(super) replace: bool,
    /// Nothing happens; the answer says what would.
    pub(super) validate_only: bool,
    /// How the request came here.
    pub(super) way: Way,
}

impl How {
    /// What it takes to change settings of this kind.
    fn need(&self, kind: ResourceKind) -> Need {
        match (kind, self.replace) {
            (ResourceKind::Topic, true) => ALTER_CONFIGS_TOPIC,
            (ResourceKind::Topic, false) => INCREMENTAL_CONFIGS_TOPIC,
            (ResourceKind::Group, true) => ALTER_CONFIGS_GROUP,
            (ResourceKind::Group, false) => INCREMENTAL_CONFIGS_GROUP,
            (_, true) => ALTER_CONFIGS_CLUSTER,
            (_, false) => INCREMENTAL_CONFIGS_CLUSTER,
        }
    }
}

/// What somebody who wants to change these settings needs a right to.
fn named_for(resource: &ConfigResource) -> &str {
    match resource.kind {
        ResourceKind::Topic | ResourceKind::Group => &resource.name,
        ResourceKind::Broker | ResourceKind::BrokerLogger | ResourceKind::ClientMetrics => {
            CLUSTER_NAME
        }
    }
}

/// Has the settings changed that can be; `answer` gets one answer per resource, in the order asked.
pub(super) fn alter(
    (broker, client): (&Arc<Broker>, &ClientInfo),
    resources: Vec<(Named, Wanted)>,
    how: How,
    answer: impl FnOnce(Vec<Answer>) + Send + 'static,
) {
    let mut times = BTreeMap::new();
    for (named, _) in &resources {
        *times.entry(named.clone()).or_insert(0_usize) += 1;
    }
    let judge = broker.judge(client);
    let mut asked = Vec::new();
    let mut results = Vec::with_capacity(resources.len());
    for (named, wanted) in resources {
        let twice = times.get(&named).is_some_and(|times| *times > 1);
        let accepted = resource(broker, &named, twice, &how.way).and_then(|resource| {
            judge.check(how.need(resource.kind), named_for(&resource))?;
            asked.push(AlterConfigs { resource, changes: wanted?, replace: how.replace });
            Ok(())
        });
        results.push((named, accepted));
    }
    drop(judge);
    let tell = |results: Vec<_>| answer(results.into_iter().map(Answer::new).collect());
    if asked.is_empty() {
        return tell(results);
    }
    let validate_only = how.validate_only;
    broker.decide(
        how.way,
        move |ticket| Input::AlterConfigs { ticket, resources: asked, validate_only },
        move |reply| {
            let mut told = match reply {
                Reply::Results(told) => Ok(told.into_iter().map(|(_, result)| result)),
                other => Err(other.failure()),
            };
            for (_, result) in results.iter_mut().filter(|(_, accepted)| accepted.is_ok()) {
                *result = match &mut told {
                    Ok(told) => told.next().unwrap_or_else(|| Err(Failure::unexpected())),
                    Err(failure) => Err(failure.clone()),
                };
            }
            tell(results);
        },
    );
}

/// The resource of a name. Errors: 42 `INVALID_REQUEST`.
fn resource(
    broker: &Broker,
    (kind, name): &Named,
    twice: bool,
    way: &Way,
) -> Result<ConfigResource, Failure> {
    let refuse = |message: String| Err(Failure::new(ErrorCode::InvalidRequest, message));
    if twice {
        return refuse("the resource occurs more than once in the request".to_owned());
    }
    let Some(kind) = ResourceKind::from_code(*kind) else {
        return refuse(format!("there is no resource type {kind}"));
    };
    let me = broker.config.node_id;
    let others = match kind {
        // the broker that it came in by is the one that is named, or has refused it
        ResourceKind::Broker => {
            matches!(way, Way::Here(_)) && !name.is_empty() && **name != *me.to_string()
        }
        ResourceKind::BrokerLogger => **name != *me.to_string(),
        ResourceKind::Topic | ResourceKind::ClientMetrics | ResourceKind::Group => false,
    };
    if others {
        return refuse(format!("this is broker {me}, it cannot change broker {name:?}"));
    }
    Ok(ConfigResource { kind, name: name.to_string() })
}
