//! What everybody has taken of one thing.

use std::{collections::BTreeMap, time::Duration};

use super::{
    limits::{Account, Limit},
    rate::{Rate, Windows},
};
use crate::machine::Millis;

/// The most accounts that are kept: clients may call themselves what they like. Those that find no
/// room share one.
pub const MOST_ACCOUNTS: usize = 20_000;

/// What everybody has taken of one thing, as long as it counts.
#[derive(Debug)]
pub struct Ledger {
    windows: Windows,
    accounts: BTreeMap<Account, Rate>,
    most: usize,
    /// When the accounts were last looked through for those that may go.
    swept: Millis,
}

impl Ledger {
    /// A ledger in which nobody has taken anything.
    pub fn new(windows: Windows) -> Self {
        Self { windows, accounts: BTreeMap::new(), most: MOST_ACCOUNTS, swept: Millis::ZERO }
    }

    /// How rates are measured.
    pub fn windows(&self) -> Windows {
        self.windows
    }

    /// Takes `amount`, which counts in any case; how long the client has to wait for it.
    pub fn take(&mut self, now: Millis, limit: &Limit, amount: f64) -> Duration {
        let windows = self.windows;
        let rate = self.account(now, &limit.account);
        rate.add(now, windows, amount);
        rate.wait(now, windows, limit.rate)
    }

    /// The same, but `amount` is not taken by who has to wait. Who has rested gets whatever it is
    /// and owes it: in Kafka a consumer never gets a batch that is larger than its windows.
    pub fn take_if_free(&mut self, now: Millis, limit: &Limit, amount: f64) -> Duration {
        let windows = self.windows;
        let rate = self.account(now, &limit.account);
        let owed = rate.owed(now);
        if !owed.is_zero() {
            return owed;
        }
        let rested = rate.is_over(now, windows);
        rate.add(now, windows, amount);
        let wait = rate.wait(now, windows, limit.rate);
        if wait.is_zero() {
            return wait;
        }
        if rested {
            let time = Duration::try_from_secs_f64(amount / limit.rate).unwrap_or(Duration::MAX);
            rate.owe(now, time);
            return Duration::ZERO;
        }
        rate.add(now, windows, -amount);
        wait
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether nobody has an account.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.accounts.clear();
    }

    fn account(&mut self, now: Millis, account: &Account) -> &mut Rate {
        let known = self.accounts.contains_key(account);
        if !known && now.since(self.swept) >= self.windows.memory() {
            // only who is new pays for it, and not more often than an account takes to be over
            self.swept = now;
            let windows = self.windows;
            self.accounts.retain(|_, rate| !rate.is_over(now, windows));
        }
        let fits = known || self.accounts.len() < self.most;
        let account = if fits { account } else { &Account::Others };
        self.accounts.entry(account.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: usize) -> Limit {
        Limit { account: Account::Client(number.to_string().into()), rate: 10.0 }
    }

    #[test]
    fn what_is_over_is_forgotten_when_somebody_comes() {
        let mut ledger = Ledger::new(Windows::new(11, 1));
        for number in 0..100 {
            ledger.take(Millis(1_000), &client(number), 1.0);
        }
        ledger.take(Millis(11_500), &client(7), 1.0);
        assert_eq!(ledger.len(), 100);
        ledger.take(Millis(13_000), &client(1000), 1.0);
        assert_eq!(ledger.len(), 2, "those that came lately");
    }

    #[test]
    fn who_finds_no_room_shares_an_account() {
        let mut ledger = Ledger { most: 10, ..Ledger::new(Windows::new(11, 1)) };
        for number in 0..1_000 {
            ledger.take(Millis(1_000), &client(number), 1.0);
        }
        assert_eq!(ledger.len(), 11);
        assert!(ledger.take(Millis(1_000), &client(1_001), 1.0) > Duration::from_mins(1));
        assert!(ledger.take(Millis(1_000), &client(5), 1.0).is_zero());
    }

    #[test]
    fn what_is_larger_than_the_windows_is_given_and_owed() {
        let mut ledger = Ledger::new(Windows::new(11, 1));
        let (limit, mut now, mut taken) = (client(0), Millis(7), 0.0);
        while now < Millis(1_000_007) {
            let wait = ledger.take_if_free(now, &limit, 500.0);
            taken += if wait.is_zero() { 500.0 } else { 0.0 };
            now = now.after(wait).after(Duration::from_millis(1));
        }
        assert!((taken / 10_000.0 - 1.0_f64).abs() < 0.1, "{taken}");
    }

    #[test]
    fn what_is_not_given_is_not_taken() {
        let mut ledger = Ledger::new(Windows::new(11, 1));
        let limit = client(0);
        assert!(ledger.take_if_free(Millis(5), &limit, 90.0).is_zero());
        assert!(!ledger.take_if_free(Millis(5), &limit, 20.0).is_zero());
        assert!(ledger.take_if_free(Millis(5), &limit, 10.0).is_zero());
        assert!(!ledger.take_if_free(Millis(5), &limit, 1.0).is_zero());
    }
}
