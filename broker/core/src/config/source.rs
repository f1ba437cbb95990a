//! Where a value comes from.

/// A source of values, the strongest first, with Kafka's numbers ([`Self::code`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Set for the topic.
    Topic,
    /// Set for the group.
    Group,
    /// Set for the subscription.
    ClientMetrics,
    /// Set for this broker while it ran.
    DynamicBroker,
    /// Set for all brokers while they ran.
    DynamicDefault,
    /// Given to the broker at its start.
    Static,
    /// Nobody set it.
    Default,
}

impl Source {
    /// Kafka's number in `DescribeConfigs`.
    pub fn code(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::DynamicBroker => 2,
            Self::DynamicDefault => 3,
            Self::Static => 4,
            Self::Default => 5,
            Self::ClientMetrics => 7,
            Self::Group => 8,
        }
    }
}
