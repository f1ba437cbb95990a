//! Who elects the active controller of a fleet, and what its brokers are told of that.

use std::collections::BTreeSet;

/// A node that votes, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voter {
    /// Its node id.
    pub id: i32,
    /// Where the others find it.
    pub host: String,
    /// The port of its listener for peers.
    pub port: u16,
    /// The id of the directory that it votes with: one that is lost does not come back as the voter
    /// that it was.
    pub directory: String,
}

/// Which of `brokers` vote: one, three or five of them, the first.
pub fn voters(brokers: &BTreeSet<i32>) -> BTreeSet<i32> {
    let count = match brokers.len() {
        0..=2 => 1,
        3 | 4 => 3,
        _ => 5,
    };
    brokers.iter().take(count).copied().collect()
}

/// The settings of broker `id` by which it knows its place: `controller.quorum.voters` and
/// `process.roles`.
pub fn settings(id: i32, voters: &[Voter]) -> [(&'static str, String); 2] {
    let one =
        |Voter { id, host, port, directory }: &Voter| format!("{id}@{host}:{port}:{directory}");
    let all: Vec<String> = voters.iter().map(one).collect();
    let is_voter = voters.iter().any(|voter| voter.id == id);
    let roles = if is_voter { "broker,controller" } else { "broker" };
    [("controller.quorum.voters", all.join(",")), ("process.roles", roles.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_three_or_five_brokers_vote() {
        let of = |count: i32| voters(&(0..count).collect()).into_iter().collect::<Vec<_>>();
        assert_eq!((of(1), of(2)), (vec![0], vec![0]));
        assert_eq!((of(3), of(4)), (vec![0, 1, 2], vec![0, 1, 2]));
        assert_eq!((of(5), of(9)), (vec![0, 1, 2, 3, 4], vec![0, 1, 2, 3, 4]));
    }

    #[test]
    fn a_broker_is_told_of_the_voters_and_whether_it_is_one() {
        let voter =
            |id: i32| Voter { id, host: format!("h{id}"), port: 9190, directory: format!("d{id}") };
        let voters = [voter(0), voter(4)];
        let [quorum, roles] = settings(4, &voters);
        assert_eq!(quorum.1, "0@h0:9190:d0,4@h4:9190:d4");
        assert_eq!(roles, ("process.roles", "broker,controller".to_owned()));
        assert_eq!(settings(1, &voters)[1].1, "broker");
    }
}
