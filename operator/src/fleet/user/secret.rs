//! What a user's client is given: the files of its Secret, under Strimzi's names, and properties
//! that a Java client reads as they are. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kastellan_core::security::{ScramMechanism, Secret};
use ring::rand::{SecureRandom as _, SystemRandom};

/// How long a password is that is made here: 190 bits.
const LENGTH: usize = 32;
/// Of what it is made: nothing that would have to be escaped anywhere.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The class with which Java's clients log in by SCRAM.
const MODULE: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

/// What a client proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A password.
    Password(ScramMechanism, Secret<String>),
    /// A certificate and its key, in PEM form.
    Certificate(String, Secret<String>),
}

/// Everything that a client needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The user's name in Kafka.
    pub name: String,
    /// Where it begins, with commas in between.
    pub bootstrap: String,
    /// Whether the listener is encrypted.
    pub tls: bool,
    /// What it has to trust, in PEM form, where that is known.
    pub trusted: Option<String>,
    /// What it shows.
    pub proof: Proof,
}

/// A new password.
pub fn password() -> Result<Secret<String>, ring::error::Unspecified> {
    let random = SystemRandom::new();
    let mut password = String::with_capacity(LENGTH);
    let mut bytes = [0_u8; 64];
    while password.len() < LENGTH {
        random.fill(&mut bytes)?;
        // bytes beyond the last whole round of letters would make the first ones likelier
        let fair =
            bytes.iter().filter(|byte| usize::from(**byte) < 256 / LETTERS.len() * LETTERS.len());
        let letters = fair.filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()));
        password.extend(letters.map(|letter| char::from(*letter)).take(LENGTH - password.len()));
    }
    Ok(Secret(password))
}

/// Why a password that is given cannot be one.
pub fn unusable(password: &str) -> Option<&'static str> {
    if password.is_empty() {
        Some("is empty")
    } else if password.len() > 1024 {
        Some("is longer than 1024 bytes")
    } else if password.contains(char::is_control) {
        Some("has control characters, or a line break at its end")
    } else {
        None
    }
}

impl Client {
    /// The files, by name.
    pub fn files(&self) -> BTreeMap<&'static str, Secret<String>> {
        let mut files = BTreeMap::new();
        let mut put = |name, text: &str| drop(files.insert(name, Secret(text.to_owned())));
        put("bootstrap.servers", &self.bootstrap);
        put("client.properties", &self.properties());
        if let Some(trusted) = &self.trusted {
            put("ca.crt", trusted);
        }
        match &self.proof {
            Proof::Password(_, password) => {
                put("password", &password.0);
                put("sasl.jaas.config", &self.jaas(password));
            }
            Proof::Certificate(certificate, key) => {
                put("user.crt", certificate);
                put("user.key", &key.0);
            }
        }
        files
    }

    fn jaas(&self, password: &Secret<String>) -> String {
        let (name, password) = (quoted(&self.name), quoted(&password.0));
        format!("{MODULE} required username={name} password={password};")
    }

    fn properties(&self) -> String {
        let protocol = match (&self.proof, self.tls) {
            (Proof::Password(..), true) => "SASL_SSL",
            (Proof::Password(..), false) => "SASL_PLAINTEXT",
            (Proof::Certificate(..), _) => "SSL",
        };
        let mut out = String::new();
        let mut put = |name: &str, value: &str| {
            writeln!(out, "{name}={}", escaped(value)).expect("a String takes everything");
        };
        put("bootstrap.servers", &self.bootstrap);
        put("security.protocol", protocol);
        if let Some(trusted) = self.trusted.as_ref().filter(|_| self.tls) {
            put("ssl.truststore.type", "PEM");
            put("ssl.truststore.certificates", trusted);
        }
        match &self.proof {
            Proof::Password(mechanism, password) => {
                put("sasl.mechanism", mechanism.name());
                put("sasl.jaas.config", &self.jaas(password));
            }
            Proof::Certificate(certificate, key) => {
                put("ssl.keystore.type", "PEM");
                put("ssl.keystore.certificate.chain", certificate);
                put("ssl.keystore.key", &key.0);
            }
        }
        out
    }
}

/// A text in JAAS's quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value as Java's properties have it.
fn escaped(value: &str) -> String {
    let mut out = String::new();
    for (index, letter) in value.char_indices() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if index == 0 => out.push_str("\\ "),
            ' '..='~' => out.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a String takes everything");
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_eq!(one.0.len(), LENGTH);
        assert!(one.0.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "[hidden]");
        assert!(unusable(&one.0).is_none());
        assert!(unusable("a\n").is_some() && unusable("").is_some());
    }

    #[test]
    fn a_java_client_reads_its_properties() {
        let proof = Proof::Password(ScramMechanism::Sha512, Secret("a\"b\\c".to_owned()));
        let client = Client {
            name: "räder".to_owned(),
            bootstrap: "demo-bootstrap:9093".to_owned(),
            tls: true,
            trusted: Some("-----BEGIN\nAB\n".to_owned()),
            proof,
        };
        let files = client.files();
        assert_eq!(
            files["sasl.jaas.config"].0,
            format!("{MODULE} required username=\"räder\" password=\"a\\\"b\\\\c\";")
        );
        assert_eq!(
            files["client.properties"].0,
            format!(
                "bootstrap.servers=demo-bootstrap:9093\nsecurity.protocol=SASL_SSL\n\
                 ssl.truststore.type=PEM\nssl.truststore.certificates=-----BEGIN\\nAB\\n\n\
                 sasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config={MODULE} required \
                 username=\"r\\u00e4der\" password=\"a\\\\\"b\\\\\\\\c\";\n"
            )
        );
        assert!(!format!("{client:?}{files:?}").contains("a\\\"b"));
    }
}
