//! Whose tokens are believed on a listener.

use std::time::Duration;

use super::{BrokerConfig, Invalid, find, kind::words, setting::Scope};
use crate::security::{
    oauth::{Demands, Pace},
    sasl::{Jaas, Mechanism},
};

/// What checks signatures in Kafka, by its names of before and after Kafka 4.
pub(super) const HANDLERS: &[&str] = &[
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
    "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerValidatorCallbackHandler",
];

/// Settings of OAUTHBEARER that may be said of it on one listener.
pub(super) const OF_OAUTHBEARER: &[&str] = &[
    "sasl.oauthbearer.clock.skew.seconds",
    "sasl.oauthbearer.expected.audience",
    "sasl.oauthbearer.expected.issuer",
    "sasl.oauthbearer.jwks.endpoint.refresh.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
    "sasl.oauthbearer.jwks.endpoint.url",
    "sasl.oauthbearer.scope.claim.name",
    "sasl.oauthbearer.sub.claim.name",
    "sasl.server.callback.handler.class",
];

/// Whose tokens are believed on one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// What they have to say.
    pub demands: Demands,
    /// Where the issuer's keys are, as it was written.
    pub url: String,
    /// How often they are asked for.
    pub pace: Pace,
    /// A file with the authorities that the issuer's web server is trusted by; `None`: those of the
    /// system.
    pub truststore: Option<String>,
}

const JAAS: &str = "sasl.jaas.config";
const URL: &str = "sasl.oauthbearer.jwks.endpoint.url";

impl BrokerConfig {
    /// Whose tokens are believed on `listener`, where OAUTHBEARER is enabled; `encrypted`: nobody
    /// on the way can read them.
    pub(super) fn tokens(&self, listener: &str, encrypted: bool) -> Result<Tokens, Vec<Invalid>> {
        let conflict = |text: String| vec![Invalid::Conflict(text)];
        if !encrypted {
            return Err(conflict(format!(
                "the listener {listener} takes tokens (OAUTHBEARER) and is not encrypted: whoever \
                 reads one may use it, so make it SASL_SSL, or take OAUTHBEARER out"
            )));
        }
        let text = |name| self.of_oauthbearer(listener, name);
        let Some(url) = text(URL) else {
            return Err(conflict(format!(
                "nobody's tokens are believed on the listener {listener}: set {URL} to the place of \
                 the issuer's keys"
            )));
        };
        let audiences = text("sasl.oauthbearer.expected.audience").unwrap_or_default();
        let audiences: Vec<_> = words(&audiences).map(str::to_owned).collect();
        let issuer = text("sasl.oauthbearer.expected.issuer").filter(|issuer| !issuer.is_empty());
        if audiences.is_empty() && issuer.is_none() {
            return Err(conflict(format!(
                "any token that the keys at {URL} have signed, for whomever, would do on the \
                 listener {listener}: set sasl.oauthbearer.expected.audience or \
                 sasl.oauthbearer.expected.issuer"
            )));
        }
        let number = |name| text(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let millis = |name| Duration::from_millis(number(name));
        let pace = Pace {
            every: millis("sasl.oauthbearer.jwks.endpoint.refresh.ms"),
            backoff: millis("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms"),
            most: millis("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms"),
        };
        let demands = Demands {
            audiences,
            issuer,
            subject_claim: text("sasl.oauthbearer.sub.claim.name").unwrap_or_default(),
            scope_claim: text("sasl.oauthbearer.scope.claim.name").unwrap_or_default(),
            skew: i64::try_from(number("sasl.oauthbearer.clock.skew.seconds")).unwrap_or(0),
        };
        Ok(Tokens { demands, url, pace, truststore: self.truststore(listener)? })
    }

    /// What is said of OAUTHBEARER on a listener, or the default.
    fn of_oauthbearer(&self, listener: &str, name: &str) -> Option<String> {
        let said = self.of_mechanism(listener, Mechanism::OauthBearer, name);
        let default = || find(Scope::Broker, name).ok()?.default;
        said.or_else(default).map(|text| text.trim().to_owned())
    }

    /// `ssl.truststore.location` among the options of the login module, where Kafka looks for it.
    fn truststore(&self, listener: &str) -> Result<Option<String>, Vec<Invalid>> {
        let text = self.of_mechanism(listener, Mechanism::OauthBearer, JAAS);
        let jaas = text.and_then(|text| Jaas::parse(text).ok());
        // the users of PLAIN may be said for all mechanisms of a listener
        let Some(jaas) = jaas.filter(|jaas| jaas.is_for("OAuthBearerLoginModule")) else {
            return Ok(None);
        };
        let mut truststore = None;
        for (name, value) in jaas.options {
            match name.as_str() {
                "ssl.truststore.location" => truststore = Some(value.0),
                "ssl.truststore.type" if value.0 == "PEM" => {}
                _ => {
                    return Err(vec![Invalid::Conflict(format!(
                        "OAuthBearerLoginModule in {JAAS} of the listener {listener} has the option \
                         {name}: a broker takes ssl.truststore.location, a file in PEM form, and \
                         ssl.truststore.type=PEM; tokens that are not signed are never believed"
                    ))]);
                }
            }
        }
        Ok(truststore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn tokens(settings: &[(&str, &str)], encrypted: bool) -> Result<Tokens, String> {
        let settings: Overrides =
            settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let settings = BrokerConfig::parse(settings).map_err(|wrong| wrong[0].to_string())?;
        settings.tokens("Out", encrypted).map_err(|wrong| wrong[0].to_string())
    }

    #[test]
    fn every_setting_is_in_the_table_and_may_be_of_one_listener() {
        for name in OF_OAUTHBEARER {
            let own = format!("listener.name.out.oauthbearer.{name}");
            assert!(find(Scope::Broker, &own).is_ok(), "{own}");
        }
    }

    #[test]
    fn tokens_need_keys_and_somebody_they_are_for() {
        let url = ("listener.name.out.oauthbearer.sasl.oauthbearer.jwks.endpoint.url", "file:/k");
        let audience = ("listener.name.out.sasl.oauthbearer.expected.audience", "a, b");
        let taken = tokens(&[url, audience], true).unwrap();
        assert_eq!((taken.url.as_str(), taken.truststore), ("file:/k", None));
        assert_eq!(taken.demands.audiences, ["a", "b"]);
        assert_eq!((taken.demands.subject_claim.as_str(), taken.demands.skew), ("sub", 30));
        assert_eq!(taken.pace.every, Duration::from_hours(1));
        let issuer = ("sasl.oauthbearer.expected.issuer", "https://id.example");
        let taken = tokens(&[url, issuer], true).unwrap();
        assert_eq!(taken.demands.issuer.as_deref(), Some("https://id.example"));
        assert!(tokens(&[url, audience], false).unwrap_err().contains("make it SASL_SSL"));
        assert!(tokens(&[audience], true).unwrap_err().contains("jwks.endpoint.url"));
        assert!(tokens(&[url], true).unwrap_err().contains("for whomever"));
    }

    #[test]
    fn kafkas_configuration_is_taken_but_for_tokens_without_a_signature() {
        let own = |name: &str| format!("listener.name.out.oauthbearer.{name}");
        let jaas = own(JAAS);
        let handler = own("sasl.server.callback.handler.class");
        let with = |text: &str, class: &str| {
            let url = ("sasl.oauthbearer.jwks.endpoint.url", "https://id.example/keys");
            let audience = ("sasl.oauthbearer.expected.audience", "kafka");
            tokens(&[url, audience, (&jaas, text), (&handler, class)], true)
        };
        let module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";
        let taken = with(&format!("{module};"), HANDLERS[0]).unwrap();
        assert_eq!(taken.truststore, None);
        let trusting = format!("{module} ssl.truststore.location=\"/ca\" ssl.truststore.type=PEM;");
        assert_eq!(with(&trusting, HANDLERS[1]).unwrap().truststore.as_deref(), Some("/ca"));
        let unsecured = format!("{module} unsecuredLoginStringClaim_sub=\"admin\";");
        assert!(with(&unsecured, HANDLERS[0]).unwrap_err().contains("never believed"));
        assert!(with(&format!("{module};"), "com.example.Handler").is_err());
    }
}
