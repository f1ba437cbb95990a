//! A login by somebody who does not know the password, however long and in whatever order they
//! talk: nobody gets in, and a login costs what its messages cost.
#![no_main]

use std::sync::Arc;

use kastellan_core::security::{
    PrincipalMapping, ScramCredential, ScramMechanism, Secret,
    oauth::{Demands, Issuer, KeySet, Location},
    sasl::{ByToken, Jaas, Login, Mechanism, Users},
};
use kastellan_fuzz::{bounded, seeds};

/// What parts messages in the input, and is in none of SCRAM's.
const BREAK: u8 = 0xff;

struct Known {
    scram: Arc<ScramCredential>,
    password: Secret<String>,
    demands: Demands,
    keys: Arc<KeySet>,
}

impl Users for Known {
    fn scram(&self, _: ScramMechanism, user: &str) -> Option<Arc<ScramCredential>> {
        (user == "alice").then(|| Arc::clone(&self.scram))
    }

    fn token(&self, _: ScramMechanism, id: &str) -> Option<(Arc<ScramCredential>, ByToken)> {
        let by_token = ByToken { owner: "alice".to_owned(), ends: i64::MAX };
        (id == "token").then(|| (Arc::clone(&self.scram), by_token))
    }

    fn plain(&self, user: &str) -> Option<&Secret<String>> {
        (user == "alice").then_some(&self.password)
    }

    fn issuer(&self) -> Option<Issuer<'_>> {
        let keys = Some(Arc::clone(&self.keys));
        Some(Issuer { demands: &self.demands, keys, now: 1_800_000_000_000 })
    }

    fn secret(&self) -> &[u8] {
        b"what made up salts are made of"
    }
}

libfuzzer_sys::fuzz_target!(init: seeds::write(&seeds::logins()), |data: &[u8]| {
    // no proof is known for these
    let keys = || Secret(b"0123456789abcdef".repeat(4));
    let credential = ScramCredential {
        salt: b"salt".to_vec(),
        stored_key: keys(),
        server_key: keys(),
        iterations: 4096,
    };
    let password = Secret("a password that nobody guesses: 7c41d9".to_owned());
    let demands = Demands {
        audiences: Vec::new(),
        issuer: None,
        subject_claim: "sub".to_owned(),
        scope_claim: "scope".to_owned(),
        skew: 0,
    };
    // whose other halves nobody has kept
    let keys = Arc::new(KeySet::parse(seeds::KEYS.as_bytes()).expect("they are keys"));
    let users = Known { scram: Arc::new(credential), password, demands, keys };
    let mut messages = data.split(|byte| *byte == BREAK);
    let mut login = Login::new();
    let wanted = String::from_utf8_lossy(messages.next().unwrap_or_default());
    if login.handshake(&wanted, &Mechanism::ALL).is_err() {
        // the texts of settings come from an administrator, and may be wrong as well; what a
        // regular expression takes is bounded by its own library
        let _parsed = Jaas::parse(&wanted);
        let _parsed = Location::parse(&wanted, &[]);
        // and an issuer's keys from its web server
        let _parsed = bounded("keys", wanted.len(), || KeySet::parse(wanted.as_bytes()));
        if let Ok(mapping) = PrincipalMapping::parse(&wanted) {
            mapping.apply("CN=alice,OU=keys,O=Acme");
        }
    }
    for message in messages {
        let answer = bounded("message", message.len(), || {
            login.message(message, &users, "9f86d081884c7d659a2feaa0")
        });
        assert!(!answer.is_ok_and(|answer| answer.user.is_some()), "somebody got in");
    }
});
