//! Fresh certificates for one run, made by openssl: an authority, what it signs, and the pair of
//! keys for the tokens of service accounts.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::cache;

/// Longer than any run, and worth nothing afterwards.
const DAYS: &str = "2";
const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// Puts `ca` (`.crt` and `.key`) and `accounts.key` with `accounts.pub` into `folder`.
pub(crate) fn authority(folder: &Path) -> Result<()> {
    let authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
    certificate(folder, "ca", "/CN=kastellan-e2e", &authority, false)?;
    let openssl = |arguments: &[&str]| {
        cache::run(Command::new("openssl").current_dir(folder).args(arguments))
    };
    let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    openssl(&[&["genpkey"], &curve[..], &["-out", "accounts.key"]].concat())?;
    openssl(&["pkey", "-in", "accounts.key", "-pubout", "-out", "accounts.pub"])
}

/// Puts `server` into `folder`: a server with those names, as `IP:127.0.0.1,DNS:localhost`.
pub(crate) fn server(folder: &Path, names: &str) -> Result<()> {
    let names = format!("subjectAltName={names}");
    let usage = "extendedKeyUsage=serverAuth";
    certificate(folder, "server", "/CN=kube-apiserver", &[&names, usage], true)
}

/// Puts `name` into `folder`: a client whose user and groups are those of `subject`.
pub(crate) fn client(folder: &Path, name: &str, subject: &str) -> Result<()> {
    certificate(folder, name, subject, &["extendedKeyUsage=clientAuth"], true)
}

/// The subject of an administrator: the group that may do everything.
pub(crate) const ADMIN: &str = "/O=system:masters/CN=admin";

/// One certificate and its key, signed by `ca` or by itself.
fn certificate(
    folder: &Path,
    name: &str,
    subject: &str,
    extensions: &[&str],
    by_authority: bool,
) -> Result<()> {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(["req", "-x509", "-days", DAYS, "-subj", subject]).args(KEY);
    // a configuration of the machine's would add extensions of its own
    command.args(["-config", "/dev/null"]);
    for extension in extensions {
        command.args(["-addext", extension]);
    }
    if by_authority {
        command.args(["-CA", "ca.crt", "-CAkey", "ca.key"]);
    }
    command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]);
    cache::run(&mut command)
}
