//! How clients log in on a listener, and who may before anybody was told to the cluster.

use std::{collections::BTreeMap, time::Duration};

use super::{BrokerConfig, Invalid, Tokens, kind::words, oauth::OF_OAUTHBEARER};
use crate::security::{
    ScramMechanism, Secret,
    sasl::{Jaas, Mechanism},
    scram::{FEWEST_ITERATIONS, MOST_ITERATIONS},
};

/// How clients log in on one listener.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// By which mechanisms, in the order of the configuration, and how long a login by each holds;
    /// `None`: as long as the connection.
    pub mechanisms: Vec<(Mechanism, Option<Duration>)>,
    /// Who may log in by PLAIN.
    pub plain: BTreeMap<String, Secret<String>>,
    /// Whose tokens are believed; `None`: OAUTHBEARER is not enabled.
    pub tokens: Option<Tokens>,
}

/// A user of SCRAM with its password, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstUser {
    /// Its name.
    pub name: String,
    /// For which mechanism.
    pub mechanism: ScramMechanism,
    /// The password.
    pub password: Secret<String>,
    /// In how many rounds it is hashed.
    pub iterations: i32,
}

/// Settings that may be said of one mechanism of a listener:
/// `listener.name.<listener>.<mechanism>.<setting>`.
const OF_MECHANISM: [&str; 2] = ["connections.max.reauth.ms", "sasl.jaas.config"];

/// The mechanisms' names as they stand in names of settings.
const MECHANISMS: [&str; 4] = ["oauthbearer", "plain", "scram-sha-256", "scram-sha-512"];

/// A setting of one mechanism without the mechanism; anything else as it is.
pub(super) fn without_mechanism(key: &str) -> &str {
    let own = |mechanism: &&str| key.strip_prefix(*mechanism)?.strip_prefix('.');
    let Some(rest) = MECHANISMS.iter().find_map(own) else { return key };
    let of_oauthbearer = key.starts_with("oauthbearer.") && OF_OAUTHBEARER.contains(&rest);
    if of_oauthbearer || OF_MECHANISM.contains(&rest) { rest } else { key }
}

/// Users like `SCRAM-SHA-512=[name=admin,password=secret]`, separated by commas.
pub(super) fn first_users(text: &str) -> Result<Vec<FirstUser>, String> {
    let expected = || {
        format!(
            "users like SCRAM-SHA-512=[name=admin,password=secret] or with \
             iterations={FEWEST_ITERATIONS} up to {MOST_ITERATIONS}, separated by commas, and \
             passwords without commas and brackets"
        )
    };
    let mut users = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (mechanism, user) = rest.split_once("=[").ok_or_else(expected)?;
        let (user, after) = user.split_once(']').ok_or_else(expected)?;
        users.push(first_user(mechanism.trim(), user).ok_or_else(expected)?);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.is_empty() => after,
            None => return Err(expected()),
        };
    }
    Ok(users)
}

fn first_user(mechanism: &str, text: &str) -> Option<FirstUser> {
    let mechanism = ScramMechanism::named(mechanism)?;
    let (mut name, mut password, mut iterations) = (None, None, FEWEST_ITERATIONS);
    for part in text.split(',') {
        match part.split_once('=')? {
            ("name", value) if !value.is_empty() => name = Some(value.to_owned()),
            ("password", value) if !value.is_empty() => password = Some(Secret(value.to_owned())),
            ("iterations", value) => iterations = value.parse().ok()?,
            _ => return None,
        }
    }
    let fits = (FEWEST_ITERATIONS..=MOST_ITERATIONS).contains(&iterations);
    fits.then_some(FirstUser { name: name?, mechanism, password: password?, iterations })
}

impl BrokerConfig {
    /// The first users of a cluster.
    pub fn first_users(&self) -> Vec<FirstUser> {
        let text = self.explicit("kastellan.scram.first.users").unwrap_or_default();
        first_users(text).unwrap_or_default()
    }

    /// How clients log in on `listener`, whose passwords nobody on the way can read if it is
    /// `encrypted`.
    pub(super) fn sasl(&self, listener: &str, encrypted: bool) -> Result<Sasl, Vec<Invalid>> {
        let conflict = |text: String| vec![Invalid::Conflict(text)];
        let name = "sasl.enabled.mechanisms";
        let names = self.of_listener(listener, name).map(ToOwned::to_owned);
        let names = names.or_else(|| self.value(name)).unwrap_or_default();
        let enabled: Vec<_> = words(&names).filter_map(Mechanism::named).collect();
        if enabled.is_empty() {
            return Err(conflict(format!(
                "nobody can log in on the listener {listener}: set {name} for it"
            )));
        }
        let mut plain = BTreeMap::new();
        if enabled.contains(&Mechanism::Plain) {
            if !encrypted {
                return Err(conflict(format!(
                    "the listener {listener} takes passwords (PLAIN in {name}) and is not \
                     encrypted: make it SASL_SSL, or take PLAIN out"
                )));
            }
            let setting = "sasl.jaas.config";
            let text = self.of_mechanism(listener, Mechanism::Plain, setting).unwrap_or_default();
            let jaas = Jaas::parse(text).ok().filter(|jaas| jaas.is_for("PlainLoginModule"));
            let Some(jaas) = jaas else {
                let own = listener.to_ascii_lowercase();
                return Err(conflict(format!(
                    "nobody is known to PLAIN on the listener {listener}: set \
                     listener.name.{own}.plain.{setting} to \
                     org.apache.kafka.common.security.plain.PlainLoginModule required \
                     user_NAME=\"PASSWORD\";"
                )));
            };
            plain = jaas.users().map(|(name, word)| (name.to_owned(), word.clone())).collect();
        }
        let tokens = enabled.contains(&Mechanism::OauthBearer);
        let tokens = tokens.then(|| self.tokens(listener, encrypted)).transpose()?;
        let lasting = |mechanism: Mechanism| {
            let text = self.of_mechanism(listener, mechanism, "connections.max.reauth.ms");
            let ms = text.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            (mechanism, (ms > 0).then(|| Duration::from_millis(ms)))
        };
        Ok(Sasl { mechanisms: enabled.into_iter().map(lasting).collect(), plain, tokens })
    }

    /// What is said of a mechanism, of the listener or of all, the first that is said.
    pub(super) fn of_mechanism(
        &self,
        listener: &str,
        mechanism: Mechanism,
        name: &str,
    ) -> Option<&str> {
        let (listener_name, own) =
            (listener.to_ascii_lowercase(), mechanism.name().to_ascii_lowercase());
        let own = format!("listener.name.{listener_name}.{own}.{name}");
        self.explicit(&own).or_else(|| self.of_listener(listener, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                        user_alice=\"secret\";";

    fn sasl(settings: &[(&str, &str)], encrypted: bool) -> Result<Sasl, String> {
        let settings: Overrides =
            settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let settings = BrokerConfig::parse(settings).unwrap();
        settings.sasl("Out", encrypted).map_err(|wrong| wrong[0].to_string())
    }

    #[test]
    fn scram_is_on_by_itself_and_passwords_are_taken_under_tls_alone() {
        let by_default = sasl(&[], false).unwrap();
        let both = [ScramMechanism::Sha512, ScramMechanism::Sha256];
        assert_eq!(by_default.mechanisms, both.map(|it| (Mechanism::Scram(it), None)));
        let plain = ("listener.name.out.sasl.enabled.mechanisms", "PLAIN");
        let users = ("listener.name.out.plain.sasl.jaas.config", JAAS);
        let again = ("listener.name.out.plain.connections.max.reauth.ms", "5000");
        let settings = [plain, users, again];
        let taken = sasl(&settings, true).unwrap();
        assert_eq!(taken.mechanisms, [(Mechanism::Plain, Some(Duration::from_secs(5)))]);
        assert_eq!(taken.plain.get("alice"), Some(&Secret("secret".to_owned())));
        assert!(!format!("{taken:?}").contains("secret"));
        assert!(sasl(&settings, false).unwrap_err().contains("make it SASL_SSL"));
        assert!(sasl(&settings[..1], true).unwrap_err().contains("nobody is known to PLAIN"));
        let none = ("sasl.enabled.mechanisms", "");
        assert!(sasl(&[none], true).unwrap_err().contains("nobody can log in"));
    }

    #[test]
    fn first_users_are_read_as_kafka_storage_reads_them() {
        let text = "SCRAM-SHA-512=[name=admin,password=a=b], \
                    SCRAM-SHA-256=[name=x,iterations=8192,password=y]";
        let users = first_users(text).unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!(users[0].password.0, "a=b");
        assert_eq!((users[1].name.as_str(), users[1].iterations), ("x", 8192));
        for bad in [
            "admin",
            "PLAIN=[name=a,password=b]",
            "SCRAM-SHA-512=[name=a]",
            "SCRAM-SHA-512=[name=a,password=b",
            "SCRAM-SHA-512=[name=a,password=b,iterations=1]",
            "SCRAM-SHA-512=[name=a,password=b] SCRAM-SHA-512=[name=c,password=d]",
        ] {
            let why = first_users(bad).unwrap_err();
            assert!(why.starts_with("users like"), "{why}");
        }
        assert_eq!(without_mechanism("plain.sasl.jaas.config"), "sasl.jaas.config");
        for other in ["plain.max.connections", "plain.sasl.oauthbearer.expected.issuer"] {
            assert_eq!(without_mechanism(other), other);
        }
    }
}
