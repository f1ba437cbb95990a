//! What a cluster waits for, since when, and for how long that is still usual.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kastellan_crds::condition::Reason;
use kube::api::DynamicObject;

/// Something that has to happen first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    /// What is going on, in one word.
    pub reason: Reason,
    /// What is waited for, in a sentence.
    pub message: String,
    /// When that began, as far as an object tells.
    since: Option<Timestamp>,
    /// How long it may take before it is worth an alarm; `None`: there is no telling.
    budget: Option<Duration>,
    /// When to look again, where no event would tell that it is over.
    again: Option<Duration>,
}

impl Wait {
    /// A wait that an event ends.
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { reason, message, since: None, budget: None, again: None }
    }

    /// Since an object was made, for no longer than `budget`.
    pub(super) fn since(mut self, object: Option<Timestamp>, budget: Duration) -> Self {
        (self.since, self.budget) = (object, Some(budget));
        self
    }

    /// For something that nobody tells of.
    pub(super) fn again(mut self, after: Duration) -> Self {
        self.again = Some(after);
        self
    }

    /// How much of the budget is left; zero when it is over.
    fn left(&self, now: Timestamp) -> Option<Duration> {
        let budget = self.budget?;
        let gone = Duration::try_from(now.duration_since(self.since?)).unwrap_or_default();
        Some(budget.saturating_sub(gone))
    }

    /// Whether it takes longer than it should.
    pub(super) fn late(&self, now: Timestamp) -> bool {
        self.left(now).is_some_and(|left| left.is_zero())
    }

    /// When it began, once it takes longer than it should. The time and not how long ago: a status
    /// is written when something changes, not because time passes.
    pub(super) fn late_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.since.filter(|since| self.late(now) && *since < now)
    }

    /// When to look again, whatever is heard.
    pub(super) fn wake(&self, now: Timestamp) -> Option<Duration> {
        let left = self.left(now).filter(|left| !left.is_zero());
        left.into_iter().chain(self.again).min()
    }
}

/// When an object was made.
pub(super) fn made(object: &DynamicObject) -> Option<Timestamp> {
    object.metadata.creation_timestamp.as_ref().map(|time| time.0)
}
