//! What can be wrong with certificates.

use std::{io, path::PathBuf};

use crate::peers::NotOurs;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("read {}: {source}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} has no {what} in PEM form", .path.display())]
    Missing {
        /// Which file, or which setting holds the text.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// A file holds something that is damaged.
    #[error("{}: {why}", .path.display())]
    Damaged {
        /// Which file, or which setting holds the text.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The certificate is not this node's.
    #[error("{}: {why}", .path.display())]
    NotOurs {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: NotOurs,
    },
    /// Key and certificate cannot be used, or do not belong together.
    #[error("{}: {why}", .path.display())]
    Tls {
        /// Which file, or which setting holds the text.
        path: PathBuf,
        /// What is wrong.
        why: rustls::Error,
    },
}
