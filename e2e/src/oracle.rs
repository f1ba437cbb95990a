//! The differential oracle: the same request bytes to Apache Kafka and to us, the answers compared
//! field by field.

pub mod tree;
