//! What listeners ask for of TLS and logins, and who may do what.

use kastellan_core::security::PrincipalMapping;
use kastellan_crds::cluster::{AuthenticationType, Oauth};

use super::Check;
use crate::fleet::Listener;
use crate::fleet::build::Platform;
use crate::fleet::guard::mechanism;

/// What is wrong, as an API server says it, and what is still to come.
pub(super) fn check(check: &mut Check<'_>, listeners: &[Listener]) {
    for (index, listener) in listeners.iter().enumerate() {
        let Some(asked) = &listener.authentication else { continue };
        let (name, path) = (&listener.name, format!("spec.listeners[{index}].authentication"));
        let kind = asked.kind;
        if kind == AuthenticationType::Plain {
            let message = format!("listener {name}: PLAIN is not yet supported");
            check.complain(&format!("{path}.type"), &message, "write SCRAM-SHA-512 or TLS");
        }
        let plain = listener.tls.is_none();
        if plain && mechanism(kind).is_none_or(|name| !name.starts_with("SCRAM")) {
            let message = format!("listener {name}: its authentication needs TLS");
            check.complain(&path, &message, "add tls: {}, or use SCRAM-SHA-512");
        }
        match (&asked.oauth, kind == AuthenticationType::OauthBearer) {
            (Some(oauth), true) => tokens(check, name.as_str(), &format!("{path}.oauth"), oauth),
            (None, false) => {}
            _ => {
                let message = format!("listener {name}: oauth goes with type: OAUTHBEARER");
                check.complain(&path, &message, "add both or neither");
            }
        }
        let rules = &asked.principal_mapping_rules;
        if rules.is_empty() {
            continue;
        }
        let path = format!("{path}.principalMappingRules");
        if kind != AuthenticationType::Tls {
            let message =
                format!("listener {name}: principalMappingRules are about names in certificates");
            check.complain(&path, &message, "leave them out, or write type: TLS");
        } else if let Err(why) = mapping(rules) {
            check.complain(&path, &format!("listener {name}: {why}"), "write it as Kafka has it");
        }
    }
    authorization(check, listeners);
    authorities(check);
}

/// Whose tokens are believed, as brokers read it: each value is on one line, the audience in a
/// list.
fn tokens(check: &mut Check<'_>, listener: &str, path: &str, oauth: &Oauth) {
    let mut wrong = |field: &str, what: &str, help: &str| {
        let message = format!("listener {listener}: {field} {what}");
        check.complain(&format!("{path}.{field}"), &message, help);
    };
    let audience = oauth.audience.as_deref().unwrap_or("any");
    for (field, value) in [
        ("jwksUrl", oauth.jwks_url.as_str()),
        ("issuer", &oauth.issuer),
        ("audience", audience),
        ("userClaim", &oauth.user_claim),
    ] {
        if value.trim() != value || value.is_empty() || value.contains(char::is_control) {
            wrong(field, "is no text of one line", "write it as the provider does");
        }
    }
    if !oauth.jwks_url.starts_with("https://") {
        wrong("jwksUrl", "is not encrypted", "write an address that begins with https://");
    }
    if audience.contains(',') {
        wrong("audience", "is a list", "write one audience, without commas");
    }
    if let Some(trusted) = &oauth.trusted_certificates
        && (!trusted.contains("-----BEGIN CERTIFICATE-----") || trusted.contains("PRIVATE KEY"))
    {
        let field = "trustedCertificates";
        wrong(field, "has no certificate, or a key", "write certificates in PEM form, and no key");
    }
    if oauth.trusted_certificates.is_none() && check.platform == Platform::Kubernetes {
        let message = format!("listener {listener}: brokers know no authority of their own");
        let help = "add trustedCertificates: those of the authority of the provider's web server";
        check.complain(path, &message, help);
    }
}

/// The rules as a broker reads them.
fn mapping(rules: &[String]) -> Result<(), String> {
    if rules.iter().any(|rule| rule.contains(char::is_control)) {
        return Err("a rule is one line".to_owned());
    }
    PrincipalMapping::parse(&rules.join(",")).map(drop)
}

fn authorization(check: &mut Check<'_>, listeners: &[Listener]) {
    let Some(asked) = check.object.spec.authorization.clone() else { return };
    if listeners.iter().all(|listener| listener.authentication.is_none()) {
        let message = "authorization needs to know who a client is";
        check.complain("spec.authorization", message, "add authentication to a listener");
    }
    for (index, user) in asked.super_users.iter().enumerate() {
        let name = user.strip_prefix("User:").unwrap_or_default();
        let path = format!("spec.authorization.superUsers[{index}]");
        if name.is_empty() {
            let message = format!("{user:?} is no super user");
            check.complain(&path, &message, "write a user as in User:admin");
        } else if name.contains(|c: char| c == ';' || c.is_control()) {
            let message = format!("{user:?} cannot be a super user: the list is one line");
            check.complain(&path, &message, "name a user without ';' and control characters");
        }
    }
}

fn authorities(check: &mut Check<'_>) {
    let Some(asked) = check.object.spec.certificates.clone() else { return };
    for (field, authority) in [("cluster", &asked.cluster), ("clients", &asked.clients)] {
        let Some(authority) = authority else { continue };
        let path = format!("spec.certificates.{field}");
        if authority.renewal_days >= authority.validity_days {
            let message = format!("{path}: renewalDays has to be smaller than validityDays");
            check.complain(&path, &message, "a certificate is renewed before it ends");
        }
    }
}
