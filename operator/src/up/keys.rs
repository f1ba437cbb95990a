//! Keys and certificates of a cluster whose listeners are guarded: files below its data directory,
//! made once, but for what the authorities sign: that is made anew whenever a broker starts.
//!
//! Clients find there what they have to trust: `cluster-ca.crt`.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use k8s_openapi::jiff::Timestamp;

use super::bootstrap::{make, read, write};
use crate::failure::Failure;
use crate::fleet::Broker;
use crate::fleet::guard::{self, Door, Files};
use crate::pki::{self, Credentials, DAYS, Pair, Subject};

/// Where a cluster of this machine keeps its keys.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    dir: PathBuf,
    /// The cluster's name, which is in every certificate.
    cluster: String,
}

/// Whose authority: the name of its files and in its certificate.
type Kind = (&'static str, &'static str);

const CLUSTER: Kind = ("cluster-ca", pki::OF_BROKERS);
const CLIENTS: Kind = ("clients-ca", pki::OF_CLIENTS);

impl Keys {
    /// Those of the cluster of this name, in `dir`.
    pub(super) fn new(dir: &Path, cluster: &str) -> Self {
        Self { dir: dir.to_owned(), cluster: cluster.to_owned() }
    }

    /// The file with what clients have to trust.
    pub(super) fn trusted(&self) -> PathBuf {
        self.file(CLUSTER, "crt")
    }

    fn file(&self, kind: Kind, ending: &str) -> PathBuf {
        self.dir.join(format!("{}.{ending}", kind.0))
    }

    /// An authority's certificate and key, made where there are none.
    fn authority(&self, kind: Kind) -> Result<(String, String), Failure> {
        let (certificate, key) = (self.file(kind, "crt"), self.file(kind, "key"));
        match fs::exists(&certificate) {
            Ok(true) => return Ok((read(&certificate)?, read(&key)?)),
            Err(why) if why.kind() != ErrorKind::NotFound => {
                return Err(Failure::new(format!("look at {}: {why}", certificate.display())));
            }
            _ => {}
        }
        let made = pki::authority(kind.1, &self.cluster, Timestamp::now())
            .map_err(|why| Failure::new(format!("make the authority {}: {why}", kind.0)))?;
        // the certificate comes last, so that there is all or nothing
        write(&key, &made.key)?;
        write(&certificate, &made.certificate)?;
        Ok((made.certificate, made.key))
    }

    fn sign(&self, kind: Kind, subject: &Subject) -> Result<(String, Pair), Failure> {
        let (certificate, key) = self.authority(kind)?;
        let pair = pki::sign(&certificate, &key, subject, Timestamp::now()).map_err(|why| {
            Failure::new(format!("sign the certificate of {}: {why}", subject.common_name))
        })?;
        Ok((certificate, pair))
    }

    /// What is shown to brokers that let in nobody else.
    pub(super) fn credentials(&self) -> Result<Credentials, Failure> {
        let (authority, pair) = self.sign(CLUSTER, &Subject::operator(&self.cluster))?;
        Ok(Credentials { authority, certificate: pair.certificate, key: pair.key })
    }

    /// A certificate for a client.
    pub(super) fn client(&self, subject: &Subject) -> Result<Pair, Failure> {
        Ok(self.sign(CLIENTS, subject)?.1)
    }

    /// The certificate of the clients' authority.
    pub(super) fn clients(&self) -> Result<String, Failure> {
        Ok(self.authority(CLIENTS)?.0)
    }

    /// All settings of a broker, those of its listeners included, with the files that they name
    /// made.
    pub(super) fn settings(&self, broker: &Broker) -> Result<BTreeMap<String, String>, Failure> {
        let doors = broker.listeners.iter().map(Door::from);
        let operator = guard::is_guarded(broker);
        if doors.clone().all(|door| door.is_open()) && !operator {
            return Ok(broker.settings.clone());
        }
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let subject = Subject { days: DAYS, ..Subject::node(broker.id, &self.cluster, names) };
        let (_, pair) = self.sign(CLUSTER, &subject)?;
        self.authority(CLIENTS)?;
        let folder = self.dir.join(format!("broker-{}-listeners", broker.id));
        make(&folder)?;
        let (key, certificate) = (folder.join("tls.key"), folder.join("tls.crt"));
        write(&key, &pair.key)?;
        write(&certificate, &pair.certificate)?;
        let shown = format!("{},{}", key.display(), certificate.display());
        for (name, certificates) in guard::issuers(doors.clone()) {
            write(&folder.join(name), certificates)?;
        }
        let files = Files {
            own: BTreeMap::new(),
            shown: shown.clone(),
            clients: self.file(CLIENTS, "crt").display().to_string(),
            issuers: folder.display().to_string(),
            operator: operator.then(|| (shown, self.trusted().display().to_string())),
        };
        let mut settings = guard::settings(doors, &files);
        settings.extend(broker.settings.clone());
        guard::admit_operator(&mut settings, &self.cluster);
        Ok(settings)
    }
}
