//! What the API server checks of a cluster beyond its schema.

use kube::core::{Message, Rule};

use super::OWN_PORTS;
use crate::rule::{rule, setting_names};

/// Of the whole object.
pub(crate) fn object() -> Vec<Rule> {
    vec![
        rule(
            "size(self.metadata.name) <= 40",
            "a cluster's name has 40 characters at most: names of Services are made from it",
        ),
        rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && \
             !self.metadata.name.contains('--')",
            "a cluster's name becomes part of Service names: write lower-case letters, digits \
             and single '-', beginning with a letter",
        ),
    ]
}

/// Of its spec.
pub(crate) fn spec() -> Vec<Rule> {
    let mut rules = vec![
        rule(
            "!has(self.replicas) || !has(self.pools) || size(self.pools) == 0",
            "write replicas or pools, not both: with pools, each pool has replicas of its own",
        )
        .field_path(".replicas"),
        rule(
            "!has(self.pools) || size(self.pools) == 0 || \
             self.pools.exists(pool, 'Broker' in pool.roles && pool.replicas > 0)",
            "no pool keeps partitions: give one of them the role Broker and replicas above 0",
        )
        .field_path(".pools"),
        rule(
            "!has(self.pools) || size(self.pools) == 0 || \
             self.pools.exists(pool, 'Controller' in pool.roles && pool.replicas > 0)",
            "no pool can lead the cluster: give one of them the role Controller and replicas \
             above 0",
        )
        .field_path(".pools"),
        rule(
            "!has(self.version) || !has(self.featureLevel) || \
             !self.version.matches('^[0-9]+[.][0-9]+$') || \
             !self.featureLevel.matches('^[0-9]+[.][0-9]+$') || \
             int(self.featureLevel.split('.')[0]) * 10000 + \
             int(self.featureLevel.split('.')[1]) <= \
             int(self.version.split('.')[0]) * 10000 + int(self.version.split('.')[1])",
            "featureLevel is above version: raise version first, and featureLevel once every \
             broker runs it",
        )
        .field_path(".featureLevel"),
        rule(
            "!has(self.authorization) || (has(self.listeners) && \
             self.listeners.exists(listener, has(listener.authentication)))",
            "authorization needs to know who a client is: add authentication to a listener",
        )
        .field_path(".authorization"),
    ];
    // left out it is MutualTLS
    rules.push(
        rule(
            "(has(self.peers) ? self.peers.transport : 'MutualTLS') == \
             (has(oldSelf.peers) ? oldSelf.peers.transport : 'MutualTLS')",
            "peers.transport is fixed when a cluster is created: brokers of both kinds could not \
             talk to each other",
        )
        .field_path(".peers"),
    );
    rules.extend(AT_MOST_BROKERS.map(at_most_brokers));
    rules
}

/// How many brokers keep partitions.
const BROKERS: &str = "(has(self.pools) && size(self.pools) > 0 \
     ? self.pools.map(pool, 'Broker' in pool.roles ? pool.replicas : 0).sum() \
     : has(self.replicas) ? self.replicas : 3)";

/// Settings that say how many replicas there are or have to be: no more than brokers.
pub const AT_MOST_BROKERS: [&str; 4] = [
    "min.insync.replicas",
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
];

/// What is no number is for the table of settings to refuse.
fn at_most_brokers(name: &str) -> Rule {
    let why = match name {
        "min.insync.replicas" => ", and brokers that do not exist cannot be in sync",
        _ => "",
    };
    rule(
        &format!(
            "!has(self.config) || !('{name}' in self.config) || \
             !string(self.config['{name}']).matches('^[0-9]{{1,9}}$') || \
             int(self.config['{name}']) <= {BROKERS}"
        ),
        &format!("{name} is larger than the number of brokers{why}: lower it, or add brokers"),
    )
    .field_path(".config")
}

/// Settings that follow from other fields of the spec.
const TAKEN: [&str; 16] = [
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "inter.broker.listener.name",
    "security.inter.broker.protocol",
    "process.roles",
    "node.id",
    "broker.id",
    "broker.rack",
    "log.dir",
    "log.dirs",
    "metadata.log.dir",
    "authorizer.class.name",
    "super.users",
    "allow.everyone.if.no.acl.found",
    // a secret, which everybody could read who may read the resource
    "delegation.token.secret.key",
];

/// What the names of more of them begin with.
const TAKEN_FAMILIES: [&str; 5] =
    ["controller.quorum.", "controller.listener.", "ssl.", "sasl.", "listener.name."];

/// Whether a setting follows from other fields of the spec, so that `spec.config` may not have it.
pub fn is_taken(name: &str) -> bool {
    TAKEN.contains(&name) || TAKEN_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Of `spec.config`.
pub(crate) fn config() -> Vec<Rule> {
    let names = TAKEN.map(|name| format!("'{name}'")).join(", ");
    let families = TAKEN_FAMILIES.map(|family| format!("key.startsWith('{family}')")).join(" || ");
    let taken = format!("key in [{names}]  || {families}");
    let mut taken_rule = rule(
        &format!("!self.exists(key, {taken})"),
        "settings of listeners, storage, identity and security follow from other fields of the \
         spec: take them out of config",
    );
    taken_rule.message = Some(Message::Expression(format!(
        "'take ' + self.filter(key, {taken})[0] + ' out of config: settings of listeners, \
         storage, identity and security follow from other fields of the spec'"
    )));
    vec![setting_names(), taken_rule]
}

/// Of a broker's volumes.
pub(crate) fn storage() -> Vec<Rule> {
    let volumes = "has(self.volumes) && size(self.volumes) > 0";
    vec![
        rule(
            "self.type == oldSelf.type",
            "a volume cannot become another type: move the brokers to a pool with the new one",
        )
        .field_path(".type"),
        same_class(),
        no_shrink("self.size", "oldSelf.size"),
        rule(
            "!has(self.maxSize) || quantity(string(self.maxSize)).compareTo(\
             quantity(string(self.size))) >= 0",
            "maxSize is how far the volume may grow: write at least size",
        )
        .field_path(".maxSize"),
        rule(
            "self.type != 'Ephemeral' || !has(self.storageClassName)",
            "an ephemeral volume has no storage class: leave storageClassName out, or write \
             type: PersistentClaim",
        )
        .field_path(".storageClassName"),
        rule(
            &format!(
                "!has(self.metadataVolume) || ({volumes} && \
                 self.volumes.exists(volume, volume.name == self.metadataVolume))"
            ),
            "metadataVolume has to name one of volumes",
        )
        .field_path(".metadataVolume"),
    ]
}

/// Of one of several volumes.
pub(crate) fn volume() -> Vec<Rule> {
    vec![
        same_class(),
        rule(
            "!has(self.size) || !has(oldSelf.size) || quantity(string(self.size)).compareTo(\
             quantity(string(oldSelf.size))) >= 0",
            SHRINK,
        )
        .field_path(".size"),
        rule(
            "!has(self.maxSize) || !has(self.size) || quantity(string(self.maxSize)).compareTo(\
             quantity(string(self.size))) >= 0",
            "maxSize is how far the volume may grow: write at least size",
        )
        .field_path(".maxSize"),
    ]
}

const SHRINK: &str = "a volume cannot shrink: write at least the size of before, or move the brokers to a pool \
     with smaller volumes";

fn no_shrink(size: &str, old: &str) -> Rule {
    let compare = format!("quantity(string({size})).compareTo(quantity(string({old}))) >= 0");
    rule(&compare, SHRINK).field_path(".size")
}

fn same_class() -> Rule {
    rule(
        "has(self.storageClassName) == has(oldSelf.storageClassName) && \
         (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
        "the storage class of a volume cannot change: leave storageClassName as it was, or move \
         the brokers to a pool with the new class",
    )
    .field_path(".storageClassName")
}

/// Of all listeners.
pub(crate) fn listeners() -> Vec<Rule> {
    vec![rule(
        "self.all(one, self.exists_one(other, other.port == one.port))",
        "two listeners have the same port: give each its own",
    )]
}

/// Of a listener's port.
pub(crate) fn port() -> Vec<Rule> {
    let (first, last) = (OWN_PORTS.start(), OWN_PORTS.end());
    vec![rule(
        &format!("self < {first} || self > {last}"),
        &format!(
            "ports {first} to {last} are for the brokers themselves: choose another, as in 9092"
        ),
    )]
}

/// Of one listener.
pub(crate) fn listener() -> Vec<Rule> {
    let needs_tls = |kind: &str, why: &str| {
        rule(
            &format!(
                "!has(self.authentication) || self.authentication.type != '{kind}' || \
                 has(self.tls)"
            ),
            why,
        )
        .field_path(".authentication")
    };
    vec![
        needs_tls("TLS", "authentication by client certificate needs TLS: add tls: {}"),
        needs_tls("PLAIN", "PLAIN sends the password as it is: add tls: {}, or use SCRAM-SHA-512"),
        needs_tls("OAUTHBEARER", "OAUTHBEARER sends the token as it is: add tls: {}"),
        rule(
            "!has(self.nodePort) || self.type == 'NodePort'",
            "nodePort is for type: NodePort: leave it out, or change type",
        )
        .field_path(".nodePort"),
        rule(
            "!has(self.loadBalancer) || self.type == 'LoadBalancer'",
            "loadBalancer is for type: LoadBalancer: leave it out, or change type",
        )
        .field_path(".loadBalancer"),
        rule(
            "self.type != 'ClusterIP' || has(self.advertised)",
            "behind a proxy of yours, brokers have to be told its address: add advertised.host",
        )
        .field_path(".advertised"),
    ]
}

/// Of a listener's authentication.
pub(crate) fn authentication() -> Vec<Rule> {
    vec![
        rule(
            "self.type == 'OAUTHBEARER' ? has(self.oauth) : !has(self.oauth)",
            "oauth goes with type: OAUTHBEARER: add both or neither",
        )
        .field_path(".oauth"),
        rule(
            "!has(self.principalMappingRules) || self.type == 'TLS'",
            "principalMappingRules are about names in certificates: they go with type: TLS",
        )
        .field_path(".principalMappingRules"),
    ]
}

/// Of what brokers tell of their addresses.
pub(crate) fn advertised() -> Vec<Rule> {
    vec![
        rule(
            "self.host.contains('{id}') || has(self.firstPort)",
            "every broker would have the same address: put {id} into host, or add firstPort",
        )
        .field_path(".host"),
        rule(
            "!has(self.port) || !has(self.firstPort)",
            "write port (the same for all brokers) or firstPort (one for each), not both",
        )
        .field_path(".firstPort"),
    ]
}

/// Of where certificates come from.
pub(crate) fn certificates() -> Vec<Rule> {
    vec![
        rule(
            "!has(self.issuerRef) || !has(self.cluster)",
            "write issuerRef or cluster, not both: only one of them can sign a certificate",
        )
        .field_path(".issuerRef"),
    ]
}

/// Of a pool's rack.
pub(crate) fn pool_rack() -> Vec<Rule> {
    vec![rule(
        "has(self.topologyKey) != has(self.name)",
        "write topologyKey (the node's label says the rack) or name (the rack itself): one of them",
    )]
}

/// Of CPU and memory.
pub(crate) fn resources() -> Vec<Rule> {
    let within = |field: &str| {
        rule(
            &format!(
                "!has(self.requests) || !has(self.limits) || !has(self.requests.{field}) || \
                 !has(self.limits.{field}) || quantity(string(self.requests.{field})).compareTo(\
                 quantity(string(self.limits.{field}))) <= 0"
            ),
            &format!("requests.{field} is above limits.{field}: lower it, or raise the limit"),
        )
        .field_path(format!(".requests.{field}"))
    };
    vec![within("cpu"), within("memory")]
}

/// Of an address that keys are fetched from.
pub(crate) fn https() -> Rule {
    rule(
        "self.matches('^https://[a-zA-Z0-9.-]+(:[0-9]+)?(/[^ ]*)?$')",
        "write an address that begins with https://",
    )
}

/// Of certificates in PEM form.
pub(crate) fn pem() -> Rule {
    rule(
        "self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY')",
        "write certificates in PEM form, and no key",
    )
}

/// Of the beginning of a maintenance window.
pub(crate) fn schedule() -> Rule {
    rule(
        "self.matches('^[0-9*/,-]+( [0-9*/,-]+){2} [0-9A-Za-z*/,-]+ [0-9A-Za-z*/,-]+$')",
        "write minute, hour, day of the month, month and day of the week, as in 0 2 * * 0",
    )
}
