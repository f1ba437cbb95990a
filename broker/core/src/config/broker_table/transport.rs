//! How clients reach the broker: which listeners are encrypted, with which certificates.

use super::super::{
    kind::Kind::{MappingRules, OneOf, Password, ProtocolMap, Text, Words},
    setting::Setting,
};

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::broker(
        "listener.security.protocol.map",
        ProtocolMap,
        "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "How clients speak on each listener: pairs of a listener's name and PLAINTEXT, SSL, \
         SASL_PLAINTEXT or SASL_SSL. Where it is set it names every listener; where it is not, a \
         listener is called like its protocol or is in plain text.",
    ),
    Setting::broker(
        "ssl.client.auth",
        OneOf(&["required", "requested", "none"]),
        "none",
        "Whether clients show a certificate. Without SASL the name in it becomes their principal \
         (ssl.principal.mapping.rules). With \"requested\" those without one are anonymous; one that \
         is not trusted is refused.",
    )
    .per_listener(),
    Setting::broker(
        "ssl.enabled.protocols",
        Words(&["TLSv1.2", "TLSv1.3"]),
        "TLSv1.2,TLSv1.3",
        "Which versions of TLS are spoken with clients. There are none before 1.2; brokers speak 1.3 \
         among each other.",
    )
    .per_listener(),
    Setting::broker(
        "ssl.keystore.certificate.chain",
        Password,
        "",
        "The certificate and what leads from it to an authority as PEM text, with ssl.keystore.key \
         and instead of ssl.keystore.location (KIP-651). A file can be changed while the broker runs.",
    )
    .without_default()
    .sensitive()
    .per_listener(),
    Setting::broker(
        "ssl.keystore.key",
        Password,
        "",
        "The private key as PEM text, not encrypted (KIP-651).",
    )
    .without_default()
    .sensitive()
    .per_listener(),
    Setting::broker(
        "ssl.keystore.location",
        Text,
        "",
        "The PEM file with the private key and the certificate, or several such files separated by \
         commas. Read again when they change. On the listener for peers the certificate names this \
         node (CN=node-<id>, O=<cluster id>); --certificates names a directory instead.",
    )
    .without_default()
    .per_listener(),
    Setting::broker(
        "ssl.keystore.type",
        OneOf(&["PEM"]),
        "PEM",
        "Keys and certificates are PEM files (KIP-651); Kafka's default is JKS.",
    )
    .per_listener(),
    Setting::broker(
        "ssl.principal.mapping.rules",
        MappingRules,
        "DEFAULT",
        "How the name in a client's certificate becomes a principal (KIP-371): DEFAULT, which takes \
         it as it is (User:CN=a,O=b), or RULE:pattern/replacement/[LU]; the first rule that fits \
         decides, and who fits none is refused.",
    )
    .per_listener(),
    Setting::broker(
        "ssl.truststore.certificates",
        Password,
        "",
        "The authorities whose certificates are trusted as PEM text, instead of \
         ssl.truststore.location (KIP-651).",
    )
    .without_default()
    .sensitive()
    .per_listener(),
    Setting::broker(
        "ssl.truststore.location",
        Text,
        "",
        "The PEM file with the authorities whose certificates are trusted. Read again when it \
         changes.",
    )
    .without_default()
    .per_listener(),
    Setting::broker(
        "ssl.truststore.type",
        OneOf(&["PEM"]),
        "PEM",
        "Authorities are PEM files (KIP-651); Kafka's default is JKS.",
    )
    .per_listener(),
];
