//! Delegation tokens (KIP-48, KIP-373): what somebody gives to others, so that they log in as that
//! somebody, for a while and without its password.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest;

use super::{
    Principal, ScramCredential, ScramMechanism, Secret,
    scram::{FEWEST_ITERATIONS, salt_of},
};

/// What is known of a token. The token itself, which has to be kept secret, is made of its id and
/// the cluster's `delegation.token.secret.key`, and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationToken {
    /// Its name, which is no secret.
    pub id: String,
    /// As whom one logs in with it.
    pub owner: Principal,
    /// Who has asked for it.
    pub requester: Principal,
    /// Who else may renew it, and end it.
    pub renewers: Vec<Principal>,
    /// When it was made, in Unix milliseconds.
    pub issued: i64,
    /// When it ends, however often it is renewed, in Unix milliseconds.
    pub ends: i64,
    /// When it ends if nobody renews it, in Unix milliseconds.
    pub expires: i64,
}

/// The key that all tokens of a cluster are made with: `delegation.token.secret.key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey(Secret<String>);

impl DelegationToken {
    /// Whether it lets nobody in any more.
    pub fn is_over(&self, wall: i64) -> bool {
        self.ends <= wall || self.expires <= wall
    }

    /// Whether `principal` may renew it, and end it.
    pub fn may_renew(&self, principal: &Principal) -> bool {
        self.owner == *principal || self.renewers.contains(principal)
    }

    /// Whether `principal` has to do with it, and may see it.
    pub fn concerns(&self, principal: &Principal) -> bool {
        self.concerned().any(|it| it == principal)
    }

    /// Who has to do with it: its owner, who has asked for it, and who may renew it.
    pub fn concerned(&self) -> impl Iterator<Item = &Principal> {
        [&self.owner, &self.requester].into_iter().chain(&self.renewers)
    }
}

impl TokenKey {
    /// `None`: a cluster without a key has no tokens.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(Secret(text.to_owned())))
    }

    /// The secret part of the token called `id`: HMAC-SHA-512 of its id, as in Kafka.
    pub fn hmac(&self, id: &str) -> Secret<Vec<u8>> {
        Secret(ScramMechanism::Sha512.sign(self.0.0.as_bytes(), id.as_bytes()))
    }

    /// What somebody who has the token called `id` proves to have: its secret part in base64 is the
    /// password. It takes the rounds of [`FEWEST_ITERATIONS`], some milliseconds. `secret` is what
    /// the salt is made of.
    pub fn credential(
        &self,
        id: &str,
        mechanism: ScramMechanism,
        secret: &[u8],
    ) -> ScramCredential {
        let password = STANDARD.encode(self.hmac(id).0);
        let salt = salt_of(secret, &salt_about(mechanism, id));
        let salted = mechanism.salted(password.as_bytes(), &salt, FEWEST_ITERATIONS);
        ScramCredential::new(mechanism, &salted, salt, FEWEST_ITERATIONS)
    }
}

/// What the salt of somebody without one of its own is about: the same whether there is such a
/// token or not, so that it tells nobody.
pub(super) fn salt_about(mechanism: ScramMechanism, name: &str) -> String {
    format!("salt of {name} for {}", mechanism.name())
}

/// A secret part in a form that can be looked up: how long that takes tells nothing of the secret.
pub(crate) fn fingerprint(hmac: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let digest = digest::digest(&digest::SHA256, hmac);
    bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> DelegationToken {
        DelegationToken {
            id: "t".to_owned(),
            owner: Principal::user("owner"),
            requester: Principal::user("requester"),
            renewers: vec![Principal::user("renewer")],
            issued: 0,
            ends: 20,
            expires: 10,
        }
    }

    #[test]
    fn who_asked_for_it_sees_it_and_does_not_renew_it() {
        for (name, may_renew, concerns) in [
            ("owner", true, true),
            ("renewer", true, true),
            ("requester", false, true),
            ("other", false, false),
        ] {
            let who = Principal::user(name);
            let is = (token().may_renew(&who), token().concerns(&who));
            assert_eq!(is, (may_renew, concerns), "{name}");
        }
    }

    #[test]
    fn it_is_over_at_either_end() {
        assert!(!token().is_over(9) && token().is_over(10));
        assert!(DelegationToken { expires: 30, ..token() }.is_over(20));
    }

    #[test]
    fn the_secret_part_is_kafkas_and_its_base64_the_password() {
        // what HmacSHA512 says of "id" under "key"
        let key = TokenKey::new("key").unwrap();
        let hmac = key.hmac("id");
        assert_eq!(hmac.0.len(), 64);
        assert_eq!(hmac, Secret(ScramMechanism::Sha512.sign(b"key", b"id")));
        assert_ne!(hmac, TokenKey::new("other").unwrap().hmac("id"));
        assert_eq!(TokenKey::new(""), None);
        let password = STANDARD.encode(&hmac.0);
        for mechanism in ScramMechanism::ALL {
            let made = key.credential("id", mechanism, b"secret");
            let salted = mechanism.salted(password.as_bytes(), &made.salt, 4096);
            let same = ScramCredential::new(mechanism, &salted, made.salt.clone(), 4096);
            assert_eq!(made, same);
        }
        assert_eq!(format!("{key:?}"), "TokenKey([hidden])");
    }
}
