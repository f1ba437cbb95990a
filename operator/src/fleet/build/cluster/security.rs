//! What listeners ask for of TLS and logins, and who may do what.

use kastellan_core::security::PrincipalMapping;
use kastellan_crds::cluster::AuthenticationType;

use super::Check;
use crate::fleet::Listener;
use crate::fleet::guard::mechanism;

/// What is wrong, as an API server says it, and what is still to come.
pub(super) fn check(check: &mut Check<'_>, listeners: &[Listener]) {
    for (index, listener) in listeners.iter().enumerate() {
        let Some(asked) = &listener.authentication else { continue };
        let (name, path) = (&listener.name, format!("spec.listeners[{index}].authentication"));
        let kind = asked.kind;
        if matches!(kind, AuthenticationType::Plain | AuthenticationType::OauthBearer) {
            let words = mechanism(kind).unwrap_or_default();
            let message = format!("listener {name}: {words} is not yet supported");
            check.complain(&format!("{path}.type"), &message, "write SCRAM-SHA-512 or TLS");
        }
        let plain = listener.tls.is_none();
        if plain && mechanism(kind).is_none_or(|name| !name.starts_with("SCRAM")) {
            let message = format!("listener {name}: its authentication needs TLS");
            check.complain(&path, &message, "add tls: {}, or use SCRAM-SHA-512");
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
