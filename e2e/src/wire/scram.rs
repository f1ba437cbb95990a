//! Logging in by SCRAM-SHA-512, by hand: also wrongly.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use ring::{digest, hmac, pbkdf2};

use super::{Wire, text};

/// What a client says of its own to begin with.
pub const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const MECHANISM: &str = "SCRAM-SHA-512";

/// The first answer of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    bare: String,
    said: String,
}

impl Wire {
    /// Asks for a mechanism: the error code, and those that there are.
    pub fn handshake(&mut self, mechanism: &str) -> Result<(i16, Vec<String>)> {
        let request = SaslHandshakeRequest::default().with_mechanism(text(mechanism));
        let answer = self.call(1, &request)?;
        Ok((answer.error_code, answer.mechanisms.iter().map(ToString::to_string).collect()))
    }

    /// Sends one message of a login.
    pub fn authenticate(&mut self, message: &[u8]) -> Result<SaslAuthenticateResponse> {
        let bytes = Bytes::copy_from_slice(message);
        self.call(2, &SaslAuthenticateRequest::default().with_auth_bytes(bytes))
    }

    /// The handshake, and `message` as the first of a login by SCRAM.
    pub fn begin_scram(&mut self, message: &[u8]) -> Result<SaslAuthenticateResponse> {
        let (code, mechanisms) = self.handshake(MECHANISM)?;
        ensure!(code == 0, "there are only {mechanisms:?}");
        self.authenticate(message)
    }

    /// What the broker asks `user` to prove.
    pub fn challenge(&mut self, user: &str) -> Result<Challenge> {
        self.challenged(format!("n={user},r={NONCE}"))
    }

    fn challenged(&mut self, bare: String) -> Result<Challenge> {
        let answer = self.begin_scram(format!("n,,{bare}").as_bytes())?;
        ensure!(answer.error_code == 0, "{bare} hears {answer:?}");
        Ok(Challenge { bare, said: String::from_utf8(answer.auth_bytes.to_vec())? })
    }

    /// Logs in.
    pub fn log_in(&mut self, user: &str, password: &str) -> Result<()> {
        let challenge = self.challenge(user)?;
        self.prove(&challenge, password)
    }

    /// Logs in with the delegation token called `id`.
    pub fn log_in_by_token(&mut self, id: &str, hmac: &[u8]) -> Result<()> {
        let challenge = self.challenged(format!("n={id},r={NONCE},tokenauth=true"))?;
        self.prove(&challenge, &STANDARD.encode(hmac))
    }

    fn prove(&mut self, challenge: &Challenge, password: &str) -> Result<()> {
        let message = challenge.answer(password, challenge.nonce()?)?;
        let answer = self.authenticate(message.as_bytes())?;
        ensure!(answer.error_code == 0, "{} is refused: {answer:?}", challenge.bare);
        Ok(())
    }
}

impl Challenge {
    /// The client's part of the nonce and the broker's.
    pub fn nonce(&self) -> Result<&str> {
        self.part("r=")
    }

    fn part(&self, name: &str) -> Result<&str> {
        let found = self.said.split(',').find_map(|part| part.strip_prefix(name));
        found.with_context(|| format!("no {name} in {}", self.said))
    }

    /// The last message, with the proof that belongs to it and to `password`.
    pub fn answer(&self, password: &str, nonce: &str) -> Result<String> {
        let (salt, rounds) = (STANDARD.decode(self.part("s=")?)?, self.part("i=")?.parse()?);
        let mut salted = [0; digest::SHA512_OUTPUT_LEN];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA512;
        pbkdf2::derive(algorithm, rounds, &salt, password.as_bytes(), &mut salted);
        let client_key = sign(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA512, client_key.as_ref());
        let last = format!("c=biws,r={nonce}");
        let all = format!("{},{},{last}", self.bare, self.said);
        let signature = sign(stored.as_ref(), all.as_bytes());
        let pairs = client_key.as_ref().iter().zip(signature.as_ref());
        let proof: Vec<u8> = pairs.map(|(key, signature)| key ^ signature).collect();
        Ok(format!("{last},p={}", STANDARD.encode(proof)))
    }

    /// A last message that proves nothing.
    pub fn guess(&self) -> Result<String> {
        Ok(format!("c=biws,r={},p={}", self.nonce()?, STANDARD.encode([0; 64])))
    }
}

fn sign(key: &[u8], bytes: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), bytes)
}
