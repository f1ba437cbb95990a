//! One user: who it is, what it may do, how much.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kastellan_core::security::{
    Acl, CLUSTER_NAME, Operation, PatternType, Permission, Principal, PrincipalMapping,
    ResourceType, ScramMechanism,
};
use kastellan_crds::KafkaUserSpec;
use kastellan_crds::cluster::AuthenticationType;
use kastellan_crds::name::TopicName;
use kastellan_crds::user::{self as asked, UserAuthenticationType, knows};
use serde::Serialize;

use crate::fleet::manifest::Object;
use crate::fleet::problem::Problem;
use crate::fleet::user::{Login, LoginKind, QUOTAS, User};
use crate::fleet::{Cluster, Listener, guard};

/// RFC 5280 allows a common name no more.
const LONGEST_COMMON_NAME: usize = 64;

/// The user; it may still come with problems.
pub(super) fn checked(
    object: &Object<KafkaUserSpec>,
    cluster: &Cluster,
    problems: &mut Vec<Problem>,
) -> Option<User> {
    let mut check = Check { object, cluster, problems };
    let spec = &object.spec;
    let name = spec.user_name.as_ref().map_or(object.name.as_str(), |name| name.as_str());
    let login = check.login(name);
    let principal = check.principal(name, login.as_ref())?;
    if guard::is_operators(&principal) {
        let help = "choose another userName";
        check.complain("spec.userName", "this is how brokers know the operator", help);
    }
    let acls = check.acls(&principal);
    let quotas = check.quotas();
    Some(User {
        object: object.name.clone(),
        name: name.to_owned(),
        principal,
        login,
        acls,
        quotas,
        place: object.place(),
    })
}

/// A password of a Secret, which this machine has none of.
pub(super) fn ignored(object: &Object<KafkaUserSpec>) -> Option<Problem> {
    object.spec.authentication.as_ref()?.password.as_ref()?;
    let field = "spec.authentication.password";
    let message = format!("KafkaUser {}: {field} is for Kubernetes: not applied here", object.name);
    Some(Problem::at(&object.field(field), message))
}

/// The word of a value, as a manifest has it.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

struct Check<'a> {
    object: &'a Object<KafkaUserSpec>,
    cluster: &'a Cluster,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn complain(&mut self, field: &str, message: &str, help: impl Into<String>) {
        let message = format!("KafkaUser {}: {message}", self.object.name);
        self.problems.push(Problem::at(&self.object.field(field), message).help(help));
    }

    fn listeners(&self) -> &[Listener] {
        self.cluster.brokers.first().map(|broker| &*broker.listeners).unwrap_or_default()
    }

    /// Whether ACLs are in force.
    fn is_judged(&self) -> bool {
        self.cluster.brokers.first().is_some_and(guard::is_judged)
    }

    fn login(&mut self, name: &str) -> Option<Login> {
        let asked = self.object.spec.authentication.clone()?;
        let path = "spec.authentication";
        let days = (asked.validity_days, asked.renewal_days);
        if asked.kind != UserAuthenticationType::Tls && days != (None, None) {
            let message = "validityDays and renewalDays are about certificates";
            self.complain(path, message, "leave them out, or write type: TLS");
        }
        let scram = |mechanism| {
            let given = asked.password.as_ref().map(|one| (one.name.clone(), one.key.clone()));
            LoginKind::Password(mechanism, given)
        };
        let (kind, by) = match asked.kind {
            UserAuthenticationType::ScramSha256 => {
                (scram(ScramMechanism::Sha256), AuthenticationType::ScramSha256)
            }
            UserAuthenticationType::ScramSha512 => {
                (scram(ScramMechanism::Sha512), AuthenticationType::ScramSha512)
            }
            UserAuthenticationType::Tls => {
                if asked.password.is_some() {
                    let message = "a user with a certificate has no password";
                    self.complain(path, message, "leave password out, or use SCRAM-SHA-512");
                }
                if name.len() > LONGEST_COMMON_NAME {
                    let message = "the name in a certificate has 64 characters at most";
                    let help = "set userName to a shorter one, or use SCRAM-SHA-512";
                    self.complain("spec.userName", message, help);
                }
                let validity = days.0.unwrap_or(self.cluster.clients.validity_days);
                let renewal = days.1.unwrap_or(self.cluster.clients.renewal_days);
                if days != (None, None) && renewal >= validity {
                    let message = format!(
                        "a certificate that is valid for {validity} days cannot be renewed \
                         {renewal} days before it ends"
                    );
                    self.complain(path, &message, "write a smaller renewalDays");
                }
                let kind = LoginKind::Certificate(i64::from(validity), i64::from(renewal));
                (kind, AuthenticationType::Tls)
            }
        };
        let accepts = |listener: &&Listener| {
            listener.authentication.as_ref().is_some_and(|one| one.kind == by)
        };
        let Some(listener) = self.listeners().iter().find(accepts) else {
            let kind = word(&asked.kind);
            let cluster = &self.cluster.name;
            let message = format!("no listener of KafkaCluster {cluster} accepts {kind}");
            let tls = if by == AuthenticationType::Tls { "tls: {} and " } else { "" };
            let help = format!("add one with {tls}authentication: {{type: {kind}}}");
            self.complain("spec.authentication.type", &message, help);
            return None;
        };
        let (listener, tls) = (listener.name.clone(), listener.tls.is_some());
        Some(Login { kind, listener, tls })
    }

    /// Who brokers take the user for.
    fn principal(&mut self, name: &str, login: Option<&Login>) -> Option<Principal> {
        let certified = matches!(login, Some(Login { kind: LoginKind::Certificate(..), .. }));
        let Some(login) = login.filter(|_| certified) else { return Some(Principal::user(name)) };
        let mut listeners = self.listeners().iter();
        let listener = listeners.find(|one| one.name == login.listener);
        let rules = listener.and_then(|one| one.authentication.as_ref());
        let rules = rules.map(|one| one.principal_mapping_rules.join(",")).unwrap_or_default();
        let rules = if rules.is_empty() { "DEFAULT" } else { &rules };
        let subject = guard::common_name(name);
        let mapped = PrincipalMapping::parse(rules).ok().and_then(|rules| rules.apply(&subject));
        if mapped.is_none() {
            let message =
                format!("listener {}: no principalMappingRule fits {subject}", login.listener);
            self.complain("spec.userName", &message, "add DEFAULT to the rules of the listener");
        }
        mapped.map(|name| Principal::user(&name))
    }

    fn acls(&mut self, principal: &Principal) -> BTreeSet<Acl> {
        let spec = self.object.spec.acls.clone();
        if !spec.is_empty() && !self.is_judged() {
            let message = format!("KafkaCluster {} has no ACLs in force", self.cluster.name);
            self.complain("spec.acls", &message, "add authorization: {} to it, or take acls out");
        }
        let mut acls = BTreeSet::new();
        for (index, acl) in spec.iter().enumerate() {
            self.resource(index, &acl.resource);
            if acl.host != "*" && acl.host.parse::<IpAddr>().is_err() {
                let message = format!("{:?} is no address", acl.host);
                let help = "write an IP address, or '*' for every one";
                self.complain(&format!("spec.acls[{index}].host"), &message, help);
            }
            let resource_type = resource_type(acl.resource.kind);
            for operation in &acl.operations {
                let (kind, word) = (word(&acl.resource.kind), word(operation));
                if !knows(&kind, &word) {
                    let message = format!("resources of type {kind} know no operation {word}");
                    let help = "write All, or one that Kafka has for them";
                    self.complain(&format!("spec.acls[{index}].operations"), &message, help);
                }
                acls.insert(Acl {
                    resource_type,
                    principal: principal.clone(),
                    pattern_type: match acl.resource.pattern_type {
                        asked::PatternType::Literal => PatternType::Literal,
                        asked::PatternType::Prefixed => PatternType::Prefixed,
                    },
                    name: acl.resource.name.as_deref().unwrap_or(CLUSTER_NAME).into(),
                    host: acl.host.as_str().into(),
                    operation: operation_of(*operation),
                    permission: match acl.permission {
                        asked::Permission::Allow => Permission::Allow,
                        asked::Permission::Deny => Permission::Deny,
                    },
                });
            }
        }
        acls
    }

    fn resource(&mut self, index: usize, resource: &asked::AclResource) {
        let path = format!("spec.acls[{index}].resource");
        let of_cluster = resource.kind == asked::ResourceType::Cluster;
        let prefixed = resource.pattern_type == asked::PatternType::Prefixed;
        let fits = match (&resource.name, of_cluster) {
            (None, cluster) => cluster,
            (Some(name), true) => name == CLUSTER_NAME,
            (Some(name), false) => !name.is_empty(),
        };
        if !fits {
            let message = "name says which resource; only type: Cluster goes without";
            self.complain(&format!("{path}.name"), message, "write the resource's name");
        }
        let name = resource.name.as_deref().unwrap_or_default();
        if prefixed && (of_cluster || name == "*") {
            let message = "there is no such prefix";
            self.complain(&format!("{path}.patternType"), message, "leave patternType out");
        }
        let topic = resource.kind == asked::ResourceType::Topic && name != "*";
        if topic && !name.is_empty() && name.parse::<TopicName>().is_err() && !name.starts_with('.')
        {
            let message = format!("no topic is named {name:?}");
            let help = "write letters, digits, '.', '_' and '-', or '*' for every topic";
            self.complain(&format!("{path}.name"), &message, help);
        }
    }

    fn quotas(&mut self) -> BTreeMap<String, i64> {
        let Some(asked) = self.object.spec.quotas.clone() else { return BTreeMap::new() };
        let bytes = |quantity: &kastellan_crds::quantity::Quantity| {
            i64::try_from(quantity.bytes()).unwrap_or(i64::MAX)
        };
        let values = [
            asked.producer_byte_rate.as_ref().map(bytes),
            asked.consumer_byte_rate.as_ref().map(bytes),
            asked.request_percentage.map(i64::from),
            asked.controller_mutation_rate.map(i64::from),
        ];
        let mut quotas = BTreeMap::new();
        for (name, value) in QUOTAS.iter().zip(values) {
            let Some(value) = value else { continue };
            if value <= 0 {
                let message = format!("{name}: {value} is no limit");
                self.complain("spec.quotas", &message, "write a number above 0");
            }
            quotas.insert((*name).to_owned(), value);
        }
        quotas
    }
}

fn resource_type(kind: asked::ResourceType) -> ResourceType {
    match kind {
        asked::ResourceType::Topic => ResourceType::Topic,
        asked::ResourceType::Group => ResourceType::Group,
        asked::ResourceType::Cluster => ResourceType::Cluster,
        asked::ResourceType::TransactionalId => ResourceType::TransactionalId,
        asked::ResourceType::DelegationToken => ResourceType::DelegationToken,
        asked::ResourceType::User => ResourceType::User,
    }
}

fn operation_of(operation: asked::Operation) -> Operation {
    match operation {
        asked::Operation::All => Operation::All,
        asked::Operation::Read => Operation::Read,
        asked::Operation::Write => Operation::Write,
        asked::Operation::Create => Operation::Create,
        asked::Operation::Delete => Operation::Delete,
        asked::Operation::Alter => Operation::Alter,
        asked::Operation::Describe => Operation::Describe,
        asked::Operation::ClusterAction => Operation::ClusterAction,
        asked::Operation::DescribeConfigs => Operation::DescribeConfigs,
        asked::Operation::AlterConfigs => Operation::AlterConfigs,
        asked::Operation::IdempotentWrite => Operation::IdempotentWrite,
        asked::Operation::CreateTokens => Operation::CreateTokens,
        asked::Operation::DescribeTokens => Operation::DescribeTokens,
        asked::Operation::TwoPhaseCommit => Operation::TwoPhaseCommit,
    }
}
