//! Our table of requests and versions, held against the message definitions that Apache Kafka ships
//! inside of kafka-clients. They are fetched when the test runs; nothing of them is kept here.

mod upstream {
    mod definition;
    mod jar;
    mod table;
}
