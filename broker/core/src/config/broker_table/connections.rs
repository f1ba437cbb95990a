//! Connections, requests and what they may take.

use super::super::{
    kind::Kind::{Int, Long, PerHost},
    setting::Setting,
};

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::dynamic(
        "background.threads",
        Int(1, i32::MAX),
        "10",
        "Threads for background work in Kafka. Here one timer does it.",
    )
    .without_effect(),
    Setting::dynamic(
        "connections.max.idle.ms",
        Long(i64::MIN, i64::MAX),
        "600000",
        "A connection on which nothing happened for this long is closed, in milliseconds; negative \
         never closes one.",
    ),
    Setting::broker(
        "controller.quota.window.num",
        Int(1, i32::MAX),
        "11",
        "How many samples controller_mutation_rate is measured over: who has not created or deleted \
         partitions for that long may create or delete that many at once.",
    ),
    Setting::broker(
        "controller.quota.window.size.seconds",
        Int(1, i32::MAX),
        "1",
        "How long each sample of controller_mutation_rate is, in seconds.",
    ),
    Setting::dynamic(
        "fetch.max.bytes",
        Int(1024, i32::MAX),
        "57671680",
        "The most bytes of records that one fetch response carries, whatever the client asks for.",
    ),
    Setting::dynamic(
        "kastellan.frame.timeout.ms",
        Long(1, i64::MAX),
        "30000",
        "How long a request may take from its first byte to its last; a connection that is slower \
         is closed.",
    ),
    Setting::dynamic(
        "kastellan.login.timeout.ms",
        Long(1, i64::MAX),
        "10000",
        "How long a client may take to show who it is, in milliseconds: the handshake of \
         TLS, and the login.",
    ),
    Setting::dynamic(
        "kastellan.write.timeout.ms",
        Long(1, i64::MAX),
        "30000",
        "How long a client may leave its responses unread before its connection is closed.",
    ),
    Setting::dynamic(
        "max.connection.creation.rate",
        Int(0, i32::MAX),
        "2147483647",
        "The most new connections per second; further ones wait in the queue of the kernel.",
    )
    .per_listener(),
    Setting::dynamic(
        "max.connections",
        Int(0, i32::MAX),
        "10000",
        "The most connections at a time; further ones wait in the kernel's queue. Kafka's default \
         is no limit; here it lies well below the limit of open files.",
    )
    .per_listener(),
    Setting::dynamic(
        "max.connections.per.ip",
        Int(0, i32::MAX),
        "2147483647",
        "The most connections from one address at a time.",
    ),
    Setting::dynamic(
        "max.connections.per.ip.overrides",
        PerHost,
        "",
        "Other limits than max.connections.per.ip for some addresses, like 10.0.0.1:100,10.0.0.2:200.",
    ),
    Setting::broker(
        "max.incremental.fetch.session.cache.slots",
        Int(0, i32::MAX),
        "1000",
        "The most fetch sessions that the broker remembers (KIP-227).",
    ),
    Setting::dynamic(
        "num.io.threads",
        Int(1, i32::MAX),
        "8",
        "Request handler threads in Kafka. Here there is one worker per core.",
    )
    .without_effect(),
    Setting::dynamic(
        "num.network.threads",
        Int(1, i32::MAX),
        "3",
        "Network threads in Kafka. Here there is one worker per core.",
    )
    .without_effect()
    .per_listener(),
    Setting::dynamic(
        "queued.max.request.bytes",
        Long(-1, i64::MAX),
        "268435456",
        "Memory for requests that are being read or handled, in bytes; when it is used up, no \
         further requests are read. Kafka's default is no limit (-1).",
    ),
    Setting::broker(
        "queued.max.requests",
        Int(1, i32::MAX),
        "500",
        "Requests that wait for a handler thread in Kafka. Here nothing is queued.",
    )
    .without_effect(),
    Setting::broker(
        "quota.window.num",
        Int(1, i32::MAX),
        "11",
        "How many samples the rates of client quotas are measured over: what a client has not taken \
         for that long less one it may take at once.",
    ),
    Setting::broker(
        "quota.window.size.seconds",
        Int(1, i32::MAX),
        "1",
        "How long each sample of the rates of client quotas is, in seconds.",
    ),
    Setting::broker(
        "socket.listen.backlog.size",
        Int(1, i32::MAX),
        "4096",
        "Connections that the kernel queues for a listener until they are accepted. Kafka's \
         default is 50; here it is larger, for bursts of clients that come back.",
    ),
    Setting::broker(
        "socket.receive.buffer.bytes",
        Int(-1, i32::MAX),
        "102400",
        "Receive buffers of sockets in Kafka. Here the kernel sizes them.",
    )
    .without_effect(),
    Setting::dynamic(
        "socket.request.max.bytes",
        Int(1, i32::MAX),
        "104857600",
        "The largest request that is read, in bytes. Only Produce may be larger than 8 MiB.",
    ),
    Setting::broker(
        "socket.send.buffer.bytes",
        Int(-1, i32::MAX),
        "102400",
        "Send buffers of sockets in Kafka. Here the kernel sizes them.",
    )
    .without_effect(),
];
