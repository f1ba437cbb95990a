//! Who may be restarted now: one set of brokers at a time.

use std::{collections::BTreeSet, time::Duration};

use kastellan_core::{id::BrokerId, machine::Millis};

/// How long a permit holds: for a pod to be deleted, not for it to come back. Once its broker is
/// away, the partitions it left behind keep others from being permitted.
pub(super) const LIFE: Duration = Duration::from_mins(1);

/// The permit that was given last.
#[derive(Debug, Default)]
pub(super) struct Permits {
    held: Option<(BTreeSet<BrokerId>, Millis)>,
}

impl Permits {
    /// Whether `brokers` may have the permit as far as others are concerned; the brokers that have
    /// it if not.
    pub(super) fn check(
        &self,
        now: Millis,
        brokers: &BTreeSet<BrokerId>,
    ) -> Result<(), &BTreeSet<BrokerId>> {
        match &self.held {
            Some((held, until)) if now < *until && held != brokers => Err(held),
            _ => Ok(()),
        }
    }

    /// Gives the permit to `brokers`; those who have it keep it for longer.
    pub(super) fn give(&mut self, now: Millis, brokers: BTreeSet<BrokerId>) {
        self.held = Some((brokers, now.after(LIFE)));
    }

    /// Takes the permit back from `brokers`, if they have it.
    pub(super) fn take(&mut self, brokers: &BTreeSet<BrokerId>) {
        self.held.take_if(|(held, _)| held == brokers);
    }

    /// Who has the permit.
    pub(super) fn held(&self, now: Millis) -> Option<&BTreeSet<BrokerId>> {
        self.held.as_ref().filter(|(_, until)| now < *until).map(|(held, _)| held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[i32]) -> BTreeSet<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    #[test]
    fn one_set_of_brokers_has_the_permit_until_it_ends_or_is_given_back() {
        let mut permits = Permits::default();
        assert_eq!(permits.check(Millis(0), &set(&[1])), Ok(()));
        permits.give(Millis(0), set(&[1]));
        assert_eq!(permits.check(Millis(10), &set(&[2])), Err(&set(&[1])));
        assert_eq!(permits.check(Millis(10), &set(&[1, 2])), Err(&set(&[1])));
        assert_eq!(permits.check(Millis(10), &set(&[1])), Ok(()), "asked again");

        permits.give(Millis(30_000), set(&[1]));
        assert_eq!(permits.held(Millis(89_999)), Some(&set(&[1])), "it was extended");
        assert_eq!(permits.check(Millis(90_000), &set(&[2])), Ok(()), "it has ended");

        permits.take(&set(&[2]));
        assert_eq!(permits.held(Millis(40_000)), Some(&set(&[1])), "not theirs to give back");
        permits.take(&set(&[1]));
        assert_eq!(permits.held(Millis(40_000)), None);
    }
}
