//! Names that Kafka knows and that are refused here, each with its reason: who brings a Kafka
//! configuration along is told what to do with it.

use super::setting::Scope;

/// A name, or the beginning of many where it ends with a dot, and why it is refused.
pub(super) type Row = (&'static str, &'static str);

const JAVA: &str = "Kastellan loads no Java classes";
const TIERED: &str = "there is no tiered storage yet";
const GONE: &str = "Kafka 4 removed it, and it never had a meaning here";
const COMMAND: &str = "the listeners are given by --listener, or by `listeners` of a KafkaCluster";

const PEERS: &str = "brokers have one listener for each other, given by --peer-listener";

static REFUSED: &[Row] = &[
    ("advertised.", COMMAND),
    ("alter.config.policy.class.name", JAVA),
    ("auto.include.jmx.reporter", GONE),
    ("broker.id", "the id is given by --node-id"),
    ("broker.id.generation.enable", GONE),
    ("client.quota.callback.class", JAVA),
    ("config.providers", "values are taken as they are; there are no providers to resolve them"),
    ("control.plane.listener.name", GONE),
    ("controller.listener.names", PEERS),
    ("controller.quorum.append.linger.ms", "what is decided together is appended together"),
    ("controller.quorum.auto.join.enable", "a new node follows; making it a voter is a command"),
    ("create.topic.policy.class.name", JAVA),
    ("delegation.token.master.key", "it is called delegation.token.secret.key"),
    ("early.start.listeners", COMMAND),
    ("host.name", GONE),
    ("inter.broker.listener.name", PEERS),
    ("inter.broker.protocol.version", GONE),
    ("kafka.metrics.", JAVA),
    ("listeners", COMMAND),
    ("log.dir", "the directories are given by --data-dir"),
    ("log.dirs", "the directories are given by --data-dir"),
    ("log.message.downconversion.enable", GONE),
    ("log.message.format.version", GONE),
    ("log.message.timestamp.difference.max.ms", "use the before and after limits of Kafka 4"),
    ("message.downconversion.enable", GONE),
    ("message.format.version", GONE),
    ("message.timestamp.difference.max.ms", "use the before and after limits of Kafka 4"),
    ("metadata.log.dir", "the directory is given by --metadata-log-dir"),
    ("metric.reporters", JAVA),
    ("node.id", "the id is given by --node-id"),
    ("password.encoder.", GONE),
    ("port", GONE),
    ("principal.builder.class", JAVA),
    ("remote.", TIERED),
    ("reserved.broker.max.id", GONE),
    ("rlmm.config.", TIERED),
    ("rsm.config.", TIERED),
    ("sasl.", "clients log in by SCRAM, OAUTHBEARER and PLAIN; there is no Kerberos"),
    ("sasl.mechanism.inter.broker.protocol", PEERS),
    ("security.inter.broker.protocol", PEERS),
    ("security.providers", JAVA),
    ("ssl.cipher.suites", "the TLS library has no weak ones to choose from"),
    (
        "ssl.",
        "certificates are PEM files that are not encrypted, and the TLS library does the rest",
    ),
    ("unstable.", "what is not stable is not served"),
    ("zookeeper.", "there is no ZooKeeper: metadata is in the broker's own log"),
];

/// Why `name` is refused, if it is.
pub(super) fn reason(scope: Scope, name: &str) -> Option<&'static str> {
    if !matches!(scope, Scope::Broker | Scope::Topic) {
        return None;
    }
    let fits = |row: &&Row| row.0 == name || (row.0.ends_with('.') && name.starts_with(row.0));
    REFUSED.iter().find(fits).map(|row| row.1)
}

/// All of them, in alphabetical order, for the documentation.
pub(super) fn all() -> &'static [Row] {
    REFUSED
}
