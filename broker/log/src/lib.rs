//! One partition's log on a disk, in Kafka's own format.

pub mod disk;
