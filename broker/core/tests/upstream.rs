//! Our metadata records, held against the schemas that Apache Kafka ships inside of kafka-metadata.
//! They are fetched when the test runs; nothing of them is kept here.

mod upstream {
    #[path = "../../../protocol/tests/upstream/jar.rs"]
    mod jar;
    mod records;
    mod walk;
}
