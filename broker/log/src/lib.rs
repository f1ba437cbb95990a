//! One partition's log on a disk, in Kafka's own format.
//!
//! Byte-identical batches in segments with sparse indexes ([`Log`]), a directory that belongs to
//! one cluster and node ([`Directory`]), and a disk behind a trait ([`disk::Disk`]) so that every
//! promise can be tested on one that loses, refuses and fills up. `FORMAT.md` beside the sources
//! says what is assumed of the media and what each byte means.

mod cache;
pub mod checkpoint;
mod committer;
mod compact;
mod config;
mod directory;
pub mod disk;
mod epochs;
mod error;
mod index;
mod log;
pub mod name;
mod properties;
mod scan;
mod segment;
mod shared;

pub use committer::{Committer, Done, Pace};
pub use compact::{Bounds, Brake, Compacted, Compaction, Turn};
pub use config::Config;
pub use directory::{Checkpoints, Directory};
pub use disk::{Disk, File, StdDisk};
pub use error::Error;
pub use log::{
    Dirtiness, Located, Log, Look, Receipt, Recovery, Relocation, Resolved, Search, Seek, Slice,
    Timed, Unsynced, WriteBack,
};
pub use properties::Properties;
pub use shared::Budget;
