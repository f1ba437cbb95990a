//! An authority of a cluster and what it signs, in a directory that goes with it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use kastellan_core::id::BrokerId;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use crate::{certificates::CertificateFiles, peers::Identity};

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = format!("kastellan-authority-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(dir);
        std::fs::create_dir_all(&dir).unwrap();
        Self { issuer, dir }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The key and certificate of somebody, in PEM form.
    pub(crate) fn sign(&self, common_name: &str, cluster: &str) -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.distinguished_name.push(DnType::OrganizationName, cluster);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        key.serialize_pem() + &certificate.pem()
    }

    /// Files of node `id`, which trust this authority.
    pub(crate) fn files(&self, common_name: &str, cluster: &str) -> CertificateFiles {
        self.files_of(&self.sign(common_name, cluster), &self.pem())
    }

    /// Files with any content.
    pub(crate) fn files_of(&self, keystore: &str, truststore: &str) -> CertificateFiles {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = |what: &str| self.dir.join(format!("{number}-{what}.pem"));
        let files =
            CertificateFiles { keystore: vec![path("keystore")], truststore: path("truststore") };
        std::fs::write(&files.keystore[0], keystore).unwrap();
        std::fs::write(&files.truststore, truststore).unwrap();
        files
    }

    pub(crate) fn identity(&self, id: i32, cluster: &str) -> Identity {
        let files = self.files(&format!("node-{id}"), cluster);
        Identity::load(files, BrokerId(id), Some(cluster)).unwrap()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}
