//! How many partitions somebody creates and deletes: `controller_mutation_rate` (KIP-599).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Failure, Input, Reply};
use crate::{
    machine::{Machine as _, Millis, Now},
    quota::{Account, Bucket, Limit, MOST_ACCOUNTS, QuotaKey, Windows},
};

/// For whom partitions are created and deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requester {
    /// The user.
    pub user: Arc<str>,
    /// What its client calls itself.
    pub client: Arc<str>,
    /// Whether it knows 89 `THROTTLING_QUOTA_EXCEEDED` and is refused what goes beyond its quota;
    /// an older client gets it and has to wait.
    pub strict: bool,
}

/// What everybody has left. Soft state: another controller begins with full buckets.
#[derive(Debug, Default)]
pub(super) struct Mutations {
    buckets: BTreeMap<Account, (Bucket, f64)>,
    /// When those were last looked through that need not be remembered.
    swept: Millis,
    /// What the present request is charged to, if it is limited.
    tab: Option<Tab>,
}

#[derive(Debug)]
struct Tab {
    limit: Limit,
    bucket: Bucket,
    strict: bool,
    /// How long the client has to wait.
    wait: Duration,
}

impl Controller {
    /// Does what `input` asks for on the account of who asks. Its reply says how long that client
    /// has to wait, if it has to.
    pub(super) fn on_behalf(
        &mut self,
        now: Now,
        requester: &Requester,
        input: Input,
        effects: &mut Vec<Effect>,
    ) {
        let (key, quotas) = (QuotaKey::ControllerMutationRate, self.image.quotas());
        let limit = Limit::of(quotas, key, &requester.user, &requester.client);
        let windows = self.config.controller_quota_windows;
        self.mutations.open(now.monotonic, windows, limit, requester.strict);
        let before = effects.len();
        self.step(now, input, effects);
        let wait = self.mutations.close();
        if wait.is_zero() {
            return;
        }
        for effect in effects.iter_mut().skip(before) {
            if let Effect::Reply(_, reply) = effect {
                let inner = Box::new(std::mem::replace(reply, Reply::Done));
                *reply = Reply::Throttled { wait, reply: inner };
            }
        }
    }
}

impl Mutations {
    fn open(&mut self, now: Millis, windows: Windows, limit: Option<Limit>, strict: bool) {
        let Some(mut limit) = limit else { return };
        if !self.buckets.contains_key(&limit.account) {
            if now.since(self.swept) >= windows.memory() {
                self.swept = now;
                self.buckets.retain(|_, (bucket, rate)| !bucket.is_full(now, windows, *rate));
            }
            if self.buckets.len() >= MOST_ACCOUNTS {
                limit.account = Account::Others;
            }
        }
        let known = self.buckets.get(&limit.account).map(|(bucket, _)| *bucket);
        let mut bucket = known.unwrap_or_else(|| Bucket::full(now, windows, limit.rate));
        bucket.fill(now, windows, limit.rate);
        self.tab = Some(Tab { limit, bucket, strict, wait: Duration::ZERO });
    }

    /// Charges so many partitions to the present request.
    pub(super) fn charge(&mut self, partitions: usize) -> Result<(), Failure> {
        let Some(tab) = &mut self.tab else { return Ok(()) };
        let owed = tab.bucket.wait(tab.limit.rate);
        if tab.strict && !owed.is_zero() {
            tab.wait = owed;
            let why = "the controller_mutation_rate quota is used up: try again later";
            return Err(Failure::new(ErrorCode::ThrottlingQuotaExceeded, why));
        }
        #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
        tab.bucket.take(partitions as f64);
        if !tab.strict {
            tab.wait = tab.bucket.wait(tab.limit.rate);
        }
        Ok(())
    }

    fn close(&mut self) -> Duration {
        let Some(Tab { limit, bucket, wait, .. }) = self.tab.take() else { return Duration::ZERO };
        self.buckets.insert(limit.account, (bucket, limit.rate));
        wait
    }
}
