//! Names of certificates as text, in the form that Java gives them and principals have in Kafka.

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its type as a dotted number: `2.5.4.3`.
    pub kind: String,
    /// Its value as text; `None` where it is none, and is written as its bytes.
    pub text: Option<String>,
    /// Its value as DER, tag and length included.
    pub der: Vec<u8>,
}

/// The types that have a name in RFC 2253; others are written as numbers.
const NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// What has a meaning within a name and is written with a backslash.
const SPECIAL: &str = ",=+<>#;\"\\";

/// A name, the last of its parts first (RFC 2253): `CN=a,OU=b,O=c`. Each part has one attribute, or
/// several in the order of the certificate.
pub fn rfc2253(parts: &[Vec<Attribute>]) -> String {
    let part = |part: &Vec<Attribute>| part.iter().map(attribute).collect::<Vec<_>>().join("+");
    parts.iter().rev().map(part).collect::<Vec<_>>().join(",")
}

fn attribute(attribute: &Attribute) -> String {
    let named = NAMES.iter().find(|(kind, _)| *kind == attribute.kind);
    if let (Some((_, name)), Some(text)) = (named, &attribute.text) {
        return format!("{name}={}", escaped(text));
    }
    let name = named.map_or(attribute.kind.as_str(), |(_, name)| name);
    let hex: Vec<_> = attribute.der.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}=#{}", hex.concat())
}

fn escaped(text: &str) -> String {
    let blank = |char: char| matches!(char, ' ' | '\r');
    let begin = text.len() - text.trim_start_matches(blank).len();
    let end = text.trim_end_matches(blank).len();
    let mut out = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        if char == '\0' {
            out.push_str("\\00");
            continue;
        }
        if at < begin || at >= end || SPECIAL.contains(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: &str, text: &str) -> Vec<Attribute> {
        let der = [&[0x0c, 1][..], text.as_bytes()].concat();
        vec![Attribute { kind: kind.to_owned(), text: Some(text.to_owned()), der }]
    }

    #[test]
    fn the_last_part_comes_first_and_unknown_types_are_numbers() {
        let parts = [
            one("2.5.4.6", "DE"),
            one("2.5.4.10", "Acme, Inc."),
            one("1.2.840.113549.1.9.1", "a"),
            [one("2.5.4.3", " a\u{e4}# "), one("2.5.4.11", "u")].concat(),
        ];
        assert_eq!(
            rfc2253(&parts),
            "CN=\\ a\u{e4}\\#\\ +OU=u,1.2.840.113549.1.9.1=#0c0161,O=Acme\\, Inc.,C=DE"
        );
        assert_eq!(rfc2253(&[]), "");
    }
}
