//! What a client may do, as bits (KIP-430). Everything, as long as nobody is authenticated.

const CREATE: i32 = 1 << 5;
const DELETE: i32 = 1 << 6;
const ALTER: i32 = 1 << 7;
const DESCRIBE: i32 = 1 << 8;
const DESCRIBE_CONFIGS: i32 = 1 << 10;
const ALTER_CONFIGS: i32 = 1 << 11;

/// Everything that can be done with the cluster.
pub(crate) const CLUSTER: i32 = CREATE
    | ALTER
    | DESCRIBE
    | (1 << 9) // ClusterAction
    | DESCRIBE_CONFIGS
    | ALTER_CONFIGS
    | (1 << 12); // IdempotentWrite

/// Everything that can be done with a topic.
pub(crate) const TOPIC: i32 = (1 << 3) // Read
    | (1 << 4) // Write
    | CREATE
    | DELETE
    | ALTER
    | DESCRIBE
    | DESCRIBE_CONFIGS
    | ALTER_CONFIGS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_that_kafka_answers_without_an_authorizer() {
        assert_eq!((CLUSTER, TOPIC), (8096, 3576));
    }
}
