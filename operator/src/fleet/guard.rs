//! How the listeners of a broker are guarded: by TLS, by logins, by client certificates, as
//! settings under Kafka's names. And the operator's own way in.
//!
//! Where a listener lets in whoever comes and everybody may do everything, the operator is one
//! client of many. Otherwise brokers have a listener for it alone: with mutual TLS, on which the
//! authority's own certificate says who it is, so that no user has to be made for it.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::security::Principal;
use kastellan_core::security::distinguished_name::{Attribute, rfc2253};
use kastellan_crds::cluster::{
    Authentication, AuthenticationType, Authorization, Listener as ListenerSpec, Oauth, Tls,
    TlsVersion,
};

use super::{Broker, Listener};

/// The listener for the operator alone; the underscore makes it a name that no manifest can have.
pub const OPERATOR: &str = "for_operator";

/// The number of the attribute CN.
const COMMON_NAME: &str = "2.5.4.3";
/// The setting with the authorizer.
const AUTHORIZER_CLASS: &str = "authorizer.class.name";
/// The authorizer that brokers have where there is `spec.authorization`.
const AUTHORIZER: &str = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
/// The setting with the users who may do everything.
const SUPER_USERS: &str = "super.users";

/// A listener of clients, as far as it is guarded.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it is encrypted, and how.
    pub tls: Option<&'a Tls>,
    /// How clients say who they are.
    pub authentication: Option<&'a Authentication>,
}

impl<'a> From<&'a ListenerSpec> for Door<'a> {
    fn from(listener: &'a ListenerSpec) -> Self {
        let (tls, authentication) = (listener.tls.as_ref(), listener.authentication.as_ref());
        Self { name: listener.name.as_str(), tls, authentication }
    }
}

impl<'a> From<&'a Listener> for Door<'a> {
    fn from(listener: &'a Listener) -> Self {
        let (tls, authentication) = (listener.tls.as_ref(), listener.authentication.as_ref());
        Self { name: listener.name.as_str(), tls, authentication }
    }
}

impl Door<'_> {
    /// Whether whoever comes is let in, in plain text.
    pub fn is_open(&self) -> bool {
        self.tls.is_none() && self.authentication.is_none()
    }

    /// Whether clients show a certificate of the clients' authority.
    pub fn wants_certificates(&self) -> bool {
        self.authentication.is_some_and(|one| one.kind == AuthenticationType::Tls)
    }

    /// Kafka's name of how clients speak.
    pub fn protocol(&self) -> &'static str {
        let login = self.authentication.is_some() && !self.wants_certificates();
        match (self.tls.is_some(), login) {
            (false, false) => "PLAINTEXT",
            (true, false) => "SSL",
            (false, true) => "SASL_PLAINTEXT",
            (true, true) => "SASL_SSL",
        }
    }
}

/// Kafka's name of a mechanism of SASL; none for certificates.
pub fn mechanism(kind: AuthenticationType) -> Option<&'static str> {
    match kind {
        AuthenticationType::ScramSha256 => Some("SCRAM-SHA-256"),
        AuthenticationType::ScramSha512 => Some("SCRAM-SHA-512"),
        AuthenticationType::Plain => Some("PLAIN"),
        AuthenticationType::OauthBearer => Some("OAUTHBEARER"),
        AuthenticationType::Tls => None,
    }
}

/// Where a broker finds keys and certificates, each a path or several with commas in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Key and certificate of listeners, by the name of a listener that has its own.
    pub own: BTreeMap<String, String>,
    /// Those of every other listener.
    pub shown: String,
    /// The authority of clients' certificates.
    pub clients: String,
    /// The folder with the authorities of those who issue tokens, a file of [`issuer_file`] each.
    pub issuers: String,
    /// What is shown to the operator, and by which authority it is believed, where it has a
    /// listener of its own.
    pub operator: Option<(String, String)>,
}

/// The settings of the listeners; none where all of them are open.
pub fn settings<'a>(
    doors: impl Iterator<Item = Door<'a>> + Clone,
    files: &Files,
) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    if doors.clone().all(|door| door.is_open()) && files.operator.is_none() {
        return settings;
    }
    let mut map: Vec<String> =
        doors.clone().map(|door| format!("{}:{}", door.name, door.protocol())).collect();
    for door in doors {
        let mut set = |name: &str, value: String| {
            settings.insert(format!("listener.name.{}.{name}", door.name), value);
        };
        if let Some(tls) = door.tls {
            let shown = files.own.get(door.name).unwrap_or(&files.shown);
            set("ssl.keystore.location", shown.clone());
            if tls.min_version == TlsVersion::V1_3 {
                set("ssl.enabled.protocols", "TLSv1.3".to_owned());
            }
        }
        let Some(authentication) = door.authentication else { continue };
        if let Some(mechanism) = mechanism(authentication.kind) {
            set("sasl.enabled.mechanisms", mechanism.to_owned());
            if let Some(oauth) = &authentication.oauth {
                let file = format!("{}/{}", files.issuers, issuer_file(door.name));
                for (name, value) in tokens(oauth, &file) {
                    set(&format!("oauthbearer.{name}"), value);
                }
            }
            continue;
        }
        set("ssl.client.auth", "required".to_owned());
        set("ssl.truststore.location", files.clients.clone());
        let rules = &authentication.principal_mapping_rules;
        if !rules.is_empty() {
            set("ssl.principal.mapping.rules", rules.join(","));
        }
    }
    if let Some((shown, believed)) = &files.operator {
        map.push(format!("{OPERATOR}:SSL"));
        for (name, value) in [
            ("ssl.keystore.location", shown.as_str()),
            ("ssl.truststore.location", believed),
            ("ssl.client.auth", "required"),
        ] {
            settings.insert(format!("listener.name.{OPERATOR}.{name}"), value.to_owned());
        }
    }
    settings.insert("listener.security.protocol.map".to_owned(), map.join(","));
    settings
}

/// The name of the file with the authorities that the issuer of a listener's tokens is trusted by.
pub fn issuer_file(listener: &str) -> String {
    format!("issuer-{listener}.crt")
}

/// The authorities that issuers of tokens are trusted by, by the file that they have to be in.
pub fn issuers<'a>(doors: impl Iterator<Item = Door<'a>>) -> BTreeMap<String, &'a str> {
    let trusted = |door: Door<'a>| {
        let oauth = door.authentication?.oauth.as_ref()?;
        Some((issuer_file(door.name), oauth.trusted_certificates.as_deref()?))
    };
    doors.filter_map(trusted).collect()
}

/// From where brokers may read keys, which is no setting: an argument of theirs each.
pub fn allowed_urls<'a>(doors: impl Iterator<Item = Door<'a>>) -> impl Iterator<Item = String> {
    let urls: BTreeSet<&str> = doors
        .filter_map(|door| Some(door.authentication?.oauth.as_ref()?.jwks_url.as_str()))
        .collect();
    urls.into_iter().map(|url| format!("--oauthbearer-allowed-url={url}"))
}

/// The settings of a listener that takes tokens; `file` has the issuer's authorities.
fn tokens(oauth: &Oauth, file: &str) -> impl Iterator<Item = (&'static str, String)> {
    let trusting = format!(
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
         ssl.truststore.location=\"{file}\" ssl.truststore.type=PEM;"
    );
    [
        ("sasl.oauthbearer.jwks.endpoint.url", Some(oauth.jwks_url.clone())),
        ("sasl.oauthbearer.expected.issuer", Some(oauth.issuer.clone())),
        ("sasl.oauthbearer.expected.audience", oauth.audience.clone()),
        ("sasl.oauthbearer.sub.claim.name", Some(oauth.user_claim.clone())),
        ("sasl.jaas.config", oauth.trusted_certificates.is_some().then_some(trusting)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

/// The settings of `spec.authorization`.
pub fn authorization(asked: &Authorization) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::from([(AUTHORIZER_CLASS.to_owned(), AUTHORIZER.to_owned())]);
    if !asked.super_users.is_empty() {
        settings.insert(SUPER_USERS.to_owned(), asked.super_users.join(";"));
    }
    if asked.allow_everyone_if_no_acl_found {
        settings.insert("allow.everyone.if.no.acl.found".to_owned(), "true".to_owned());
    }
    settings
}

/// The operator as brokers know it: the name in its certificate (RFC 2253, the last part first).
pub fn operator_principal(organization: &str) -> String {
    format!("User:O={organization},CN=operator")
}

/// The whole name in a user's certificate (RFC 2253).
pub fn common_name(user: &str) -> String {
    let attribute =
        Attribute { kind: COMMON_NAME.to_owned(), text: Some(user.to_owned()), der: Vec::new() };
    rfc2253(&[vec![attribute]])
}

/// Whether ACLs are in force.
pub fn is_judged(broker: &Broker) -> bool {
    broker.settings.contains_key(AUTHORIZER_CLASS)
}

/// Whether a broker of this machine has a listener for the operator alone.
pub fn is_guarded(broker: &Broker) -> bool {
    is_judged(broker) || !broker.listeners.iter().any(|listener| Door::from(listener).is_open())
}

/// Whether brokers could take somebody for an operator.
pub fn is_operators(principal: &Principal) -> bool {
    let name = principal.name();
    name.starts_with("O=") && name.ends_with(",CN=operator")
}

/// Lets the operator do everything, where anything is forbidden.
pub fn admit_operator(settings: &mut BTreeMap<String, String>, organization: &str) {
    if !settings.contains_key(AUTHORIZER_CLASS) {
        return;
    }
    let principal = operator_principal(organization);
    settings
        .entry(SUPER_USERS.to_owned())
        .and_modify(|users| {
            users.push(';');
            users.push_str(&principal);
        })
        .or_insert(principal);
}
