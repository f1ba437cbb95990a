//! Tokens that clients show.

use super::super::{
    kind::Kind::{Int, List, Long, OneOf, Text},
    oauth::HANDLERS,
    setting::Setting,
};

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::broker(
        "sasl.oauthbearer.clock.skew.seconds",
        Int(0, i32::MAX),
        "30",
        "By how much the clock of whoever issues tokens may differ from the broker's, in seconds. A \
         login holds until its token has expired and this is over, too, or for \
         connections.max.reauth.ms if that is shorter.",
    )
    .per_listener(),
    Setting::broker(
        "sasl.oauthbearer.expected.audience",
        List,
        "",
        "For whom tokens are to be: their claim aud has to name one of these. This, or \
         sasl.oauthbearer.expected.issuer, has to be set where OAUTHBEARER is enabled.",
    )
    .per_listener(),
    Setting::broker(
        "sasl.oauthbearer.expected.issuer",
        Text,
        "",
        "Who has to have issued tokens: their claim iss.",
    )
    .without_default()
    .per_listener(),
    Setting::broker(
        "sasl.oauthbearer.jwks.endpoint.refresh.ms",
        Long(1, i64::MAX),
        "3600000",
        "How often the issuer's keys are asked for again, in milliseconds. A token whose key is \
         not known has them asked for sooner, ten seconds after the last time at the soonest; a \
         file is looked at every five seconds.",
    )
    .per_listener(),
    Setting::broker(
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
        Long(1, i64::MAX),
        "10000",
        "The longest wait before keys that were not to be had are asked for again, in milliseconds.",
    )
    .per_listener(),
    Setting::broker(
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
        Long(1, i64::MAX),
        "100",
        "How long the first such wait is, in milliseconds; each that follows is twice as long.",
    )
    .per_listener(),
    Setting::broker(
        "sasl.oauthbearer.jwks.endpoint.url",
        Text,
        "",
        "Where the issuer's keys are: https://HOST/PATH or file:///PATH with a JSON Web Key Set. The \
         broker has to be started with --oauthbearer-allowed-url for it (Kafka's system property \
         org.apache.kafka.sasl.oauthbearer.allowed.urls). The authorities that a web server is \
         trusted by are the system's, or those of ssl.truststore.location in \
         listener.name.LISTENER.oauthbearer.sasl.jaas.config.",
    )
    .without_default()
    .per_listener(),
    Setting::broker(
        "sasl.oauthbearer.scope.claim.name",
        Text,
        "scope",
        "The claim with a token's scopes. Their form is checked; no access depends on them.",
    )
    .per_listener(),
    Setting::broker(
        "sasl.oauthbearer.sub.claim.name",
        Text,
        "sub",
        "The claim whose text becomes the name of the client's principal.",
    )
    .per_listener(),
    Setting::broker(
        "sasl.server.callback.handler.class",
        OneOf(HANDLERS),
        "",
        "What checks tokens in Kafka, where the default believes tokens that nobody has signed. Here \
         signatures are always checked.",
    )
    .without_default()
    .without_effect()
    .per_listener(),
];
