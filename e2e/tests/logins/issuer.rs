//! Somebody who issues tokens, signed by openssl: another judge of signatures than the broker's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kastellan_e2e::cache::run;
use serde_json::{Value, json};

/// An RSA key with a name, in a folder.
pub(crate) struct Issuer {
    folder: PathBuf,
    id: &'static str,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    pub(crate) fn new(folder: &Path, id: &'static str) -> Result<Self> {
        let issuer = Self { folder: folder.to_owned(), id };
        let bits = "rsa_keygen_bits:2048";
        run(Command::new("openssl")
            .args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", bits, "-out"])
            .arg(issuer.key()))?;
        Ok(issuer)
    }

    fn key(&self) -> PathBuf {
        self.folder.join(format!("{}.key", self.id))
    }

    /// Its keys, as a broker reads them.
    pub(crate) fn keys(&self) -> Result<String> {
        let output = Command::new("openssl")
            .args(["rsa", "-noout", "-modulus", "-in"])
            .arg(self.key())
            .output()?;
        let said = String::from_utf8(output.stdout)?;
        let digits = said.trim().strip_prefix("Modulus=").context("openssl shows no modulus")?;
        let bytes = digits.as_bytes().chunks(2).map(|two| {
            let two = std::str::from_utf8(two)?;
            Ok(u8::from_str_radix(two, 16)?)
        });
        let n: Vec<u8> = bytes.collect::<Result<_>>()?;
        let key = json!({ "kty": "RSA", "use": "sig", "kid": self.id, "n": text(n), "e": "AQAB" });
        Ok(json!({ "keys": [key] }).to_string())
    }

    /// What a token says that is good for so many seconds more.
    pub(crate) fn claims(subject: &str, audience: &str, seconds: i64) -> Result<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let now = i64::try_from(now)?;
        Ok(json!({
            "iss": "https://id.example", "sub": subject, "aud": audience, "scope": "kafka",
            "iat": now - 120, "exp": now + seconds,
        }))
    }

    /// A file with a signed token.
    pub(crate) fn token(&self, claims: &Value) -> Result<PathBuf> {
        let signed = self.unsigned("RS256", claims);
        let (message, signature) = (self.folder.join("message"), self.folder.join("signature"));
        fs::write(&message, &signed)?;
        run(Command::new("openssl")
            .args(["dgst", "-sha256", "-sign"])
            .arg(self.key())
            .arg("-out")
            .arg(&signature)
            .arg(&message))?;
        self.write(&format!("{signed}.{}", text(fs::read(signature)?)))
    }

    /// A file with a token that nobody has signed.
    pub(crate) fn forged(&self, claims: &Value) -> Result<PathBuf> {
        self.write(&format!("{}.{}", self.unsigned("none", claims), text("no signature")))
    }

    fn unsigned(&self, algorithm: &str, claims: &Value) -> String {
        let header = json!({ "alg": algorithm, "kid": self.id, "typ": "JWT" });
        format!("{}.{}", text(header.to_string()), text(claims.to_string()))
    }

    fn write(&self, token: &str) -> Result<PathBuf> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let file = self.folder.join(format!("token-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::write(&file, token)?;
        Ok(file)
    }
}
