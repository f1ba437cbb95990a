//! What is to happen to a cluster, before it is planned for.

use kastellan_core::config::nearest;
use kastellan_core::id::BrokerId;
use kastellan_core::placement::{Broker, Disk, Picture, State};

use crate::failure::Failure;

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// Only what is badly placed moves.
    Nothing,
    /// So many brokers come, in these racks in turn.
    Add { count: u16, racks: &'a [String] },
    /// These brokers go.
    Remove { ids: &'a [i32] },
    /// A rack is lost.
    LoseRack { rack: &'a str },
    /// The disks of these brokers, or of all, are so large.
    Resize { total: u64, ids: &'a [i32] },
}

impl Change<'_> {
    /// Makes a picture of the cluster as it is then, before anything has moved.
    pub(super) fn carry_out(self, picture: &mut Picture) -> Result<(), Failure> {
        match self {
            Self::Nothing => Ok(()),
            Self::Add { count, racks } => add(picture, count, racks),
            Self::Remove { ids } => {
                check(picture, ids)?;
                let goes = |broker: &Broker| ids.contains(&broker.id.0);
                set(picture, State::Draining, goes);
                somebody_stays(picture)
            }
            Self::LoseRack { rack } => lose(picture, rack),
            Self::Resize { total, ids } => {
                check(picture, ids)?;
                resize(picture, total, ids);
                Ok(())
            }
        }
    }
}

fn add(picture: &mut Picture, count: u16, racks: &[String]) -> Result<(), Failure> {
    let racked = picture.brokers.iter().any(|broker| broker.rack.is_some());
    if racked && racks.is_empty() {
        return Err(Failure::usage("the cluster has racks: say in which the new brokers are")
            .help(format!("{}; write --rack NAME, once for each", there_are(picture))));
    }
    let mut id = 0;
    for number in 0..usize::from(count) {
        while picture.brokers.iter().any(|broker| broker.id.0 == id) {
            id += 1;
        }
        let rack = racks.get(number % racks.len().max(1)).cloned();
        // one that nobody has seen yet has a disk like the others
        let largest = picture.brokers.iter().filter_map(|broker| broker.disk).max_by_key(size);
        let disk = largest.map(|Disk { total, .. }| Disk { total, free: total });
        picture.brokers.push(Broker { id: BrokerId(id), rack, state: State::Active, disk });
    }
    Ok(())
}

fn size(disk: &Disk) -> u64 {
    disk.total
}

fn lose(picture: &mut Picture, rack: &str) -> Result<(), Failure> {
    let within = |broker: &Broker| broker.rack.as_deref() == Some(rack);
    if !picture.brokers.iter().any(within) {
        let failure = Failure::new(format!("no broker is in a rack {rack:?}"));
        let racks = picture.brokers.iter().filter_map(|broker| broker.rack.as_deref());
        return Err(failure.help(match nearest(rack, racks) {
            Some(near) => format!("did you mean {near:?}?"),
            None => there_are(picture),
        }));
    }
    set(picture, State::Gone, within);
    somebody_stays(picture)
}

fn there_are(picture: &Picture) -> String {
    let mut racks: Vec<_> =
        picture.brokers.iter().filter_map(|broker| broker.rack.as_deref()).collect();
    racks.sort_unstable();
    racks.dedup();
    match racks.as_slice() {
        [] => "its brokers have no racks: broker.rack names them".to_owned(),
        racks => format!("its racks are {}", racks.join(", ")),
    }
}

fn set(picture: &mut Picture, state: State, which: impl Fn(&Broker) -> bool) {
    for broker in picture.brokers.iter_mut().filter(|broker| which(broker)) {
        broker.state = state;
    }
}

fn somebody_stays(picture: &Picture) -> Result<(), Failure> {
    if picture.brokers.iter().any(|broker| broker.state == State::Active) {
        return Ok(());
    }
    Err(Failure::new("no broker would be left").help("leave out at least one that runs"))
}

fn check(picture: &Picture, ids: &[i32]) -> Result<(), Failure> {
    let known = |id: &&i32| picture.brokers.iter().any(|broker| broker.id.0 == **id);
    let Some(unknown) = ids.iter().find(|id| !known(id)) else { return Ok(()) };
    let all: Vec<_> = picture.brokers.iter().map(|broker| broker.id.0.to_string()).collect();
    Err(Failure::new(format!("there is no broker {unknown}"))
        .help(format!("its brokers are {}", all.join(", "))))
}

/// Nothing but replicas is on the disks then.
fn resize(picture: &mut Picture, total: u64, ids: &[i32]) {
    let tallies = picture.tallies();
    for broker in &mut picture.brokers {
        if ids.is_empty() || ids.contains(&broker.id.0) {
            let held = tallies.get(&broker.id).map_or(0, |tally| tally.bytes);
            broker.disk = Some(Disk { total, free: total.saturating_sub(held) });
        }
    }
}

#[cfg(test)]
mod tests {
    use kastellan_core::placement::{Cause, Partition, plan};

    use super::*;

    /// Brokers 0, 1, ... in these racks, each with a disk of 100 and a partition of 30, of which
    /// the next broker has a copy.
    fn cluster(racks: &[&str]) -> Picture {
        let count = i32::try_from(racks.len()).expect("a few");
        let disk = Some(Disk { total: 100, free: 40 });
        let broker = |(id, rack): (i32, &&str)| {
            let rack = (!rack.is_empty()).then(|| (*rack).to_owned());
            Broker { id: BrokerId(id), rack, state: State::Active, disk }
        };
        let partition = |index: i32| {
            let replicas = vec![BrokerId(index), BrokerId((index + 1) % count)];
            Partition {
                topic: "t".into(),
                index,
                in_sync: replicas.clone(),
                factor: 2,
                replicas,
                bytes: 30,
                written: 0,
                read: 0,
                moving: false,
            }
        };
        Picture {
            brokers: (0..).zip(racks).map(broker).collect(),
            partitions: (0..count).map(partition).collect(),
        }
    }

    fn refused(change: Change<'_>, racks: &[&str]) -> String {
        change.carry_out(&mut cluster(racks)).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_way_out() {
        let four = ["a", "b", "a", "b"];
        let add = Change::Add { count: 1, racks: &[] };
        assert!(refused(add, &four).contains("its racks are a, b; write --rack NAME"));
        let remove = refused(Change::Remove { ids: &[1, 7] }, &four);
        assert_eq!(remove, "error: there is no broker 7\n  help: its brokers are 0, 1, 2, 3");
        assert!(refused(Change::Remove { ids: &[0, 1] }, &["", ""]).contains("no broker would"));
        let lose = |rack| refused(Change::LoseRack { rack }, &["zone-a", "zone-b"]);
        assert!(lose("zone-1").contains("did you mean \"zone-a\"?"), "{}", lose("zone-1"));
        assert!(refused(Change::LoseRack { rack: "a" }, &[""; 2]).contains("have no racks"));
        assert!(refused(Change::LoseRack { rack: "a" }, &["a", "a"]).contains("no broker would"));
    }

    #[test]
    fn new_brokers_take_the_lowest_free_ids_and_the_racks_in_turn() {
        let mut picture = cluster(&["a", "b"]);
        picture.brokers[0].id = BrokerId(3);
        let racks = ["c".to_owned(), "d".to_owned()];
        Change::Add { count: 3, racks: &racks }.carry_out(&mut picture).expect("it can be");
        let new = picture.brokers.iter().skip(2);
        let new: Vec<_> = new.map(|it| (it.id.0, it.rack.as_deref())).collect();
        assert_eq!(new, [(0, Some("c")), (2, Some("d")), (4, Some("c"))]);
        assert_eq!(picture.brokers[4].disk, Some(Disk { total: 100, free: 100 }));
    }

    #[test]
    fn smaller_disks_make_what_does_not_fit_move_or_say_so() {
        let mut picture = cluster(&["", "", "", ""]);
        Change::Resize { total: 200, ids: &[] }.carry_out(&mut picture).expect("it can be");
        assert_eq!(picture.brokers[1].disk, Some(Disk { total: 200, free: 140 }));
        assert_eq!(plan(&picture, usize::MAX).moves, []);
        Change::Remove { ids: &[0] }.carry_out(&mut picture).expect("it can be");
        assert_eq!(plan(&picture, usize::MAX).blocked, []);
        Change::Resize { total: 70, ids: &[] }.carry_out(&mut picture).expect("it can be");
        let blocked = plan(&picture, usize::MAX).blocked;
        assert!(blocked.iter().all(|it| it.cause == Cause::NoRoom), "{blocked:?}");
        assert_eq!(blocked.len(), 2);
    }
}
