//! `/metrics`: what was counted and what is there now, in Prometheus' text format.
//!
//! What Kafka has too carries the name that the usual rules of the JMX exporter give it there
//! (`kafka_server_replicamanager_underreplicatedpartitions`), so that dashboards and alerts written
//! for Kafka work; the rest begins with `kastellan_`. `broker/METRICS.md` lists them all.

mod cluster;
mod logs;
mod process;
mod text;
mod traffic;

use bytes::Bytes;
use hyper::StatusCode;

pub(super) use self::logs::{Contents, contents};
use self::text::{Kind, Text};
use super::{
    health::{Health, Phase},
    http::Answer,
};

/// The metrics of the broker as a whole.
pub(super) fn of_broker(health: &Health) -> Answer {
    let mut text = Text::default();
    state(&mut text, health);
    process::write(&mut text);
    health.ask(|broker| {
        traffic::write(&mut text, broker);
        cluster::write(&mut text, broker);
        logs::write(&mut text, broker);
    });
    answer(text)
}

/// The metrics of each partition: as many lines as partitions, so they have a path of their own.
pub(super) fn of_partitions(health: &Health) -> Answer {
    let mut text = Text::default();
    health.ask(|broker| logs::write_partitions(&mut text, broker));
    answer(text)
}

fn answer(text: Text) -> Answer {
    let media = "text/plain; version=0.0.4; charset=utf-8";
    Answer { status: StatusCode::OK, media, allow: None, body: Bytes::from(text.finish()) }
}

fn state(text: &mut Text, health: &Health) {
    text.family("kastellan_build_info", Kind::Gauge, "1, with the version as a label.");
    text.sample("", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    // Kafka's numbers of BrokerState
    let state = match health.phase() {
        Phase::Starting => 1,
        Phase::Recovering => 2,
        Phase::Running => 3,
        Phase::Stopping => 6,
    };
    text.one(
        "kafka_server_kafkaserver_brokerstate",
        Kind::Gauge,
        "1: starting, 2: recovering logs, 3: running, 6: stopping.",
        state,
    );
    let (opened, all) = health.progress().unwrap_or_default();
    text.one(
        "kafka_log_logmanager_remaininglogstorecover",
        Kind::Gauge,
        "Logs that the start has yet to open.",
        all - opened,
    );
}
