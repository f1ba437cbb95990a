//! Whom a certificate is for, as text.

use kastellan_core::security::distinguished_name::{Attribute, rfc2253};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer as _, X509Certificate};

/// The tag of a universal string, whose characters take four bytes.
const UNIVERSAL: u32 = 28;
/// The tag of a string of the basic plane, whose characters take two bytes.
const BASIC: u32 = 30;

/// The subject of a certificate in the form of RFC 2253; `None` where it cannot be read.
pub(crate) fn distinguished_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let parts = parsed.subject().iter_rdn();
    let parts: Vec<Vec<Attribute>> =
        parts.map(|part| part.iter().map(attribute).collect()).collect();
    Some(rfc2253(&parts))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Attribute {
    let value = attribute.attr_value();
    let data = value.data;
    let tag = value.tag().0;
    let text = match tag {
        UNIVERSAL => wide(data.chunks(4).map(|four| four.iter().copied().fold(0, shift))),
        BASIC => wide(data.chunks(2).map(|two| two.iter().copied().fold(0, shift))),
        _ => attribute.as_str().ok().map(ToOwned::to_owned),
    };
    Attribute { kind: attribute.attr_type().to_id_string(), text, der: der(tag, data) }
}

fn shift(number: u32, byte: u8) -> u32 {
    (number << 8) | u32::from(byte)
}

fn wide(numbers: impl Iterator<Item = u32>) -> Option<String> {
    numbers.map(char::from_u32).collect()
}

/// A value with its tag and its length in front.
fn der(tag: u32, data: &[u8]) -> Vec<u8> {
    let mut out = vec![u8::try_from(tag & 0x1f).unwrap_or_default()];
    let len = data.len().to_be_bytes();
    let len: Vec<u8> = len.iter().copied().skip_while(|byte| *byte == 0).collect();
    match (data.len(), len.len()) {
        (..=127, _) => out.push(u8::try_from(data.len()).unwrap_or_default()),
        (_, bytes) => {
            out.push(0x80 | u8::try_from(bytes).unwrap_or_default());
            out.extend_from_slice(&len);
        }
    }
    out.extend_from_slice(data);
    out
}
