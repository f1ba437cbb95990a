//! What only the real world can tell: real clients, real faults, Apache Kafka as peer.
