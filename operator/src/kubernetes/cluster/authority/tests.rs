//! When an authority is replaced, by which steps, and what is trusted meanwhile.

use super::*;
use crate::pki::{OF_BROKERS, Subject, fingerprints, sign};

const WHO: (&str, &str) = (OF_BROKERS, "id");

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn rules(replacement: Replacement) -> Rules {
    let spec = cluster::Authority { replacement, ..cluster::Authority::default() };
    Rules::new(&spec, None, true)
}

/// Good for so many days more.
fn held(phase: Phase, days: i64) -> Held {
    let end = Some(now() + (days * 24).hours());
    Held { phase, end, since: Some(now() - 10.minutes()), heeded: None }
}

#[test]
fn a_replacement_begins_when_it_is_asked_for_or_the_end_is_near() {
    let (key, same) = (rules(Replacement::Key), rules(Replacement::Certificate));
    let settled = |days| held(Phase::Settled, days);
    let due = |held: &Held, rules: &Rules| next(held, rules, (true, true), now());
    let begins = |held: &Held, rules: &Rules| next(held, rules, (true, false), now());
    assert_eq!(begins(&settled(91), &key), Next::Rest);
    assert_eq!(due(&settled(90), &key), Next::Turn(Turn::Trust));
    assert_eq!(due(&settled(90), &same), Next::Turn(Turn::Renew));
    assert_eq!(begins(&settled(0), &key), Next::Turn(Turn::Replace));
    assert_eq!(begins(&settled(-1), &same), Next::Turn(Turn::Replace));

    let asked = Rules { asked: Some("now".to_owned()), ..same.clone() };
    assert_eq!(begins(&settled(900), &asked), Next::Turn(Turn::Trust));
    let done = Held { heeded: Some("now".to_owned()), ..settled(900) };
    assert_eq!(begins(&done, &asked), Next::Rest);
    // an annotation that is taken away asks for nothing
    assert_eq!(begins(&done, &same), Next::Rest);
    // nor does a certificate that nobody can read
    assert_eq!(begins(&Held { end: None, ..settled(900) }, &key), Next::Rest);
}

#[test]
fn a_phase_ends_when_everybody_is_ready_and_clients_had_their_time() {
    let rules = rules(Replacement::Key);
    for (phase, turn) in [(Phase::Trust, Turn::Use), (Phase::Use, Turn::Forget)] {
        let held = held(phase, 80);
        assert_eq!(next(&held, &rules, (false, false), now()), Next::Wait);
        let until = now() + 50.minutes();
        assert_eq!(next(&held, &rules, (true, false), now()), Next::Until(until));
        assert_eq!(next(&held, &rules, (true, false), until), Next::Turn(turn));
        let nobody = Rules { overlap_minutes: 0, ..rules.clone() };
        assert_eq!(next(&held, &nobody, (true, false), now()), Next::Turn(turn));
    }
    // whoever trusts the former one is out already
    let late = held(Phase::Trust, 0);
    assert_eq!(next(&late, &rules, (false, true), now()), Next::Turn(Turn::Use));
    assert_eq!(next(&held(Phase::Use, 0), &rules, (false, true), now()), Next::Wait);
}

#[test]
fn the_files_tell_who_signs_and_who_is_trusted() {
    let turn = |turn, files: &Files| turned(turn, files, WHO, now()).unwrap();
    let of = |files: &Files| fingerprints(&trusted(files).unwrap());
    let first = turn(Turn::First, &Files::new());
    assert_eq!((phase(&first), trusted(&first)), (Phase::Settled, first.get("ca.crt").cloned()));

    let both = turn(Turn::Trust, &first);
    assert_eq!((phase(&both), &both["ca.key"]), (Phase::Trust, &first["ca.key"]));
    assert_eq!(of(&both)[0], of(&first)[0]);
    let used = turn(Turn::Use, &both);
    assert_eq!((phase(&used), &used["ca.key"]), (Phase::Use, &both["ca-next.key"]));
    assert!(!used.contains_key("ca-next.key"));
    assert_eq!(of(&used), [of(&both)[1].clone(), of(&both)[0].clone()]);
    let alone = turn(Turn::Forget, &used);
    assert_eq!((phase(&alone), of(&alone)), (Phase::Settled, vec![of(&used)[0].clone()]));

    let renewed = turn(Turn::Renew, &alone);
    assert_eq!(renewed["ca.key"], alone["ca.key"]);
    assert_ne!(of(&renewed), of(&alone));
    assert_ne!(turn(Turn::Replace, &alone)["ca.key"], alone["ca.key"]);
    for files in [&first, &both, &used, &alone, &renewed] {
        let (ca, key) = (&files["ca.crt"], &files["ca.key"]);
        assert!(sign(ca, key, &Subject::operator("id"), now()).is_ok());
    }
}

#[test]
fn half_of_a_secret_is_no_authority_and_does_not_go_on() {
    let first = turned(Turn::First, &Files::new(), WHO, now()).unwrap();
    let mut both = turned(Turn::Trust, &first, WHO, now()).unwrap();
    // somebody has taken the next one's key away: it was never used, and is forgotten
    both.remove("ca-next.key");
    assert_eq!((phase(&both), trusted(&both)), (Phase::Settled, first.get("ca.crt").cloned()));
    let why = turned(Turn::Use, &both, WHO, now()).unwrap_err();
    assert_eq!(why, "there is no ca-next.key any more");
    both.remove("ca.key");
    assert_eq!(trusted(&both), None);
}
