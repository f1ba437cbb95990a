//! How clients log in.

use super::super::{
    kind::Kind::{FirstUsers, Int, Jaas, Long, Words},
    setting::Setting,
};

/// In alphabetical order.
pub(super) static ROWS: &[Setting] = &[
    Setting::dynamic(
        "connection.failed.authentication.delay.ms",
        Int(0, i32::MAX),
        "100",
        "How long a client waits for the answer that it does not get in, in milliseconds: whoever \
         tries passwords is slowed down.",
    ),
    Setting::broker(
        "connections.max.reauth.ms",
        Long(i64::MIN, i64::MAX),
        "0",
        "How long a login holds, in milliseconds: clients log in again before (KIP-368), and a \
         connection that is used without is closed. 0 or less: as long as the connection. May \
         be said of one mechanism, too: \
         listener.name.LISTENER.scram-sha-512.connections.max.reauth.ms.",
    )
    .per_listener(),
    Setting::dynamic(
        "kastellan.max.logins.per.ip",
        Int(1, i32::MAX),
        "1000",
        "The most connections from one address at a time that have not shown yet who they are, on \
         listeners with TLS or a login; further ones are closed.",
    ),
    Setting::broker(
        "kastellan.scram.first.users",
        FirstUsers,
        "",
        "Who may log in by SCRAM in a cluster that knows nobody yet, in the words of kafka-storage \
         format --add-scram: SCRAM-SHA-512=[name=admin,password=PASSWORD], several separated by \
         commas. Without effect once the cluster knows anybody. Better in the file of --config \
         than on the command line, which others can see.",
    )
    .without_default()
    .sensitive(),
    Setting::broker(
        "sasl.enabled.mechanisms",
        Words(&["SCRAM-SHA-512", "SCRAM-SHA-256", "OAUTHBEARER", "PLAIN"]),
        "SCRAM-SHA-512,SCRAM-SHA-256",
        "How clients log in on listeners with SASL; Kafka's default is GSSAPI. PLAIN shows the \
         broker the password: it needs SASL_SSL, and users in sasl.jaas.config. OAUTHBEARER shows \
         a token that somebody else has signed: it needs SASL_SSL, and \
         sasl.oauthbearer.jwks.endpoint.url.",
    )
    .per_listener(),
    Setting::broker(
        "sasl.jaas.config",
        Jaas,
        "",
        "The users of PLAIN, in Kafka's words: \
         org.apache.kafka.common.security.plain.PlainLoginModule required user_NAME=\"PASSWORD\"; \
         as listener.name.LISTENER.plain.sasl.jaas.config. Those of SCRAM are told to the cluster \
         (kafka-configs --alter --add-config 'SCRAM-SHA-512=[password=PASSWORD]').",
    )
    .without_default()
    .sensitive()
    .per_listener(),
    Setting::broker(
        "sasl.server.max.receive.size",
        Int(1, i32::MAX),
        "65536",
        "The largest request of a client that has not logged in, in bytes; Kafka's default is \
         524288.",
    ),
];
