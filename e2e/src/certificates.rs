//! An authority with openssl, and what it signs: PEM files in a folder of the caller's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::cache::run;

/// An authority.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// A new one, whose files lie in `folder`.
    pub fn new(folder: &Path) -> Result<Authority> {
        let authority = Authority { folder: folder.to_owned() };
        let subject = "/CN=Kastellan's tests";
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", subject, "-keyout"])
            .arg(authority.file("ca.key"))
            .arg("-out")
            .arg(authority.certificate()))?;
        Ok(authority)
    }

    /// Its certificate, which those who trust it need.
    pub fn certificate(&self) -> PathBuf {
        self.file("ca.crt")
    }

    /// Signs a key for `subject`, like `/O=Acme/CN=alice`, on this machine: the files `NAME.crt`,
    /// `NAME.key` and `NAME.pem` with both. Gives the last.
    pub fn sign(&self, name: &str, subject: &str) -> Result<PathBuf> {
        let file = |ending: &str| self.file(&format!("{name}.{ending}"));
        run(Command::new("openssl")
            .args(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-subj", subject, "-keyout"])
            .arg(file("key"))
            .arg("-out")
            .arg(file("csr")))?;
        fs::write(file("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n")?;
        run(Command::new("openssl")
            .args(["x509", "-req", "-days", "2", "-CAcreateserial", "-in"])
            .arg(file("csr"))
            .arg("-extfile")
            .arg(file("ext"))
            .arg("-CA")
            .arg(self.certificate())
            .arg("-CAkey")
            .arg(self.file("ca.key"))
            .arg("-out")
            .arg(file("crt")))?;
        let both = fs::read_to_string(file("key"))? + &fs::read_to_string(file("crt"))?;
        fs::write(file("pem"), both)?;
        Ok(file("pem"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
