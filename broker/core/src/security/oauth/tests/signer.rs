//! An issuer of tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
        RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    },
};
use serde_json::{Value, json};

use crate::security::oauth::{Algorithm, KeySet};

/// Made for these tests; nothing else trusts it.
const RSA: &[u8] = include_bytes!("rsa.pk8");

/// Keys of each kind.
pub(crate) struct Signer {
    rsa: KeyPair,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
}

pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn curve(algorithm: &'static EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap()
}

impl Signer {
    pub(crate) fn new() -> Self {
        Self {
            rsa: KeyPair::from_pkcs8(RSA).unwrap(),
            p256: curve(&ECDSA_P256_SHA256_FIXED_SIGNING),
            p384: curve(&ECDSA_P384_SHA384_FIXED_SIGNING),
        }
    }

    /// The key for an algorithm as its owner shows it.
    pub(crate) fn key(&self, algorithm: Algorithm, id: Option<&str>) -> Value {
        let name = name(algorithm);
        let pair = match name {
            "P-256" => &self.p256,
            "P-384" => &self.p384,
            _ => {
                let public: PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
                return json!({
                    "kty": "RSA", "kid": id, "n": text(public.n), "e": text(public.e),
                });
            }
        };
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        json!({ "kty": "EC", "crv": name, "kid": id, "x": text(x), "y": text(y) })
    }

    /// A key of each kind, with its kind as its name.
    pub(crate) fn keys(&self) -> KeySet {
        let key = |algorithm, id| self.key(algorithm, Some(id));
        set(&[
            key(Algorithm::Rs256, "rsa"),
            key(Algorithm::Es256, "P-256"),
            key(Algorithm::Es384, "P-384"),
        ])
    }

    /// A token with any header.
    pub(crate) fn signed(&self, algorithm: Algorithm, header: &Value, claims: &str) -> String {
        let signed = format!("{}.{}", text(header.to_string()), text(claims));
        let signature = self.signature(algorithm, signed.as_bytes());
        format!("{signed}.{}", text(signature))
    }

    /// A token of the key for its algorithm.
    pub(crate) fn token(&self, algorithm: Algorithm, claims: &Value) -> String {
        let header = json!({ "alg": algorithm.name(), "kid": name(algorithm), "typ": "JWT" });
        self.signed(algorithm, &header, &claims.to_string())
    }

    fn signature(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let how: &'static dyn RsaEncoding = match algorithm {
            Algorithm::Es256 => {
                return self.p256.sign(&random, message).unwrap().as_ref().to_vec();
            }
            Algorithm::Es384 => {
                return self.p384.sign(&random, message).unwrap().as_ref().to_vec();
            }
            Algorithm::Rs256 => &RSA_PKCS1_SHA256,
            Algorithm::Rs384 => &RSA_PKCS1_SHA384,
            Algorithm::Rs512 => &RSA_PKCS1_SHA512,
            Algorithm::Ps256 => &RSA_PSS_SHA256,
            Algorithm::Ps384 => &RSA_PSS_SHA384,
            Algorithm::Ps512 => &RSA_PSS_SHA512,
        };
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        self.rsa.sign(how, &random, message, &mut signature).unwrap();
        signature
    }
}

/// What the key for an algorithm is called.
fn name(algorithm: Algorithm) -> &'static str {
    match algorithm.name() {
        "ES256" => "P-256",
        "ES384" => "P-384",
        _ => "rsa",
    }
}

/// A set of these keys.
pub(crate) fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}
