//! What is decided once, when a cluster of several brokers is formed, and kept with its data: its
//! id, its voters, and the authority that signs its brokers' certificates.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::fleet::Broker;
use crate::fleet::quorum::{self, Voter};
use crate::pki::{self, Subject};

/// The record's file.
const RECORD: &str = "bootstrap.json";

/// A cluster of several brokers, as it was formed.
#[derive(Debug)]
pub(super) struct Bootstrap {
    /// Where it is kept, and the certificates beside it.
    dir: PathBuf,
    record: Record,
    authority: Authority,
}

/// Who signs the brokers' certificates: a certificate and its key, in PEM form.
struct Authority {
    certificate: String,
    key: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Record {
    cluster_id: String,
    /// The node ids of all brokers.
    brokers: Vec<i32>,
    /// Of them those that elect the active controller, and the ids of their directories: one that
    /// is lost does not come back as the voter that it was.
    voters: BTreeMap<i32, String>,
}

/// What one broker is told of the others on its command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Membership {
    /// The cluster's id.
    pub(super) cluster_id: String,
    /// The directory of its certificates.
    pub(super) certificates: PathBuf,
    /// What it is told of those who vote.
    pub(super) quorum: [(&'static str, String); 2],
}

impl Bootstrap {
    /// The record in `dir`, which is made for `brokers` where there is none; one broker alone needs
    /// none. Brokers' data lies where `folder` says.
    pub(super) fn open(
        dir: &Path,
        brokers: &[Broker],
        folder: impl Fn(i32) -> PathBuf,
    ) -> Result<Option<Self>, Failure> {
        let ids: Vec<i32> = brokers.iter().map(|broker| broker.id).collect();
        let path = dir.join(RECORD);
        let (record, authority) = match fs::read_to_string(&path) {
            Ok(text) => {
                let record = serde_json::from_str(&text)
                    .map_err(|why| Failure::new(format!("read {}: {why}", path.display())))?;
                let authority = Authority {
                    certificate: read(&dir.join("ca.crt"))?,
                    key: read(&dir.join("ca.key"))?,
                };
                (record, authority)
            }
            Err(why) if why.kind() == ErrorKind::NotFound && ids.len() == 1 => return Ok(None),
            Err(why) if why.kind() == ErrorKind::NotFound => form(dir, ids.clone(), folder)?,
            Err(why) => return Err(Failure::new(format!("read {}: {why}", path.display()))),
        };
        if record.brokers != ids {
            let (was, now) = (record.brokers.len(), ids.len());
            let message =
                format!("{} holds a cluster of {was} brokers, not of {now}", dir.display());
            return Err(Failure::new(message).help(format!(
                "write replicas: {was}, or name another --data-dir: the number of brokers of a \
                 cluster cannot be changed yet"
            )));
        }
        Ok(Some(Self { dir: dir.to_owned(), record, authority }))
    }

    /// What broker `id` is told; with a certificate made anew. `port` says where brokers are.
    pub(super) fn membership(
        &self,
        id: i32,
        port: impl Fn(i32) -> u16,
    ) -> Result<Membership, Failure> {
        let cluster_id = self.record.cluster_id.clone();
        let Authority { certificate, key } = &self.authority;
        let subject = Subject::node(id, &cluster_id, Vec::new());
        let signed = pki::sign(certificate, key, &subject, Timestamp::now())
            .map_err(|why| Failure::new(format!("sign the certificate of broker {id}: {why}")))?;
        let certificates = self.dir.join(format!("broker-{id}-certificates"));
        make(&certificates)?;
        write(&certificates.join("tls.key"), &signed.key)?;
        write(&certificates.join("tls.crt"), &signed.certificate)?;
        write(&certificates.join("ca.crt"), &self.authority.certificate)?;
        let voter = |(id, directory): (&i32, &String)| Voter {
            id: *id,
            host: "127.0.0.1".to_owned(),
            port: port(*id),
            directory: directory.clone(),
        };
        let voters: Vec<Voter> = self.record.voters.iter().map(voter).collect();
        Ok(Membership { cluster_id, certificates, quorum: quorum::settings(id, &voters) })
    }
}

/// Decides once what stays as it is; the record comes last, so that there is all or nothing.
fn form(
    dir: &Path,
    brokers: Vec<i32>,
    folder: impl Fn(i32) -> PathBuf,
) -> Result<(Record, Authority), Failure> {
    let cluster_id = URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4());
    let made = pki::authority(pki::OF_BROKERS, &cluster_id, Timestamp::now())
        .map_err(|why| Failure::new(format!("make the cluster's authority: {why}")))?;
    let authority = Authority { certificate: made.certificate, key: made.key };
    write(&dir.join("ca.key"), &authority.key)?;
    write(&dir.join("ca.crt"), &authority.certificate)?;
    let format = |id: i32| {
        let directory = directory(&folder(id), &cluster_id, id)?;
        Ok((id, directory))
    };
    let voters = quorum::voters(&brokers.iter().copied().collect())
        .into_iter()
        .map(format)
        .collect::<Result<_, Failure>>()?;
    let record = Record { cluster_id, brokers, voters };
    let text = serde_json::to_string_pretty(&record).expect("a record is plain data");
    write(&dir.join(RECORD), &text)?;
    Ok((record, authority))
}

/// The id of the new directory of broker `id`. What is there already belongs to a broker alone, or
/// to a fleet whose record is gone: neither is given away.
fn directory(folder: &Path, cluster: &str, id: i32) -> Result<String, Failure> {
    kastellan_broker::format(folder, cluster, id, None).map_err(|why| {
        Failure::new(format!("form a cluster of several brokers: {why}")).help(
            "name another --data-dir: brokers that are there already cannot be joined to a new \
             cluster",
        )
    })
}

pub(super) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|why| Failure::new(format!("read {}: {why}", path.display())))
}

pub(super) fn make(dir: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|why| Failure::new(format!("make the directory {}: {why}", dir.display())))
}

/// Writes a file that nobody else may read, and takes the place of the old one in one step.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |why| Failure::new(format!("write {}: {why}", path.display()));
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new);
    let mut file = file.map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn brokers(count: i32) -> Vec<Broker> {
        let broker = |id| Broker { id, listeners: vec![], settings: BTreeMap::new() };
        (0..count).map(broker).collect()
    }

    #[test]
    fn a_cluster_is_formed_once_and_its_secrets_are_its_owners() {
        let dir = std::env::temp_dir().join(format!("kastellan-up-{}", uuid::Uuid::new_v4()));
        make(&dir).unwrap();
        let port = |id| 9190 + 10 * u16::try_from(id).unwrap();
        let folder = |id: i32| dir.join(format!("broker-{id}"));
        let open = |count| Bootstrap::open(&dir, &brokers(count), folder);
        assert!(open(1).unwrap().is_none(), "one broker alone has nobody to agree with");
        let first = open(4).unwrap().unwrap();
        let told = first.membership(3, port).unwrap();
        let [(_, voters), (_, roles)] = &told.quorum;
        let voters = voters.split(',').map(|voter| voter.rsplit_once(':').unwrap());
        let (addresses, ids): (Vec<_>, Vec<_>) = voters.unzip();
        assert_eq!(addresses, ["0@127.0.0.1:9190", "1@127.0.0.1:9200", "2@127.0.0.1:9210"]);
        for (id, directory) in ids.iter().enumerate() {
            let found = dir.join(format!("broker-{id}/meta.properties"));
            assert!(fs::read_to_string(found).unwrap().contains(directory), "{id}");
        }
        assert!(!dir.join("broker-3").exists(), "who does not vote needs no id");
        assert_eq!(roles, "broker");
        for secret in ["ca.key", "broker-3-certificates/tls.key"] {
            let mode = fs::metadata(dir.join(secret)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{secret}");
        }
        let again = open(4).unwrap().unwrap();
        assert_eq!(again.record, first.record);
        assert_eq!(again.membership(0, port).unwrap().quorum[1].1, "broker,controller");
        for other in [1, 3] {
            let refused = open(other).unwrap_err().to_string();
            assert!(refused.contains(&format!("a cluster of 4 brokers, not of {other}")));
        }
        fs::remove_file(dir.join(RECORD)).unwrap();
        let refused = open(3).unwrap_err().to_string();
        assert!(refused.contains("formatted already"), "{refused}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
