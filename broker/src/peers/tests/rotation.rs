//! Certificates that change while the node runs.

use std::fs;

use super::*;
use crate::{CertificateError, peers::Identity};

#[test]
fn what_the_files_hold_is_used_once_it_fits_together() {
    let authority = Authority::new();
    let files = authority.files("node-2", CLUSTER);
    let identity = Identity::load(files.clone(), BrokerId(2), None).unwrap();
    assert_eq!((identity.cluster(), identity.now().generation), (CLUSTER, 1));
    assert!(!identity.reload(), "nothing has changed");
    let before = identity.now().fingerprint.clone();

    fs::write(&files.keystore[0], "half a file").unwrap();
    assert!(!identity.reload());
    assert!(identity.trouble().unwrap().contains("private key"));
    assert_eq!(identity.now().fingerprint, before, "the old one stays");

    fs::write(&files.keystore[0], authority.sign("node-2", CLUSTER)).unwrap();
    assert!(identity.reload());
    assert_eq!((identity.now().generation, identity.trouble()), (2, None));
    assert_ne!(identity.now().fingerprint, before);

    let other = Authority::new();
    fs::write(&files.truststore, authority.pem() + &other.pem()).unwrap();
    assert!(identity.reload());
    let now = identity.now();
    assert_eq!((now.generation, now.ca_fingerprints.len()), (3, 2));
    assert!(now.not_after > 1_700_000_000);

    fs::write(&files.keystore[0], authority.sign("node-3", CLUSTER)).unwrap();
    assert!(!identity.reload(), "somebody else's");
    assert!(identity.trouble().unwrap().contains("for node 3, not for node 2"));
}

#[test]
fn a_certificate_that_is_not_this_nodes_is_refused_at_the_start() {
    let authority = Authority::new();
    let load = |name: &str, cluster| {
        let files = authority.files(name, "c1");
        Identity::load(files, BrokerId(2), Some(cluster)).map(drop).unwrap_err().to_string()
    };
    assert!(load("node-3", "c1").contains("for node 3, not for node 2"));
    assert!(load("node-2", "c2").contains("for cluster c1, this is cluster c2"));
    assert!(load("operator", "c1").contains("which is no node"));
    let missing = crate::CertificateFiles {
        keystore: vec!["/nowhere/tls.crt".into()],
        truststore: "/nowhere/ca.crt".into(),
    };
    let missing = Identity::load(missing, BrokerId(2), None).map(drop);
    assert!(matches!(missing, Err(CertificateError::Read { .. })));
}

/// A node before, in and after each phase in which an authority takes another one's place: which
/// one has signed its certificate, and which ones it trusts.
#[test]
fn nodes_let_each_other_in_on_both_sides_of_every_phase() {
    let (old, new) = (Authority::new(), Authority::new());
    let both = old.pem() + &new.pem();
    let phases = [(&old, old.pem()), (&old, both.clone()), (&new, both), (&new, new.pem())];
    let files = |(signer, trusted): &(&Authority, String), id: i32| {
        signer.files_of(&signer.sign(&format!("node-{id}"), CLUSTER), trusted)
    };
    let meet = |server: usize, client: usize| {
        let node = Node::with(Some(files(&phases[server], 1)), false);
        let identity = Identity::load(files(&phases[client], 2), BrokerId(2), Some(CLUSTER));
        let manner = Manner::Tls(Arc::new(identity.unwrap()));
        let asker = Asker::new(manner, BrokerId(1), node.peer_address());
        admission::ask(&asker, BrokerId(1), 2).is_ok()
    };
    for (server, client) in [(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)] {
        assert!(meet(server, client), "phase {client} is turned away in phase {server}");
    }
    // which is why no phase is left out
    assert!(!meet(0, 2) && !meet(2, 0) && !meet(1, 3) && !meet(3, 1));
}
