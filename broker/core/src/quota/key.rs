//! What a quota limits.

use super::QuotaEntity;

/// What a quota limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaKey {
    /// Bytes a second of Produce requests.
    ProducerByteRate,
    /// Bytes a second of Fetch responses.
    ConsumerByteRate,
    /// The time of threads, in percent of one (KIP-124).
    RequestPercentage,
    /// Partitions a second that are created or deleted (KIP-599).
    ControllerMutationRate,
    /// Connections a second that an address opens (KIP-612).
    ConnectionCreationRate,
}

/// What is no quota.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BadQuota {
    /// Not of this kind of entity, or of none.
    #[error(
        "users and client ids have producer_byte_rate, consumer_byte_rate, request_percentage and \
         controller_mutation_rate, addresses have connection_creation_rate"
    )]
    Key,
    /// Nothing, less than nothing, or no number.
    #[error("{0} is not greater than 0: remove the quota for no limit")]
    Low(f64),
    /// More than its type holds.
    #[error("{0} is too large")]
    High(f64),
    /// A fraction where there are none.
    #[error("{0} is not a whole number")]
    Fraction(f64),
}

impl QuotaKey {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ProducerByteRate,
        Self::ConsumerByteRate,
        Self::RequestPercentage,
        Self::ControllerMutationRate,
        Self::ConnectionCreationRate,
    ];

    /// Kafka's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
            Self::ControllerMutationRate => "controller_mutation_rate",
            Self::ConnectionCreationRate => "connection_creation_rate",
        }
    }

    /// The key with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Whether an entity can have it.
    pub fn is_of(self, entity: &QuotaEntity) -> bool {
        let of_addresses = self == Self::ConnectionCreationRate;
        of_addresses == matches!(entity, QuotaEntity::Ip(_))
    }

    /// Whether `value` is one for it.
    pub fn check(self, value: f64) -> Result<(), BadQuota> {
        if value.is_nan() || value <= 0.0 {
            return Err(BadQuota::Low(value));
        }
        #[expect(clippy::cast_precision_loss, reason = "as Kafka compares them")]
        let (most, whole) = match self {
            Self::ProducerByteRate | Self::ConsumerByteRate => (i64::MAX as f64, true),
            Self::ConnectionCreationRate => (f64::from(i32::MAX), true),
            Self::RequestPercentage | Self::ControllerMutationRate => (f64::MAX, false),
        };
        if value > most {
            return Err(BadQuota::High(value));
        }
        if whole && value % 1.0 > 1e-6 {
            return Err(BadQuota::Fraction(value));
        }
        Ok(())
    }
}
