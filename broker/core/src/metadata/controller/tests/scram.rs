//! Passwords.

use super::*;
use crate::security::{ScramCredential, ScramMechanism, Secret};

fn change(user: &str, mechanism: i8, iterations: Option<i32>) -> ScramChange {
    let size = if mechanism == 2 { 64 } else { 32 };
    let password = iterations.map(|iterations| SaltedPassword {
        salt: b"salt".to_vec(),
        iterations,
        salted: Secret(vec![1; size]),
    });
    ScramChange { user: user.to_owned(), mechanism, password }
}

fn alter(bench: &mut Bench, changes: Vec<ScramChange>) -> Vec<(String, i16)> {
    let reply = bench.run(Input::AlterScram { ticket: TICKET, changes });
    let Reply::Results(results) = reply else { panic!("{reply:?}") };
    results.into_iter().map(|(user, result)| (user, code(&result).unwrap_or(0))).collect()
}

fn is(user: &str, code: i16) -> (String, i16) {
    (user.to_owned(), code)
}

#[test]
fn a_password_is_set_changed_and_removed() {
    let mut bench = Bench::new(1);
    let both = vec![change("alice", 1, Some(4096)), change("alice", 2, Some(16384))];
    assert_eq!(alter(&mut bench, both), [is("alice", 0)]);
    let of = |bench: &Bench, user| -> Vec<_> {
        let of_user = bench.controller.image().scram_of(user);
        of_user.map(|(mechanism, it)| (mechanism, it.iterations)).collect()
    };
    let all = [(ScramMechanism::Sha256, 4096), (ScramMechanism::Sha512, 16384)];
    assert_eq!(of(&bench, "alice"), all);
    assert_eq!(alter(&mut bench, vec![change("alice", 1, None)]), [is("alice", 0)]);
    assert_eq!(of(&bench, "alice"), all[1..]);
    assert_eq!(alter(&mut bench, vec![change("alice", 1, None)]), [is("alice", 91)]);
    assert_eq!(of(&bench, "alic"), []);
}

#[test]
fn what_is_no_password_is_refused_with_all_else_of_its_user() {
    let mut bench = Bench::new(1);
    let changes = vec![
        change("a", 1, Some(4095)),
        change("b", 2, Some(4096)),
        change("a", 2, Some(4096)),
        change("c", 1, Some(16385)),
        change("d", 3, Some(4096)),
        change("e", 1, Some(4096)),
        change("e", 1, None),
        change("", 1, Some(4096)),
    ];
    let expected = [is("a", 93), is("b", 0), is("c", 93), is("d", 33), is("e", 92), is("", 93)];
    assert_eq!(alter(&mut bench, changes), expected);
    let there: Vec<_> =
        bench.controller.image().scram_credentials().map(|(user, ..)| user).collect();
    assert_eq!(there, ["b"]);
    let mut short = change("s", 2, Some(4096));
    short.password.as_mut().unwrap().salted.0.pop();
    assert_eq!(alter(&mut bench, vec![short]), [is("s", 93)]);
}

#[test]
fn the_first_users_come_where_there_is_none() {
    let mut bench = Bench::new(1);
    let user = |name: &str| {
        let salted = Secret(vec![1; 32]);
        let mechanism = ScramMechanism::Sha256;
        let credential = ScramCredential::new(mechanism, &salted, b"salt".to_vec(), 4096);
        (name.to_owned(), mechanism, credential)
    };
    let mut first = |name: &str| {
        let users = vec![user(name)];
        bench.run(Input::FirstUsers { ticket: TICKET, users });
        let all = bench.controller.image().scram_credentials();
        all.map(|(user, ..)| user.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(first("admin"), ["admin"]);
    assert_eq!(first("other"), ["admin"], "nobody comes in by a restart");
}
