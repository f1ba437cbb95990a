//! How the listeners of a cluster are guarded, and where its brokers find what that takes.

use std::collections::BTreeMap;

use kastellan_crds::cluster::{Authority, IssuerRef, Listener, ListenerType};
use serde_json::{Value, json};

use super::Cluster;
use super::pod::{CERTIFICATES, CONFIG, LISTENERS};
use crate::fleet::guard::{Door, Files};
use crate::kubernetes::names;

impl Cluster {
    /// The listeners for clients, as far as they are guarded.
    pub fn doors(&self) -> impl Iterator<Item = Door<'_>> + Clone {
        self.listeners.iter().map(Door::from)
    }

    /// Whether the operator has a way in of its own.
    pub fn is_guarded(&self) -> bool {
        guarded(&self.listeners, self.spec.authorization.is_some())
    }

    /// Whether brokers show clients a certificate that is not the listener's own.
    pub fn signs_for_listeners(&self) -> bool {
        let mut tls = self.listeners.iter().filter_map(|listener| listener.tls.as_ref());
        tls.any(|tls| tls.secret_name.is_none())
    }

    /// Whether it is the cluster's own authority that clients have to trust for that.
    pub fn signs_by_its_own(&self) -> bool {
        let given = self.authority().secret_name.is_some() || self.issuer().is_some();
        self.signs_for_listeners() && !given
    }

    /// Whether clients show brokers a certificate.
    pub fn wants_certificates(&self) -> bool {
        self.doors().any(|door| door.wants_certificates())
    }

    /// Whether brokers show clients any certificate.
    pub(super) fn shows_certificates(&self) -> bool {
        self.listeners.iter().any(|listener| listener.tls.is_some())
    }

    /// The listeners with a certificate of their own, and the Secrets of those.
    pub fn own_certificates(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = |listener: &'_ Listener| listener.tls.as_ref()?.secret_name.clone();
        self.listeners.iter().filter(move |listener| own(listener).is_some()).filter_map(
            |listener| {
                Some((listener.name.as_str(), listener.tls.as_ref()?.secret_name.as_deref()?))
            },
        )
    }

    /// The issuer of cert-manager that signs what brokers show to clients, if one does.
    pub fn issuer(&self) -> Option<&IssuerRef> {
        let asked = self.spec.certificates.as_ref()?;
        asked.issuer_ref.as_ref().filter(|_| self.signs_for_listeners())
    }

    /// Who signs what brokers show to clients, if no issuer does.
    pub fn authority(&self) -> Authority {
        let asked = self.spec.certificates.as_ref();
        asked.and_then(|asked| asked.cluster.clone()).unwrap_or_default()
    }

    /// Who signs what clients show.
    pub fn clients(&self) -> Authority {
        let asked = self.spec.certificates.as_ref();
        asked.and_then(|asked| asked.clients.clone()).unwrap_or_default()
    }

    /// Where a broker finds it all.
    pub(super) fn files(&self) -> Files {
        let pair = |folder: &str, name: &str| format!("{folder}/{name}.key,{folder}/{name}.crt");
        let own = self.own_certificates();
        let own = own.map(|(listener, _)| (listener.to_owned(), pair(LISTENERS, listener)));
        let operator = (pair(CERTIFICATES, "tls"), format!("{CERTIFICATES}/ca.crt"));
        Files {
            own: own.collect::<BTreeMap<_, _>>(),
            shown: pair(LISTENERS, SHOWN),
            clients: format!("{LISTENERS}/{CLIENTS}"),
            issuers: CONFIG.to_owned(),
            operator: self.is_guarded().then_some(operator),
        }
    }

    /// What is put together for the listeners of a broker.
    pub(super) fn listener_files(&self, id: i32) -> Vec<Value> {
        let source = |secret: &str, items: &[(&str, String)]| {
            let items: Vec<Value> =
                items.iter().map(|(key, path)| json!({ "key": key, "path": path })).collect();
            json!({ "secret": { "name": secret, "items": items } })
        };
        let pair =
            |name: &str| [("tls.crt", format!("{name}.crt")), ("tls.key", format!("{name}.key"))];
        let mut sources = Vec::new();
        if self.signs_for_listeners() {
            sources.push(source(&names::listener_certificate(&self.name, id), &pair(SHOWN)));
        }
        for (listener, secret) in self.own_certificates() {
            sources.push(source(secret, &pair(listener)));
        }
        if self.wants_certificates() {
            let own = names::clients_certificate(&self.name);
            let secret = self.clients().secret_name.unwrap_or(own);
            sources.push(source(&secret, &[("ca.crt", CLIENTS.to_owned())]));
        }
        sources
    }
}

/// The name of the files of key and certificate; no listener has it, for one with a dot is none.
const SHOWN: &str = "shown.tls";
/// The file of the clients' authority.
const CLIENTS: &str = "clients.ca.crt";

/// Whether the operator needs a way in of its own: nobody else comes in as it is, or what everybody
/// may do is not everything.
pub fn guarded(listeners: &[Listener], authorization: bool) -> bool {
    authorization || !listeners.iter().any(is_open)
}

/// Whether a listener lets in whoever is inside.
pub fn is_open(listener: &Listener) -> bool {
    listener.kind == ListenerType::Internal && Door::from(listener).is_open()
}
