//! How clients speak on a listener: in plain text or under TLS, with which certificates.

use super::{BrokerConfig, Invalid, Sasl, kind::words};
use crate::{
    metadata::SecurityProtocol,
    security::{PrincipalMapping, Secret},
};

/// How clients speak on one listener.
#[derive(Debug, Clone)]
pub struct Transport {
    /// Kafka's word for it.
    pub protocol: SecurityProtocol,
    /// What TLS is spoken with; `None`: plain text.
    pub tls: Option<Tls>,
    /// How clients log in; `None`: they do not.
    pub sasl: Option<Sasl>,
}

/// What TLS is spoken with.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Together: the private key, and the certificate with its chain.
    pub keystore: Vec<Pem>,
    /// The authorities that clients' certificates are to be signed by.
    pub truststore: Option<Pem>,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuth,
    /// Whether version 1.2 is spoken.
    pub version_12: bool,
    /// Whether version 1.3 is spoken.
    pub version_13: bool,
    /// Whom a certificate is for.
    pub mapping: PrincipalMapping,
}

/// Where PEM text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pem {
    /// In the file of this name.
    File(String),
    /// In this setting; the second is its value.
    Setting(&'static str, Secret<String>),
}

/// Whether clients show a certificate: `ssl.client.auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one.
    None,
    /// They may show one.
    Requested,
    /// They have to show one.
    Required,
}

const MAP: &str = "listener.security.protocol.map";

/// Listeners and how one speaks there.
pub(super) fn protocols(text: &str) -> Result<Vec<(&str, SecurityProtocol)>, String> {
    let mut found: Vec<(&str, SecurityProtocol)> = Vec::new();
    for pair in words(text) {
        let (listener, protocol) = pair.split_once(':').unwrap_or((pair, ""));
        let known = SecurityProtocol::named(protocol.trim());
        let listener = listener.trim();
        let twice = found.iter().any(|(known, _)| known.eq_ignore_ascii_case(listener));
        let (Some(protocol), false, false) = (known, listener.is_empty(), twice) else {
            return Err("pairs of a listener and PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL like \
                        internal:PLAINTEXT,external:SSL, each listener once"
                .to_owned());
        };
        found.push((listener, protocol));
    }
    Ok(found)
}

impl BrokerConfig {
    /// How clients speak on the listener called `name`; or all that its settings lack.
    pub fn transport(&self, name: &str) -> Result<Transport, Vec<Invalid>> {
        let conflict = |text: String| vec![Invalid::Conflict(text)];
        let mapped = self.explicit(MAP).map(protocols).transpose().ok().flatten();
        let protocol = match mapped {
            Some(mapped) => {
                let own = mapped.iter().find(|(listener, _)| listener.eq_ignore_ascii_case(name));
                own.map(|(_, protocol)| *protocol).ok_or_else(|| {
                    conflict(format!("{MAP} does not name the listener {name}: add {name}:SSL"))
                })?
            }
            None => SecurityProtocol::named(name).unwrap_or(SecurityProtocol::Plaintext),
        };
        let encrypted = matches!(protocol, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl);
        let logs_in =
            matches!(protocol, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl);
        let tls = encrypted.then(|| self.tls(name, logs_in)).transpose()?;
        let sasl = logs_in.then(|| self.sasl(name, encrypted)).transpose()?;
        Ok(Transport { protocol, tls, sasl })
    }

    /// `logs_in`: whether clients log in as well. They are asked for a certificate then only if the
    /// listener itself says so, as in Kafka.
    fn tls(&self, listener: &str, logs_in: bool) -> Result<Tls, Vec<Invalid>> {
        let set =
            |name| self.of_listener(listener, name).map(str::trim).filter(|it| !it.is_empty());
        let text =
            |name: &'static str| set(name).map(|text| Pem::Setting(name, Secret(text.to_owned())));
        let mut wrong = Vec::new();
        let mut lacks = |what: &str| {
            let own = listener.to_ascii_lowercase();
            wrong.push(Invalid::Conflict(format!(
                "the listener {listener} speaks TLS and has no {what}: set \
                 listener.name.{own}.{what}, or {what} for all listeners"
            )));
        };
        let files = set("ssl.keystore.location");
        let files = files.into_iter().flat_map(words).map(|file| Pem::File(file.to_owned()));
        let mut keystore: Vec<_> = files.collect();
        if keystore.is_empty() {
            let texts = ["ssl.keystore.key", "ssl.keystore.certificate.chain"].map(text);
            keystore.extend(texts.into_iter().flatten());
        }
        if keystore.is_empty() {
            lacks("ssl.keystore.location");
        }
        let own = format!("listener.name.{}.ssl.client.auth", listener.to_ascii_lowercase());
        let asked = if logs_in { self.explicit(&own) } else { set("ssl.client.auth") };
        let client_auth = match asked.map(str::trim) {
            Some("required") => ClientAuth::Required,
            Some("requested") => ClientAuth::Requested,
            _ => ClientAuth::None,
        };
        let truststore = set("ssl.truststore.location").map(|file| Pem::File(file.to_owned()));
        let truststore = truststore.or_else(|| text("ssl.truststore.certificates"));
        if truststore.is_none() && client_auth != ClientAuth::None {
            lacks("ssl.truststore.location");
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let versions = set("ssl.enabled.protocols").unwrap_or("TLSv1.2,TLSv1.3");
        let rules = set("ssl.principal.mapping.rules").unwrap_or("DEFAULT");
        let speaks = |version| words(versions).any(|word| word == version);
        Ok(Tls {
            keystore,
            truststore: truststore.filter(|_| client_auth != ClientAuth::None),
            client_auth,
            version_12: speaks("TLSv1.2"),
            version_13: speaks("TLSv1.3"),
            mapping: PrincipalMapping::parse(rules)
                .map_err(|why| conflict_of("ssl.principal.mapping.rules", rules, why))?,
        })
    }
}

fn conflict_of(name: &str, value: &str, expected: String) -> Vec<Invalid> {
    vec![Invalid::Value { name: name.to_owned(), value: value.to_owned(), expected }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn transport(listener: &str, settings: &[(&str, &str)]) -> Result<Transport, String> {
        let settings: Overrides =
            settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let settings = BrokerConfig::parse(settings).unwrap();
        settings
            .transport(listener)
            .map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_listener_speaks_as_the_map_says() {
        let protocol = |name, settings: &[_]| transport(name, settings).map(|it| it.protocol);
        assert_eq!(protocol("plain", &[]), Ok(SecurityProtocol::Plaintext));
        let map = (MAP, "plain:PLAINTEXT,Tls:SSL");
        let key = ("ssl.keystore.location", "/k.pem");
        assert_eq!(protocol("plain", &[map]), Ok(SecurityProtocol::Plaintext));
        assert_eq!(protocol("tls", &[map, key]), Ok(SecurityProtocol::Ssl));
        assert_eq!(protocol("SSL", &[key]), Ok(SecurityProtocol::Ssl));
        assert!(protocol("other", &[map]).unwrap_err().contains("does not name the listener"));
        for bad in ["plain", "plain:TLS", "a:SSL,A:SSL", ":SSL"] {
            assert!(protocols(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_listener_under_tls_needs_a_key_and_one_that_asks_for_certificates_whom_to_trust() {
        let map = (MAP, "out:SSL");
        let ask = ("listener.name.out.ssl.client.auth", "required");
        let wrong = transport("out", &[map, ask]).unwrap_err();
        assert!(wrong.contains("set listener.name.out.ssl.keystore.location"), "{wrong}");
        assert!(wrong.contains("set listener.name.out.ssl.truststore.location"), "{wrong}");
        let [key, chain, trusted] =
            ["ssl.keystore.key", "ssl.keystore.certificate.chain", "ssl.truststore.certificates"]
                .map(|name| (name, "PEM"));
        let tls = transport("out", &[map, ask, key, chain, trusted]).unwrap().tls.unwrap();
        assert_eq!(tls.client_auth, ClientAuth::Required);
        assert_eq!(tls.keystore.len(), 2);
        assert!(!format!("{tls:?}").contains("PEM"), "a key is shown to nobody");
        assert!(tls.version_12 && tls.version_13);
    }
}
