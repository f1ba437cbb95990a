//! Levels of features change (KIP-584, KIP-1022).

use std::collections::BTreeSet;

use kastellan_protocol::ErrorCode;

use super::{
    Controller, Effect, Failure, FeatureUpdate, FeatureUpdateKind, Reply, decide,
    rules::{self, Rules},
};
use crate::{
    machine::Ticket,
    metadata::{ELIGIBLE_LEADER_REPLICAS, FeatureLevelRecord, Record, SUPPORTED},
};

impl Controller {
    /// Changes all of them or, where one cannot be, none. Answers with [`Reply::Results`].
    pub(super) fn update_features(
        &self,
        ticket: Ticket,
        updates: &[FeatureUpdate],
        validate_only: bool,
        effects: &mut Vec<Effect>,
    ) {
        let mut seen = BTreeSet::new();
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(updates.len());
        for update in updates {
            let result = if seen.insert(update.name.as_str()) {
                self.update_feature(update).map(|new| records.extend(new))
            } else {
                Err(refusal(format!("{} occurs more than once in the request", update.name)))
            };
            results.push((update.name.clone(), result));
        }
        let refused = results.iter().any(|(_, result)| result.is_err());
        decide(ticket, records, Reply::Results(results), validate_only || refused, effects);
    }

    fn update_feature(&self, update: &FeatureUpdate) -> Result<Vec<Record>, Failure> {
        let FeatureUpdate { name, level, kind } = update;
        let Some(known) = SUPPORTED.iter().find(|known| known.name == name) else {
            return Err(refusal(format!("there is no feature {name:?}")));
        };
        if !(known.min..=known.max).contains(level) {
            return Err(refusal(format!(
                "{name} {level} is not served: {} to {} are",
                known.min, known.max
            )));
        }
        let current = self.image.feature(name);
        match (level.cmp(&current), kind) {
            (std::cmp::Ordering::Equal, _) => return Ok(Vec::new()),
            (std::cmp::Ordering::Less, FeatureUpdateKind::Upgrade) => {
                return Err(refusal(format!(
                    "{name} is at {current}: {level} is a downgrade, which has to be asked for"
                )));
            }
            (std::cmp::Ordering::Greater, kind) if *kind != FeatureUpdateKind::Upgrade => {
                return Err(refusal(format!("{name} is at {current}: {level} is no downgrade")));
            }
            _ => (),
        }
        self.check_served(name, *level)?;
        let (name, level) = (name.clone(), *level);
        let record = Record::FeatureLevel(FeatureLevelRecord { name: name.clone(), level });
        if name != ELIGIBLE_LEADER_REPLICAS {
            return Ok(vec![record]);
        }
        let waiting = self.index.eligible().len();
        if level == 0 && waiting > 0 {
            // their ISR alone does not say who has everything
            return Err(refusal(format!(
                "{waiting} partitions have eligible leaders outside of their ISR: they have to \
                 have min.insync.replicas in sync before {name} is turned off"
            )));
        }
        let mut records = vec![record];
        if level > 0 {
            let rules = Rules { eligible: true, ..self.rules.clone() };
            records.extend(self.repairs(&rules));
        }
        if level > 0 && self.image.brokers().nth(1).is_some() {
            records.extend(rules::one_min_in_sync(&self.image, &self.rules));
        }
        Ok(records)
    }

    /// Every registered broker has to serve a level before the cluster is at it.
    fn check_served(&self, name: &str, level: i16) -> Result<(), Failure> {
        for broker in self.image.brokers() {
            let range = broker.features.iter().find(|it| it.name == name);
            let (min, max) = range.map_or((0, 0), |it| (it.min, it.max));
            if !(min..=max).contains(&level) {
                return Err(refusal(format!(
                    "broker {} does not serve {name} {level}: it serves {min} to {max}",
                    broker.id.0
                )));
            }
        }
        Ok(())
    }
}

fn refusal(message: String) -> Failure {
    Failure::new(ErrorCode::InvalidUpdateVersion, message)
}
