//! What only the real world can tell: real clients, real faults, Apache Kafka as peer.
//!
//! A blocking harness on `std::process`: [`peer`] runs Apache Kafka 4.3.1, [`ours`] runs Kastellan,
//! [`suite`] runs a client program against either, [`wire`] speaks Kafka's protocol by hand,
//! [`segments`] asks Kafka about files,
//! [`oracle`] compares the answers of the two, [`tools`] what Apache's command-line tools say of
//! them, [`foreign`] runs the test suites of client libraries, [`activity`] counts what
//! a process does, [`kubernetes`] runs an API server, [`cluster`] nodes with it, [`image`] is what
//! runs on them, [`certificates`] are for TLS, [`disks`] are file systems that fill up and fail,
//! [`clocks`] jump, [`fleet`] is several of our brokers as one cluster, [`network`] hosts of their
//! own for them, [`pump`] a client whose notes are checked, [`workload`] clients whose [`history`]
//! is judged, [`load`] the load of benchmarks, [`failover`] how long nobody is served when one of
//! several fails.

pub mod activity;
pub mod batch;
pub mod cache;
pub mod cert_manager;
pub mod certificates;
pub mod clocks;
pub mod cluster;
pub mod covered;
pub mod disks;
pub mod failover;
mod findings;
pub mod fleet;
pub mod foreign;
pub mod history;
pub mod image;
pub mod judged;
pub mod kubernetes;
pub mod load;
pub mod need;
pub mod network;
pub mod oracle;
pub mod ours;
pub mod peer;
pub mod port;
pub mod process;
pub mod pump;
pub mod segments;
pub mod suite;
pub mod tools;
pub mod wire;
pub mod workload;
