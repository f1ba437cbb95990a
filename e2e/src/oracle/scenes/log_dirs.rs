//! `DescribeLogDirs` and `AlterReplicaLogDirs`: what lies where, and moves that need no second
//! directory.

use kafka_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::{AlterReplicaLogDirsRequest, DescribeLogDirsRequest, FetchRequest};
use uuid::Uuid;

use super::fetch::{asked, partition, request};
use super::malformed::damage;
use super::{fill, make, s, t};
use crate::batch::Batch;
use crate::oracle::side::Side;

/// The partitions of one topic.
type Parts<'a> = (&'a str, &'a [i32]);

pub(super) fn play(side: &mut Side) {
    side.scene("log-dirs");
    let topic = ("dd", make(side, "dd", 3, &[]));
    make(side, "de", 1, &[]);
    let batch = |values: &[&str]| Batch::of(side.now, values).encode();
    let batches = vec![batch(&["a", "b", "c"]), Batch::of(side.now, &["d"]).gzipped().encode()];
    fill(side, topic, 0, batches);
    let batches = vec![Batch::of(side.now, &["e"]).encode()];
    fill(side, topic, 2, batches);
    for version in side.versions::<DescribeLogDirsRequest>() {
        described(side, version);
    }
    side.scene("alter-log-dirs");
    for version in side.versions::<AlterReplicaLogDirsRequest>() {
        moved(side, version, topic);
    }
    side.scene("log-dirs-body");
    damage(side, |_| describe(Some(&[("damaged", &[0])])));
    damage(side, |_| alter(&[("/damaged", &[("damaged", &[0])])]));
}

fn describe(topics: Option<&[Parts<'_>]>) -> DescribeLogDirsRequest {
    let topic = |(name, indexes): &Parts<'_>| {
        DescribableLogDirTopic::default().with_topic(t(name)).with_partitions(indexes.to_vec())
    };
    let topics = topics.map(|topics| topics.iter().map(topic).collect());
    DescribeLogDirsRequest::default().with_topics(topics)
}

fn alter(dirs: &[(&str, &[Parts<'_>])]) -> AlterReplicaLogDirsRequest {
    let topic = |(name, indexes): &Parts<'_>| {
        AlterReplicaLogDirTopic::default().with_name(t(name)).with_partitions(indexes.to_vec())
    };
    let dir = |(path, topics): &(&str, &[Parts<'_>])| {
        let topics = topics.iter().map(topic).collect();
        AlterReplicaLogDir::default().with_path(s(path)).with_topics(topics)
    };
    AlterReplicaLogDirsRequest::default().with_dirs(dirs.iter().map(dir).collect())
}

fn described(side: &mut Side, version: i16) {
    let cases: [(&str, &[Parts<'_>]); 14] = [
        ("one", &[("dd", &[0])]),
        ("two", &[("dd", &[0, 2])]),
        ("empty-partition", &[("dd", &[1])]),
        ("two-topics", &[("dd", &[0, 1, 2]), ("de", &[0])]),
        ("no-partition", &[("dd", &[3])]),
        ("negative-partition", &[("dd", &[-1])]),
        ("some-partitions", &[("dd", &[0, 3, -1])]),
        ("unknown", &[("no-such-topic", &[0])]),
        ("some-unknown", &[("no-such-topic", &[0]), ("dd", &[0])]),
        ("bad-name", &[("a/b", &[0])]),
        ("empty-name", &[("", &[0])]),
        ("twice", &[("dd", &[0, 0])]),
        ("no-partitions", &[("dd", &[])]),
        ("nothing", &[]),
    ];
    for (case, topics) in cases {
        side.ask(case, version, &describe(Some(topics)));
    }
    side.ask("all", version, &describe(None));
}

/// One directory is all there is: to move there is no move.
fn moved(side: &mut Side, version: i16, topic: (&str, Uuid)) {
    let newest = side.newest::<DescribeLogDirsRequest>();
    let found = side.quiet(newest, &describe(Some(&[(topic.0, &[0])])));
    let here = found.results.first().map(|dir| dir.log_dir.to_string()).unwrap_or_default();
    let (here, one): (&str, &[Parts<'_>]) = (&here, &[("dd", &[0])]);
    let (slash, dot, double) = (format!("{here}/"), format!("{here}/."), format!("/{here}"));
    let parent = format!("{here}/../data");
    for (case, path) in [
        ("here", here),
        ("nowhere", "/no/such/directory"),
        ("relative", "data"),
        ("empty-path", ""),
        ("root", "/"),
        ("slash-behind", &slash),
        ("slash-before", &double),
        ("dot", &dot),
        ("dot-dot", &parent),
    ] {
        side.ask(case, version, &alter(&[(path, one)]));
        side.ask(&format!("{case}-unknown"), version, &alter(&[(path, &[("none", &[0])])]));
    }
    let cases: [(&str, &[Parts<'_>]); 9] = [
        ("all", &[("dd", &[0, 1, 2])]),
        ("no-partition", &[("dd", &[3])]),
        ("negative-partition", &[("dd", &[-1])]),
        ("some", &[("dd", &[0, 3]), ("none", &[0, 1])]),
        ("bad-name", &[("a/b", &[0])]),
        ("empty-name", &[("", &[0])]),
        ("partition-twice", &[("dd", &[0, 0])]),
        ("no-partitions", &[("dd", &[])]),
        ("no-topics", &[]),
    ];
    for (case, topics) in cases {
        side.ask(case, version, &alter(&[(here, topics)]));
    }
    let longest = "l".repeat(249);
    side.ask("longest-name", version, &alter(&[(here, &[(&longest, &[0])])]));
    side.ask("there-and-nowhere", version, &alter(&[(here, one), ("/no/such", one)]));
    side.ask("nowhere-and-there", version, &alter(&[("/no/such", one), (here, one)]));
    side.ask("path-twice", version, &alter(&[(here, one), (here, &[("dd", &[1])])]));
    let parts: &[Parts<'_>] = &[("dd", &[2]), ("none", &[0])];
    side.ask("two-paths", version, &alter(&[(here, one), ("/no/such", parts)]));
    side.ask("no-dirs", version, &alter(&[]));
    // nothing has come of all this
    side.ask("described", newest, &describe(Some(&[(topic.0, &[0, 1, 2])])));
    let version = side.newest::<FetchRequest>();
    side.ask("read", version, &request(vec![asked(version, topic, vec![partition(0, 0)])]));
}
