//! Addresses that open connections faster than their quota says (KIP-612).

use std::time::{Duration, Instant};

use super::{Harness, alter};

#[test]
fn an_address_that_comes_too_often_is_turned_away_late() {
    // the rate of one second is measured, and what was taken in it may be taken at once
    let broker = Harness::with(&[("quota.window.num", "2")]);
    let mut admin = broker.client();
    let rate = [("connection_creation_rate", Some(3.0))];
    assert_eq!(alter(&mut admin, &[("ip", Some("127.0.0.1"))], &rate), 0);
    let mut taken: Vec<_> = (0..3).map(|_| broker.client()).collect();
    assert!(taken.iter_mut().all(super::super::client::Client::works));
    let began = Instant::now();
    let mut late = broker.client();
    assert!(late.is_closed());
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    assert!(admin.works() && taken.iter_mut().all(super::super::client::Client::works));
    assert_eq!(alter(&mut admin, &[("ip", Some("127.0.0.1"))], &[(rate[0].0, None)]), 0);
    assert!(broker.client().works());
}
