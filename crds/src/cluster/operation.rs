//! How a cluster is looked after while it runs.

use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::quantity::Quantity;
use crate::rule::rule;

/// Racks or zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rack {
    /// The node label whose value is a broker's rack, as in `topology.kubernetes.io/zone`.
    #[schemars(
        length(min = 1, max = 317),
        extend("x-kubernetes-validations" = [Rack::label_key()])
    )]
    pub topology_key: String,
}

impl Rack {
    /// The rule of a node label's key.
    pub(crate) fn label_key() -> Rule {
        rule(
            "self.matches('^([a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$')",
            "write the key of a node label, as in topology.kubernetes.io/zone",
        )
    }
}

/// How partitions are kept spread over the brokers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Balance {
    /// Whether to balance not at all, only to say how, or to do it.
    pub mode: BalanceMode,
    /// How much a broker may copy per second for it, as in `50Mi`. Left out: as much as in-sync
    /// replicas bear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes_per_second: Option<Quantity>,
    /// How many partitions may move at the same time.
    #[schemars(range(min = 1, max = 1000))]
    pub max_concurrent_moves: i32,
}

impl Default for Balance {
    fn default() -> Self {
        Self { mode: BalanceMode::Suggest, max_bytes_per_second: None, max_concurrent_moves: 5 }
    }
}

/// Who decides on moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BalanceMode {
    /// Nobody: nothing is planned.
    Off,
    /// You: the plan stands in the status, and an annotation with its hash approves it.
    #[default]
    Suggest,
    /// The operator.
    Auto,
}

/// When what can wait may happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Maintenance {
    /// The windows; certificates and authorities are renewed and replaced within one, unless more
    /// than half of the time is over in which that has to be done. What an annotation asks for is
    /// done at once.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub windows: Vec<Window>,
    /// The time zone of the windows, as in `Europe/Prague`.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
}

fn utc() -> String {
    "Etc/UTC".to_owned()
}

/// A time that comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// When it begins, as a `CronJob` has it: minute, hour, day of the month, month, day of the
    /// week. `0 2 * * 0` is Sunday at two.
    #[schemars(length(max = 128), extend("x-kubernetes-validations" = [rules::schedule()]))]
    pub schedule: String,
    /// How long it lasts, in minutes.
    #[schemars(range(min = 1, max = 10080))]
    pub minutes: i32,
}
