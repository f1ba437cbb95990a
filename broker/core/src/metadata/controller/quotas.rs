//! Client quotas change (KIP-546).

use std::collections::BTreeSet;

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Failure, Reply, decide};
use crate::{
    machine::Ticket,
    metadata::{Record, image::quota_record},
    quota::{BadQuota, QuotaEntity, QuotaKey, QuotaParts},
};

/// The most quotas that one request changes: its records are one batch of the metadata log, and
/// Kafka has the same limit.
const MOST: usize = 10_000;

/// What is to become of one entity's quotas.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaChange {
    /// Whose.
    pub entity: QuotaParts,
    /// What is limited, and to what from now on; `None`: not any more.
    pub quotas: Vec<(String, Option<f64>)>,
}

impl Controller {
    /// Changes quotas, all of an entity or none. Answers with [`Reply::Quotas`], one result per
    /// entity, in the order asked. An entity that comes twice is refused where Kafka, which answers
    /// the same, does what came first.
    pub(super) fn alter_quotas(
        &self,
        ticket: Ticket,
        changes: Vec<QuotaChange>,
        validate_only: bool,
        effects: &mut Vec<Effect>,
    ) {
        let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
        for change in &changes {
            if !seen.insert(&change.entity) {
                twice.insert(change.entity.clone());
            }
        }
        let (mut records, mut results) = (Vec::new(), Vec::with_capacity(changes.len()));
        let mut answered = BTreeSet::new();
        for change in changes {
            let result = if !twice.contains(&change.entity) {
                self.quota_records(&change).map(|of_entity| records.extend(of_entity))
            } else if answered.insert(change.entity.clone()) {
                Err(invalid("an entity comes twice in one request: nothing of it is changed"))
            } else {
                continue;
            };
            results.push((change.entity, result));
        }
        if records.len() > MOST {
            let why = format!("one request changes at most {MOST} quotas: split it");
            let failure = Failure::new(ErrorCode::PolicyViolation, why);
            effects.push(Effect::Reply(ticket, Reply::Failed(failure)));
            return;
        }
        decide(ticket, records, Reply::Quotas(results), validate_only, effects);
    }

    /// What has to be written down; nothing for what is so already.
    fn quota_records(&self, change: &QuotaChange) -> Result<Vec<Record>, Failure> {
        let mut seen = BTreeSet::new();
        if let Some((key, _)) = change.quotas.iter().find(|(key, _)| !seen.insert(key)) {
            return Err(invalid(format!("{key} comes twice for one entity")));
        }
        let entity = QuotaEntity::of(&change.entity).map_err(|why| invalid(why.to_string()))?;
        let now = self.image.quotas().get(&entity).copied().unwrap_or_default();
        let mut records = Vec::new();
        for (name, value) in &change.quotas {
            let refuse = |why: BadQuota| invalid(format!("{name}: {why}"));
            let key = QuotaKey::from_name(name).filter(|key| key.is_of(&entity));
            match (key, *value) {
                // what is not there can be removed, whatever it is
                (None, None) => (),
                (None, Some(_)) => return Err(refuse(BadQuota::Key)),
                (Some(key), value) => {
                    value.map_or(Ok(()), |value| key.check(value)).map_err(refuse)?;
                    if now.get(key) != value {
                        records.push(quota_record(&entity, key, value));
                    }
                }
            }
        }
        Ok(records)
    }
}

fn invalid(why: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::InvalidRequest, why)
}
