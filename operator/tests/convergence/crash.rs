//! The operator ends before and after every single write of every scenario.

use super::authorities::AUTHORITIES;
use super::fleet::{FEWER, THREE, VOTERS};
use super::gate::End;
use super::play::{play, play_against};
use super::scenarios::{ALL, Scenario};
use super::users::{OF_USERS, USERS};

#[test]
fn every_scenario_comes_to_its_end() {
    for scenario in ALL.iter().chain(OF_USERS).chain([&AUTHORITIES]) {
        let writes = play(scenario, End::Never).writes;
        assert!(!writes.is_empty() && writes.len() < 120, "{}: {writes:#?}", scenario.name);
    }
}

#[test]
fn an_operator_that_ends_at_any_write_makes_no_difference() {
    let apart = [THREE.name, FEWER.name, VOTERS.name];
    ALL.iter().filter(|scenario| !apart.contains(&scenario.name)).for_each(end_at_any_write);
}

/// Beside the others: this one is as long as all of them.
#[test]
fn nor_does_one_that_looks_after_several_brokers() {
    end_at_any_write(&THREE);
}

#[test]
fn nor_does_one_that_takes_brokers_away() {
    end_at_any_write(&FEWER);
}

#[test]
fn nor_does_one_that_changes_who_votes() {
    end_at_any_write(&VOTERS);
}

#[test]
fn nor_does_one_that_looks_after_users() {
    end_at_any_write(&USERS);
}

#[test]
fn nor_does_one_that_replaces_authorities() {
    end_at_any_write(&AUTHORITIES);
}

fn end_at_any_write(scenario: &Scenario) {
    let expected = play(scenario, End::Never);
    for number in 1..=expected.writes.len() {
        for end in [End::Before(number), End::After(number)] {
            play_against(&expected, scenario, end);
        }
    }
}
