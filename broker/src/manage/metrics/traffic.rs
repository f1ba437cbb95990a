//! What clients do: bytes, records, requests, connections, memory.

use kastellan_protocol::{ErrorCode, messages::ApiKey};

use super::text::{Kind, Text};
use crate::{
    broker::Broker,
    metrics::{Counter, Histogram, Hot},
};

/// The counters, with Kafka's names where it has them.
const COUNTERS: [(Counter, &str, &str); 6] = [
    (
        Counter::BytesIn,
        "kafka_server_brokertopicmetrics_bytesin_total",
        "Bytes of batches that producers have appended.",
    ),
    (
        Counter::RecordsIn,
        "kafka_server_brokertopicmetrics_messagesin_total",
        "Records that producers have appended.",
    ),
    (
        Counter::BytesOut,
        "kafka_server_brokertopicmetrics_bytesout_total",
        "Bytes of batches that consumers were given.",
    ),
    (
        Counter::Received,
        "kastellan_network_received_bytes_total",
        "Bytes that were read from clients' sockets.",
    ),
    (
        Counter::Sent,
        "kastellan_network_sent_bytes_total",
        "Bytes that clients' sockets have taken.",
    ),
    (
        Counter::Throttled,
        "kastellan_throttled_requests_total",
        "Requests after which a client that is over a quota was not read from for a while.",
    ),
];

pub(super) fn write(text: &mut Text, broker: &Broker) {
    for (counter, name, help) in COUNTERS {
        text.one(name, Kind::Counter, help, broker.metrics.total(counter));
    }
    requests(text, broker);
    latencies(text, broker);
    connections(text, broker);
    memory(text, broker);
}

fn requests(text: &mut Text, broker: &Broker) {
    text.family(
        "kafka_network_requestmetrics_requests_total",
        Kind::Counter,
        "Requests by the name of their API.",
    );
    for (key, count) in broker.metrics.requests() {
        let name = ApiKey::try_from(key).map(|api| format!("{api:?}"));
        text.sample("", &[("request", name.as_deref().unwrap_or("unknown"))], count);
    }
    text.family(
        "kafka_network_requestmetrics_errors_total",
        Kind::Counter,
        "Partitions of a Produce or Fetch that were answered with an error.",
    );
    for (hot, request) in [(Hot::Produce, "Produce"), (Hot::Fetch, "Fetch")] {
        for (code, count) in broker.metrics.failures(hot) {
            let error = ErrorCode::try_from_code(code).map(|error| format!("{error:?}"));
            let error = error.unwrap_or_else(|| "Unknown".to_owned());
            text.sample("", &[("request", request), ("error", &error)], count);
        }
    }
}

fn latencies(text: &mut Text, broker: &Broker) {
    text.family(
        "kastellan_request_duration_seconds",
        Kind::Histogram,
        "From a request's arrival to its answer, waiting for the disk, replicas or data included.",
    );
    for (api, request) in
        [(Some(Hot::Produce), "Produce"), (Some(Hot::Fetch), "Fetch"), (None, "other")]
    {
        latency(text, request, &broker.metrics.latency(api));
    }
}

fn latency(text: &mut Text, request: &str, histogram: &Histogram) {
    for (bound, count) in histogram.cumulative() {
        let bound = std::time::Duration::from_micros(bound).as_secs_f64().to_string();
        text.sample("_bucket", &[("request", request), ("le", &bound)], count);
    }
    text.sample("_bucket", &[("request", request), ("le", "+Inf")], histogram.count());
    text.sample("_sum", &[("request", request)], histogram.sum().as_secs_f64());
    text.sample("_count", &[("request", request)], histogram.count());
}

fn connections(text: &mut Text, broker: &Broker) {
    let (open, accepted) = broker.clients.connections.counts();
    text.family("kastellan_connections", Kind::Gauge, "Open connections of a listener.");
    for (listener, count) in open {
        text.sample("", &[("listener", &listener)], count);
    }
    text.one(
        "kastellan_connections_accepted_total",
        Kind::Counter,
        "Connections of clients that were taken in.",
        accepted,
    );
    text.one(
        "kafka_server_fetchsessioncache_numincrementalfetchsessions",
        Kind::Gauge,
        "Fetch sessions that are remembered.",
        broker.sessions.len(),
    );
}

fn memory(text: &mut Text, broker: &Broker) {
    let pools =
        [("requests", broker.clients.pool.usage()), ("answers", broker.clients.answers.usage())];
    let families: [(&'static str, &str, usize); 3] = [
        ("kastellan_memory_pool_bytes", "Bytes that a pool has.", 0),
        ("kastellan_memory_pool_used_bytes", "Bytes of a pool that are taken.", 1),
        ("kastellan_memory_pool_waiting", "Connections that wait for bytes of a pool.", 2),
    ];
    for (name, help, which) in families {
        text.family(name, Kind::Gauge, help);
        for (pool, usage) in &pools {
            text.sample("", &[("pool", pool)], usage.get(which).copied().unwrap_or_default());
        }
    }
}
