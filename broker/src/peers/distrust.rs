//! What TLS says where nodes do not trust each other, in words that say what to do about it.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Behind both: what has to be so.
const REMEDY: &str = "ca.crt of every node has to hold the authority that signs their tls.crt";

/// Why a handshake failed, or a connection ended at its beginning.
pub(crate) fn words(why: &io::Error) -> String {
    use AlertDescription as Alert;
    let tls = why.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        // an authority of the same name with another key signs badly
        Some(Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => format!("its certificate is signed by nobody whom this node trusts: {REMEDY}"),
        Some(Error::AlertReceived(
            Alert::UnknownCA
            | Alert::DecryptError
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired,
        )) => format!("it does not trust the certificate of this node: {REMEDY} ({why})"),
        _ => why.to_string(),
    }
}

/// Whether it is about TLS, and not about the network: it does not pass by itself.
pub(super) fn is_lasting(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::InvalidData
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(why: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, why)
    }

    #[test]
    fn who_does_not_trust_whom_is_said() {
        let theirs = of(Error::InvalidCertificate(CertificateError::BadSignature));
        assert!(words(&theirs).starts_with("its certificate is signed by nobody"));
        let ours = of(Error::AlertReceived(AlertDescription::UnknownCA));
        assert!(words(&ours).starts_with("it does not trust the certificate of this node"));
        let late = of(Error::InvalidCertificate(CertificateError::Expired));
        assert!(words(&late).contains("Expired") && is_lasting(&late));
        let lost = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(words(&lost) == lost.to_string() && !is_lasting(&lost));
    }
}
