//! Makes what a plan has never seen: passwords, keys, certificates.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use kastellan_core::security::Secret;

use super::secret::{Make, Marks, What, marks};
use crate::fleet::user::secret::{Proof, password};
use crate::kubernetes::object::Object;
use crate::pki;

/// A whole Secret; `authority` are the files of whoever signs certificates. Why not, in words.
pub fn make(
    one: &Make,
    authority: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Secret<Object>, String> {
    let (proof, marks) = match &one.what {
        What::Known(proof, marks) => (proof.clone(), marks.clone()),
        What::Password(mechanism) => {
            let password = password().map_err(|why| format!("no password can be made: {why}"))?;
            (Proof::Password(*mechanism, password), Marks::new())
        }
        What::Certificate(subject, by) => {
            let file = |name: &str| authority.get(name).map(String::as_str).unwrap_or_default();
            let pair = pki::sign(file("ca.crt"), file("ca.key"), subject, now)
                .map_err(|why| format!("no certificate can be signed: {why}"))?;
            let marks = marks(subject, by, pair.not_after.to_string());
            (Proof::Certificate(pair.certificate, Secret(pair.key)), marks)
        }
    };
    Ok(one.frame.filled(proof, &marks))
}
