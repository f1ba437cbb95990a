//! SCRAM's arithmetic (RFC 5802, RFC 7677): what is kept of a password, and what proves that
//! somebody knows it.

use std::num::NonZeroU32;

use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq as _;

use super::Secret;

/// The fewest rounds that a password is hashed in, as in Kafka.
pub const FEWEST_ITERATIONS: i32 = 4096;
/// The most, as in Kafka: the client has to do them, and whoever picks them could keep it busy.
pub const MOST_ITERATIONS: i32 = 16384;
/// The longest salt that is kept. Kafka's tools make 26 bytes, librdkafka 64.
pub const LONGEST_SALT: usize = 1024;

/// Which hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// What is kept of a user's password: enough to recognise it, not enough to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramCredential {
    /// Random, known to whoever asks.
    pub salt: Vec<u8>,
    /// What a proof is checked with.
    pub stored_key: Secret<Vec<u8>>,
    /// What the broker proves itself with.
    pub server_key: Secret<Vec<u8>>,
    /// How many rounds the client has to do.
    pub iterations: i32,
}

impl ScramMechanism {
    /// Both, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    /// Its number in Kafka.
    pub fn code(self) -> i8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// The one with this number.
    pub fn from_code(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.code() == code)
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        self.hmac().digest_algorithm()
    }

    /// `HMAC(key, message)`.
    pub(super) fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(self.hmac(), key), message).as_ref().to_vec()
    }

    /// How long keys and proofs are, in bytes.
    pub fn size(self) -> usize {
        self.digest().output_len()
    }

    /// `Hi(password, salt, iterations)`: a few milliseconds.
    pub fn salted(self, password: &[u8], salt: &[u8], iterations: i32) -> Secret<Vec<u8>> {
        let algorithm = match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let rounds = u32::try_from(iterations).ok().and_then(NonZeroU32::new);
        let mut salted = vec![0; self.size()];
        pbkdf2::derive(algorithm, rounds.unwrap_or(NonZeroU32::MIN), salt, password, &mut salted);
        Secret(salted)
    }
}

impl ScramCredential {
    /// What is kept of a password that was salted by its owner.
    pub fn new(
        mechanism: ScramMechanism,
        salted: &Secret<Vec<u8>>,
        salt: Vec<u8>,
        iterations: i32,
    ) -> Self {
        let client_key = mechanism.sign(&salted.0, b"Client Key");
        let stored_key = digest::digest(mechanism.digest(), &client_key).as_ref().to_vec();
        let server_key = mechanism.sign(&salted.0, b"Server Key");
        Self { salt, stored_key: Secret(stored_key), server_key: Secret(server_key), iterations }
    }

    /// What `message`, all that was said, is signed with in answer to a proof.
    pub(super) fn signature(&self, mechanism: ScramMechanism, message: &[u8]) -> Vec<u8> {
        mechanism.sign(&self.server_key.0, message)
    }

    /// Whether `proof` shows that its sender knows the password.
    pub(super) fn is_proven(
        &self,
        mechanism: ScramMechanism,
        message: &[u8],
        proof: &[u8],
    ) -> bool {
        let signature = mechanism.sign(&self.stored_key.0, message);
        let client_key: Vec<u8> = signature.iter().zip(proof).map(|(a, b)| a ^ b).collect();
        let stored = digest::digest(mechanism.digest(), &client_key);
        let same: bool = stored.as_ref().ct_eq(&self.stored_key.0).into();
        same && proof.len() == mechanism.size()
    }
}

/// Salt for a user that there is not, and anything else that has to look like chance: letters and
/// digits, as Kafka's tools make salts, which are the same whenever `secret` and `about` are.
pub fn salt_of(secret: &[u8], about: &str) -> Vec<u8> {
    const SIGNS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let bytes = ScramMechanism::Sha256.sign(secret, about.as_bytes());
    let sign = |byte: &u8| SIGNS.get(usize::from(*byte) % SIGNS.len()).copied();
    bytes.iter().take(26).filter_map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_known_and_any_other_is_not() {
        for mechanism in ScramMechanism::ALL {
            let salted = mechanism.salted(b"pencil", b"salt", 4096);
            let credential = ScramCredential::new(mechanism, &salted, b"salt".to_vec(), 4096);
            let client_key = mechanism.sign(&salted.0, b"Client Key");
            let signature = mechanism.sign(&credential.stored_key.0, b"said");
            let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
            assert!(credential.is_proven(mechanism, b"said", &proof));
            assert!(!credential.is_proven(mechanism, b"says", &proof));
            assert!(!credential.is_proven(mechanism, b"said", &proof[1..]));
            assert!(!credential.is_proven(mechanism, b"said", &[&proof[..], &[0]].concat()));
            assert!(!credential.is_proven(mechanism, b"said", &[]));
            assert_eq!(ScramMechanism::named(mechanism.name()), Some(mechanism));
        }
        assert_eq!(ScramMechanism::from_code(0), None);
        assert_eq!(salt_of(b"s", "a"), salt_of(b"s", "a"));
        assert_ne!(salt_of(b"s", "a"), salt_of(b"s", "b"));
    }
}
