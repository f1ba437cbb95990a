//! Who votes: one, three or five of the brokers that stay, as many as a cluster of so many begins
//! with, and never one whose directory is gone.
//!
//! One vote changes at a time. Who is to vote gets a vote before another one loses it, who leads
//! the others loses it last, and nobody does while one of those is down that keep it. How far that
//! is stands with the voters themselves and nowhere else.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use kastellan_crds::condition::Reason;

use super::Step;
use super::plan::{BEHIND, Draft};
use super::pods::Broker;
use super::waits::Wait;
use crate::admin::{Quorum, Vote};
use crate::fleet::quorum;
use crate::kubernetes::names;
use crate::kubernetes::render::Cluster;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Everybody votes who should.
    Nothing,
    /// A broker gets a vote.
    Give(i32),
    /// A voter loses its vote.
    Take(i32),
    /// Something has to happen first.
    Wait(String),
}

/// The next change: `stay` are the brokers that the cluster keeps, `ready` all that serve.
fn next(known: &Quorum, stay: &BTreeSet<i32>, ready: &BTreeSet<i32>) -> Next {
    let goal = quorum::voters(stay).len();
    // whoever follows with another directory than its vote's has lost that
    let keeps = |id: &i32| stay.contains(id) && !known.observers.contains_key(id);
    let (good, bad): (Vec<i32>, Vec<i32>) = known.voters.keys().partition(|id| keeps(id));
    let without = stay.iter().filter(|id| !known.voters.contains_key(id));
    let follows = |id: &&i32| ready.contains(id) && known.observers.contains_key(id);
    let (able, unable): (Vec<i32>, Vec<i32>) = without.partition(follows);
    let missing = goal.saturating_sub(good.len()).min(able.len() + unable.len());
    if let Some(first) = able.first().filter(|_| 0 < missing && missing <= able.len()) {
        return Next::Give(*first);
    }
    if let Some(first) = unable.first().filter(|_| missing > 0) {
        // an even number of voters outlives no more than one less does, so none is left at that
        return Next::Wait(format!("broker {first} is to vote and does not follow yet"));
    }
    let leads = |id: &i32| *id == known.leader;
    let spare = if good.len() > goal { &good[..] } else { &[] };
    let Some(id) = bad
        .iter()
        .min_by_key(|id| (leads(id), Reverse(**id)))
        .or_else(|| spare.iter().min_by_key(|id| (leads(id), Reverse(**id))))
    else {
        return Next::Nothing;
    };
    if bad.contains(id) && stay.contains(id) && !ready.contains(id) {
        return Next::Wait(format!("broker {id} is to vote again and does not serve"));
    }
    let rest = || good.iter().filter(|one| *one != id);
    if let Some(down) = rest().find(|id| !ready.contains(id)) {
        return Next::Wait(format!("broker {down} votes and does not serve"));
    }
    if let Some(behind) = rest().find(|id| !known.current.contains(id)) {
        return Next::Wait(format!("broker {behind} votes and does not have all that was decided"));
    }
    // those that do not count any more may be gone already
    if 2 * rest().count() < known.voters.len() {
        return Next::Wait(format!(
            "without broker {id} there would be no majority that is sure to be there"
        ));
    }
    Next::Take(*id)
}

impl Draft<'_> {
    /// Gives and takes votes.
    pub(super) fn votes(&mut self, cluster: &Cluster, brokers: &[Broker], go: &BTreeSet<i32>) {
        let Some(known) = &self.world.quorum else { return };
        let stay = cluster.identity.brokers.difference(go).copied().collect();
        let up = brokers.iter().filter(|broker| broker.ready).map(|broker| broker.id).collect();
        let message = match next(known, &stay, &up) {
            Next::Nothing => return,
            Next::Wait(why) => format!("who votes is to change: {why}"),
            Next::Give(id) => {
                let host = names::peer(&cluster.name, id, &cluster.namespace);
                let port = names::PEERS_PORT;
                let directory = known.observers.get(&id).cloned().unwrap_or_default();
                self.steps.push(Step::Vote(Vote::Give { id, directory, host, port }));
                format!("broker {id} gets a vote")
            }
            Next::Take(id) => {
                let directory = known.voters.get(&id).cloned().unwrap_or_default();
                self.steps.push(Step::Vote(Vote::Take { id, directory }));
                format!("broker {id} loses its vote")
            }
        };
        self.waits.push(Wait::new(Reason::VotersChanging, message).again(BEHIND));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn all(ids: &[i32], of: &str) -> BTreeMap<i32, String> {
        ids.iter().map(|id| (*id, format!("{of}{id}"))).collect()
    }

    /// A number of brokers.
    fn some(ids: &[i32]) -> BTreeSet<i32> {
        ids.iter().copied().collect()
    }

    /// Changes votes until nothing is left to do or something has to happen; each change.
    fn changed(known: &mut Quorum, stay: &[i32], up: &[i32]) -> (Vec<String>, Option<String>) {
        let (stay, up) = (some(stay), some(up));
        let mut changes = Vec::new();
        loop {
            assert!(changes.len() < 20, "{changes:?}");
            match next(known, &stay, &up) {
                Next::Nothing => return (changes, None),
                Next::Wait(why) => return (changes, Some(why)),
                Next::Give(id) => {
                    let directory = known.observers.remove(&id).expect("it follows");
                    assert!(known.voters.insert(id, directory).is_none(), "one vote each");
                    known.current.insert(id);
                    changes.push(format!("+{id}"));
                }
                Next::Take(id) => {
                    let was = known.voters.remove(&id).expect("it votes");
                    known.current.remove(&id);
                    let alive = known.current.intersection(&up).count();
                    assert!(2 * alive > known.voters.len(), "no majority is left: {known:?}");
                    known.observers.entry(id).or_insert(was);
                    if known.leader == id {
                        known.leader = *known.voters.keys().next().unwrap();
                    }
                    changes.push(format!("-{id}"));
                }
            }
        }
    }

    fn quorum(leader: i32, voters: &[i32], observers: &[i32]) -> Quorum {
        let current = voters.iter().copied().filter(|id| !observers.contains(id)).collect();
        Quorum { leader, voters: all(voters, "old"), observers: all(observers, "new"), current }
    }

    #[test]
    fn three_become_five_and_three_again_and_the_one_that_leads_goes_last() {
        let mut known = quorum(1, &[0, 1, 2], &[3, 4]);
        let everybody = [0, 1, 2, 3, 4];
        let (up, wait) = changed(&mut known, &everybody, &everybody);
        assert_eq!((up.join(" "), wait), ("+3 +4".to_owned(), None));
        let (down, wait) = changed(&mut known, &[2, 3, 4], &everybody);
        assert_eq!((down.join(" "), wait), ("-0 -1".to_owned(), None));
        assert!(known.voters.keys().copied().eq([2, 3, 4]));
        // the surplus of two brokers
        let (down, _) = changed(&mut known, &[2, 3], &[2, 3, 4]);
        assert_eq!(down.join(" "), "-4 -3");
    }

    #[test]
    fn nobody_gets_a_vote_that_makes_their_number_even_for_long() {
        let everybody = [0, 1, 2, 3, 4];
        let mut known = quorum(0, &[0, 1, 2], &[3]);
        let (changes, wait) = changed(&mut known, &everybody, &[0, 1, 2, 3]);
        assert_eq!(
            (changes.len(), wait.unwrap()),
            (0, "broker 4 is to vote and does not follow yet".to_owned())
        );
        known.observers = all(&[3, 4], "new");
        let (changes, wait) = changed(&mut known, &everybody, &everybody);
        assert_eq!((changes.join(" "), wait), ("+3 +4".to_owned(), None));
        // one vote was lost meanwhile, with a directory: it comes back, too
        let mut known = quorum(0, &[0, 1, 2], &[1, 3, 4]);
        let (changes, wait) = changed(&mut known, &everybody, &everybody);
        assert_eq!((changes.join(" "), wait), ("+3 +4 -1 +1".to_owned(), None));
    }

    #[test]
    fn no_vote_is_taken_while_one_of_the_others_is_behind() {
        let mut known = quorum(1, &[0, 1, 2, 3], &[]);
        known.current.remove(&2);
        let everybody = [0, 1, 2, 3];
        let (changes, wait) = changed(&mut known, &[0, 1, 2], &everybody);
        assert_eq!(
            (changes.len(), wait.unwrap()),
            (0, "broker 2 votes and does not have all that was decided".to_owned())
        );
        known.current.insert(2);
        let (changes, wait) = changed(&mut known, &[0, 1, 2], &everybody);
        assert_eq!((changes.join(" "), wait), ("-3".to_owned(), None));
    }

    #[test]
    fn two_lost_directories_of_three_are_nothing_that_votes_could_mend() {
        let mut known = quorum(0, &[0, 1, 2], &[1, 2]);
        let (changes, wait) = changed(&mut known, &[0, 1, 2], &[0, 1, 2]);
        assert_eq!(changes.len(), 0);
        assert!(wait.is_some_and(|wait| wait.contains("no majority that is sure to be there")));
        // of five they are
        let five = [0, 1, 2, 3, 4];
        let mut known = quorum(0, &five, &[1, 2]);
        let (changes, wait) = changed(&mut known, &five, &five);
        assert_eq!((changes.join(" "), wait), ("-2 +2 -1 +1".to_owned(), None));
    }

    #[test]
    fn another_one_votes_before_one_that_goes_does_not_any_more() {
        let mut known = quorum(0, &[0, 1, 2], &[3]);
        let (changes, wait) = changed(&mut known, &[1, 2, 3], &[0, 1, 2]);
        assert_eq!(
            (changes.len(), wait.unwrap()),
            (0, "broker 3 is to vote and does not follow yet".to_owned())
        );
        let (changes, _) = changed(&mut known, &[1, 2, 3], &[0, 1, 2, 3]);
        assert_eq!(changes.join(" "), "+3 -0");
    }

    #[test]
    fn a_directory_that_was_lost_gives_its_vote_to_the_one_in_its_place() {
        let mut known = quorum(0, &[0, 1, 2], &[2]);
        let (changes, wait) = changed(&mut known, &[0, 1, 2], &[0, 1]);
        assert_eq!((changes.len(), wait.is_some()), (0, true), "it keeps its vote until it is up");
        let (changes, _) = changed(&mut known, &[0, 1, 2], &[0, 1, 2]);
        assert_eq!(changes.join(" "), "-2 +2");
        assert_eq!(known.voters[&2], "new2");
        let mut known = quorum(0, &[0, 1, 2], &[2]);
        let (changes, wait) = changed(&mut known, &[0, 1, 2], &[0, 2]);
        assert_eq!(
            (changes.len(), wait.unwrap()),
            (0, "broker 1 votes and does not serve".to_owned())
        );
    }

    #[test]
    fn a_voter_that_is_gone_for_good_loses_its_vote_to_another() {
        let mut known = quorum(1, &[0, 1, 2], &[3]);
        let (changes, wait) = changed(&mut known, &[1, 2, 3], &[1, 2, 3]);
        assert_eq!((changes.join(" "), wait), ("+3 -0".to_owned(), None));
    }
}
