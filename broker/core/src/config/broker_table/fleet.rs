//! The brokers of one cluster among each other: the quorum, registration, replication, TLS.

use super::super::{
    kind::Kind::{Boolean, Int, Long, OneOf, Servers, Voters, Words},
    setting::Setting,
};

/// The selector of KIP-392.
pub(in crate::config) const RACK_AWARE: &str =
    "org.apache.kafka.common.replica.RackAwareReplicaSelector";
/// Kafka's own selectors: classes of anybody else cannot be loaded here.
const SELECTORS: &[&str] = &["org.apache.kafka.common.replica.LeaderSelector", RACK_AWARE];

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::broker(
        "auto.leader.rebalance.enable",
        Boolean,
        "true",
        "Whether the active controller gives partitions back to their preferred leaders.",
    ),
    Setting::broker(
        "broker.heartbeat.interval.ms",
        Int(1, i32::MAX),
        "500",
        "How often a broker tells the active controller that it is there, in milliseconds. Kafka's \
         default is 2000.",
    ),
    Setting::broker(
        "broker.session.timeout.ms",
        Int(1, i32::MAX),
        "3000",
        "A broker that is silent for so long is fenced: others lead its partitions. In \
         milliseconds; Kafka's default is 9000. One whose process has ended is fenced at once.",
    ),
    Setting::broker(
        "controller.quorum.bootstrap.servers",
        Servers,
        "",
        "Where a node that is no voter finds the quorum: host:port pairs of peer listeners.",
    ),
    Setting::broker(
        "controller.quorum.election.backoff.max.ms",
        Int(1, i32::MAX),
        "1000",
        "The longest pause, in milliseconds, before a lost election is repeated.",
    ),
    Setting::broker(
        "controller.quorum.election.timeout.ms",
        Int(1, i32::MAX),
        "1000",
        "A voter that has heard of no leader for so long, in milliseconds, asks to be elected.",
    ),
    Setting::broker(
        "controller.quorum.fetch.timeout.ms",
        Int(1, i32::MAX),
        "2000",
        "A leader of the quorum that is not fetched from by most voters for so long gives up, and \
         voters that cannot fetch from it for so long look for another one. In milliseconds.",
    ),
    Setting::broker(
        "controller.quorum.request.timeout.ms",
        Int(1, i32::MAX),
        "2000",
        "How long a node of the quorum waits for an answer, in milliseconds.",
    ),
    Setting::broker(
        "controller.quorum.retry.backoff.ms",
        Int(1, i32::MAX),
        "20",
        "The pause, in milliseconds, before a failed request within the quorum is repeated.",
    ),
    Setting::broker(
        "controller.quorum.voters",
        Voters,
        "",
        "The nodes that elect the active controller and hold the cluster's metadata, as \
         id@host:port:directory-id: where their peer listeners are, and the id of the directory \
         that each keeps the metadata in, as `kastellan format` makes it. 1, 3 or 5 of them, the \
         same on every node. They are recorded when the cluster is formed; empty: this broker is \
         a cluster of its own.",
    ),
    Setting::dynamic(
        "cordoned.log.dirs",
        Words(&["*"]),
        "",
        "`*`: no new partitions and no replicas that move come to the broker (KIP-1066). It is set \
         on a broker that runs; single directories cannot be closed yet.",
    )
    .one_by_one(),
    Setting::dynamic(
        "follower.replication.throttled.rate",
        Long(0, i64::MAX),
        "",
        "Bytes a second that this broker fetches at most of the replicas that \
         follower.replication.throttled.replicas of their topics names, while they are not in \
         sync. An answer is never cut for it: what it was too much is waited for after it.",
    )
    .without_default()
    .one_by_one(),
    Setting::broker(
        "initial.broker.registration.timeout.ms",
        Int(1, i32::MAX),
        "60000",
        "A broker that could not register with the active controller for so long, in milliseconds, \
         stops.",
    ),
    Setting::broker(
        "leader.imbalance.check.interval.seconds",
        Long(1, i64::MAX),
        "300",
        "How often the active controller looks for partitions whose preferred leader does not \
         lead, in seconds.",
    ),
    Setting::dynamic(
        "leader.replication.throttled.rate",
        Long(0, i64::MAX),
        "",
        "Bytes a second that this broker, as a leader, gives at most to followers that are not in \
         sync of the partitions that leader.replication.throttled.replicas of their topics names. \
         An answer is never cut for it: what it was too much is waited for after it.",
    )
    .without_default()
    .one_by_one(),
    Setting::dynamic(
        "num.replica.fetchers",
        Int(1, 256),
        "1",
        "Connections over which a broker fetches what it replicates from each other broker.",
    ),
    Setting::broker(
        "process.roles",
        Words(&["broker", "controller"]),
        "broker,controller",
        "What this node is: a broker, or a controller (a voter of the quorum) as well.",
    ),
    Setting::broker(
        "replica.fetch.backoff.ms",
        Int(0, i32::MAX),
        "1000",
        "The pause, in milliseconds, after a partition could not be fetched.",
    ),
    Setting::broker(
        "replica.fetch.max.bytes",
        Int(0, i32::MAX),
        "1048576",
        "The most bytes of one partition in one answer to a follower, but for the first batch.",
    ),
    Setting::broker(
        "replica.fetch.min.bytes",
        Int(0, i32::MAX),
        "1",
        "A follower is answered once there are so many bytes, or after replica.fetch.wait.max.ms.",
    ),
    Setting::broker(
        "replica.fetch.response.max.bytes",
        Int(0, 33_554_432),
        "10485760",
        "The most bytes in one answer to a follower, but for the first batch; half of what a \
         frame between brokers may have is the most.",
    ),
    Setting::broker(
        "replica.fetch.wait.max.ms",
        Int(0, i32::MAX),
        "500",
        "The longest, in milliseconds, that a follower's fetch waits for new records.",
    ),
    Setting::broker(
        "replica.lag.time.max.ms",
        Long(1, i64::MAX),
        "30000",
        "A follower that has not caught up with its leader for so long, in milliseconds, is no \
         longer in sync.",
    ),
    Setting::broker(
        "replica.socket.timeout.ms",
        Int(1, i32::MAX),
        "30000",
        "How long a follower waits for its leader's answer, in milliseconds.",
    ),
    Setting::broker(
        "replica.selector.class",
        OneOf(SELECTORS),
        "",
        "Where a consumer reads that names its rack (client.rack): of the leader, or, with \
         RackAwareReplicaSelector, of a replica in sync in that rack. Nothing else can be loaded.",
    )
    .without_default(),
];
