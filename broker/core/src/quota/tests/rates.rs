//! The rate that a client gets that does as it is told, over simulated time.

use proptest::prelude::*;

use super::super::*;
use crate::machine::Millis;

/// What a client gets in `seconds` that wants all it can get: requests of `size`, each followed by
/// the wait that it was answered with, and a round trip.
fn taken(seconds: u64, rate: f64, size: f64, round_trip: u64) -> f64 {
    let mut ledger = Ledger::new(Windows::new(11, 1));
    let limit = Limit { account: Account::User("u".into()), rate };
    let (mut now, mut taken) = (Millis(123), 0.0);
    let end = now.after(std::time::Duration::from_secs(seconds));
    while now < end {
        let wait = ledger.take(now, &limit, size);
        taken += size;
        now = now.after(wait).after(std::time::Duration::from_millis(round_trip));
    }
    taken
}

proptest! {
    /// Requests are of 2 to 300 ms worth of the rate, and the client is fast enough for twice as
    /// much.
    #[test]
    fn over_a_minute_the_rate_is_held_to_a_tenth(
        rate in 10_000..1_000_000_000_u32,
        worth in 2..300_u32,
        slowness in 0..=100_u32,
    ) {
        let size = f64::from(rate) * f64::from(worth) / 1000.0;
        let got = taken(66, f64::from(rate), size, u64::from(worth * slowness / 200));
        let wanted = f64::from(rate) * 66.0;
        prop_assert!((got / wanted - 1.0).abs() < 0.1, "{got} of {wanted}");
    }
}

#[test]
fn what_a_client_has_not_taken_lately_it_may_take_at_once() {
    let windows = Windows::new(11, 1);
    let limit = Limit { account: Account::User("u".into()), rate: 1000.0 };
    let mut ledger = Ledger::new(windows);
    assert!(ledger.take(Millis(5), &limit, windows.burst(limit.rate)).is_zero());
    assert_eq!(ledger.take(Millis(5), &limit, 500.0).as_millis(), 500);
    // when everything has left the windows, it is as at the beginning
    let later = Millis(5 + 11_000);
    assert!(ledger.take(later, &limit, windows.burst(limit.rate)).is_zero());
}

#[test]
fn any_number_of_clients_of_one_account_share_its_rate() {
    let mut ledger = Ledger::new(Windows::new(11, 1));
    let limit = Limit { account: Account::User("u".into()), rate: 1000.0 };
    let mut free_at = [Millis(0); 7];
    let mut taken = 0.0;
    for now in (0..66_000).map(Millis) {
        for free_at in &mut free_at {
            if *free_at <= now {
                *free_at = now.after(ledger.take(now, &limit, 20.0));
                taken += 20.0;
            }
        }
    }
    assert!((taken / 66_000.0_f64 - 1.0).abs() < 0.1, "{taken}");
}
