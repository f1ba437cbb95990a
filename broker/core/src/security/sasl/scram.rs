//! The broker's side of one SCRAM exchange (RFC 5802 §5).

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq as _;

use super::{
    ByToken, Users,
    message::{client_final, client_first},
};
use crate::security::{
    ScramCredential, ScramMechanism, Secret,
    scram::{FEWEST_ITERATIONS, salt_of},
    token::salt_about,
};

/// An exchange whose first message was answered.
#[derive(Debug)]
pub(super) struct Challenge {
    mechanism: ScramMechanism,
    user: String,
    header: String,
    nonce: String,
    /// What both sides have signed by the end, as far as it was said.
    said: String,
    credential: Arc<ScramCredential>,
    /// Whose token it is, and when it ends; `None`: it is no login with a token.
    by_token: Option<ByToken>,
}

impl Challenge {
    /// By which mechanism.
    pub(super) fn mechanism(&self) -> ScramMechanism {
        self.mechanism
    }

    /// Answers a client's first message; `None`: it is none. Who is not known is asked for a proof
    /// like everybody else: the failure and the work are the same.
    pub(super) fn new(
        mechanism: ScramMechanism,
        message: &[u8],
        users: &dyn Users,
        fresh: &str,
    ) -> Option<(Self, Vec<u8>)> {
        let first = client_first(message)?;
        let (known, by_token) = if first.by_token {
            users.token(mechanism, &first.user).unzip()
        } else {
            (users.scram(mechanism, &first.user), None)
        };
        let credential = known.unwrap_or_else(|| nobody(mechanism, &first.user, users.secret()));
        let nonce = format!("{}{fresh}", first.nonce);
        let salt = STANDARD.encode(&credential.salt);
        let answer = format!("r={nonce},s={salt},i={}", credential.iterations);
        let (header, said) = (first.header.to_owned(), format!("{},{answer}", first.bare));
        let user = first.user;
        let challenge = Self { mechanism, user, header, nonce, said, credential, by_token };
        Some((challenge, answer.into_bytes()))
    }

    /// Checks the client's proof: the user, the broker's own proof, and when a token ends. `None`:
    /// it proves nothing, or is for another exchange (CVE-2024-56128).
    pub(super) fn prove(self, message: &[u8]) -> Option<(String, Vec<u8>, Option<i64>)> {
        let last = client_final(message)?;
        let said = format!("{},{}", self.said, last.without_proof);
        let credential = &self.credential;
        let proven = credential.is_proven(self.mechanism, said.as_bytes(), &last.proof);
        let same: bool = last.nonce.as_bytes().ct_eq(self.nonce.as_bytes()).into();
        if !proven || !same || last.header != self.header.as_bytes() {
            return None;
        }
        let signature = credential.signature(self.mechanism, said.as_bytes());
        let message = format!("v={}", STANDARD.encode(signature)).into_bytes();
        Some(match self.by_token {
            Some(ByToken { owner, ends }) => (owner, message, Some(ends)),
            None => (self.user, message, None),
        })
    }
}

/// What is kept of somebody who is not there: nothing proves it.
fn nobody(mechanism: ScramMechanism, user: &str, secret: &[u8]) -> Arc<ScramCredential> {
    let about = |what: &str| format!("{what} of {user} for {}", mechanism.name());
    let key = |what| Secret(mechanism.sign(secret, about(what).as_bytes()));
    Arc::new(ScramCredential {
        salt: salt_of(secret, &salt_about(mechanism, user)),
        stored_key: key("stored key"),
        server_key: key("server key"),
        iterations: FEWEST_ITERATIONS,
    })
}
