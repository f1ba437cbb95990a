//! The quotas of one entity.

use super::QuotaKey;

/// The quotas of one entity, by key; all are greater than 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QuotaValues([Option<f64>; QuotaKey::ALL.len()]);

impl QuotaValues {
    /// The limit; `None`: this entity does not say.
    pub fn get(&self, key: QuotaKey) -> Option<f64> {
        self.0.get(key as usize).copied().flatten()
    }

    /// Sets a limit, or takes it away.
    pub fn set(&mut self, key: QuotaKey, value: Option<f64>) {
        if let Some(place) = self.0.get_mut(key as usize) {
            *place = value;
        }
    }

    /// What is limited, and to what.
    pub fn iter(&self) -> impl Iterator<Item = (QuotaKey, f64)> {
        QuotaKey::ALL.into_iter().filter_map(|key| Some((key, self.get(key)?)))
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}
