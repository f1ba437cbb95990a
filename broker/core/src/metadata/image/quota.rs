//! What clients may take.

use imbl::OrdMap;

use super::{Image, Inconsistent};
use crate::{
    metadata::record::{ClientQuotaRecord, Record},
    quota::{QuotaEntity, QuotaKey, QuotaParts, QuotaValues},
};

impl Image {
    /// All client quotas, by entity.
    pub fn quotas(&self) -> &OrdMap<QuotaEntity, QuotaValues> {
        &self.quotas
    }

    pub(super) fn apply_quota(&mut self, record: &ClientQuotaRecord) -> Result<(), Inconsistent> {
        let entity = QuotaEntity::of(&record.entity).map_err(Inconsistent::BadQuotaEntity)?;
        let key = QuotaKey::from_name(&record.key)
            .filter(|key| record.remove || key.check(record.value).is_ok())
            .ok_or_else(|| Inconsistent::BadQuota(record.key.clone()))?;
        let mut values = self.quotas.get(&entity).copied().unwrap_or_default();
        values.set(key, (!record.remove).then_some(record.value));
        if values.is_empty() {
            self.quotas.remove(&entity);
        } else {
            self.quotas.insert(entity, values);
        }
        Ok(())
    }

    pub(super) fn quota_records(&self) -> impl Iterator<Item = Record> {
        self.quotas.iter().flat_map(|(entity, values)| {
            values.iter().map(|(key, value)| quota_record(entity, key, Some(value)))
        })
    }
}

/// The record that sets a quota, or takes it away.
pub(in crate::metadata) fn quota_record(
    entity: &QuotaEntity,
    key: QuotaKey,
    value: Option<f64>,
) -> Record {
    let own = |(kind, name): (&str, Option<&str>)| (kind.to_owned(), name.map(str::to_owned));
    let entity: QuotaParts = entity.parts().map(own).collect();
    let (key, remove) = (key.name().to_owned(), value.is_none());
    let value = value.unwrap_or_default();
    Record::ClientQuota(ClientQuotaRecord { entity, key, value, remove })
}
