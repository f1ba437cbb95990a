//! What people want to know of topics and groups, put together from several answers: how much there
//! is, and how far behind its readers are.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::{
    Admin, AdminError, Group, Listed, Metadata, Partition, Position, Refusal, Spot,
};

/// How much there is in a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Its first offset; `None`: nobody knows at the moment.
    pub(crate) earliest: Option<i64>,
    /// The offset behind its last record.
    pub(crate) latest: Option<i64>,
    /// Its bytes on the broker's disk.
    pub(crate) bytes: Option<u64>,
}

impl Extent {
    /// How many offsets it has: as many records, unless compaction took some of them away.
    pub(crate) fn records(&self) -> Option<i64> {
        Some(self.latest?.saturating_sub(self.earliest?).max(0))
    }
}

/// How much there is in each partition that `metadata` has.
pub(crate) async fn extents(
    admin: &mut Admin,
    metadata: &Metadata,
) -> Result<BTreeMap<Partition, Extent>, AdminError> {
    let led = metadata.partitions().filter(|(_, state)| state.leader >= 0);
    let led: Vec<Partition> = led.map(|(partition, _)| partition).collect();
    let earliest = admin.offsets(metadata, &led, Spot::Earliest).await?;
    let latest = admin.offsets(metadata, &led, Spot::Latest).await?;
    let sizes = admin.sizes(metadata).await?;
    let known = |offsets: &BTreeMap<Partition, Result<i64, Refusal>>, partition: &Partition| {
        offsets.get(partition)?.as_ref().ok().copied()
    };
    let extent = |(partition, _)| {
        let extent = Extent {
            earliest: known(&earliest, &partition),
            latest: known(&latest, &partition),
            bytes: sizes.as_ref().map(|sizes| sizes.get(&partition).copied().unwrap_or_default()),
        };
        (partition, extent)
    };
    Ok(metadata.partitions().map(extent).collect())
}

/// How far a group has read a partition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Progress {
    /// The offset of the record that it reads next, if it has committed one.
    pub(crate) committed: Option<i64>,
    /// The offset behind the partition's last record.
    pub(crate) latest: Option<i64>,
    /// How long the oldest record that it has not committed has been there, in seconds.
    ///
    /// The time since the timestamp of the batch that this record is in (`Admin::timestamps`): by
    /// the producer's clock, or the broker's where `message.timestamp.type` is `LogAppendTime`. A
    /// group that has committed everything is at 0. It is the age of the data, so it grows for as
    /// long as nobody commits, even when nobody produces either.
    pub(crate) lag_seconds: Option<f64>,
    /// The member that reads it: its index in the group's members.
    pub(crate) member: Option<usize>,
}

impl Progress {
    /// How many records it has not committed.
    pub(crate) fn lag(&self) -> Option<i64> {
        Some(self.latest?.saturating_sub(self.committed?).max(0))
    }
}

/// A group and how far it has read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// The group.
    pub(crate) group: Group,
    /// The partitions that it has committed offsets of, or that a member reads.
    pub(crate) progress: BTreeMap<Partition, Progress>,
}

impl Reading {
    /// How many records it has not committed in all.
    pub(crate) fn lag(&self) -> i64 {
        self.progress.values().filter_map(Progress::lag).sum()
    }

    /// The age of the oldest record that it has not committed, in seconds.
    pub(crate) fn lag_seconds(&self) -> Option<f64> {
        self.progress.values().filter_map(|one| one.lag_seconds).reduce(f64::max)
    }
}

/// When the batch at a place was written, as far as it was read already: places that nobody moves
/// from are looked up once.
#[derive(Debug, Default)]
pub(crate) struct Times(BTreeMap<Position, i64>);

impl Times {
    /// The timestamps at these places; looks up what it does not know.
    async fn at(
        &mut self,
        admin: &mut Admin,
        metadata: &Metadata,
        places: BTreeSet<Position>,
    ) -> Result<&BTreeMap<Position, i64>, AdminError> {
        self.0.retain(|place, _| places.contains(place));
        // groups may read one partition at different places, and a request has it once
        let mut open: Vec<Position> =
            places.into_iter().filter(|place| !self.0.contains_key(place)).collect();
        while !open.is_empty() {
            let mut seen = BTreeSet::new();
            let (now, later): (Vec<Position>, Vec<Position>) =
                open.into_iter().partition(|(partition, _)| seen.insert(partition.clone()));
            let times = admin.timestamps(metadata, &now).await?;
            for place in now {
                if let Some(time) = times.get(&place.0) {
                    self.0.insert(place, *time);
                }
            }
            open = later;
        }
        Ok(&self.0)
    }
}

/// How far each group has read, or why nobody knows. `now` in milliseconds since 1970.
pub(crate) async fn readings(
    admin: &mut Admin,
    groups: &[Listed],
    times: &mut Times,
    now: i64,
) -> Result<BTreeMap<String, Result<Reading, Refusal>>, AdminError> {
    let described = admin.describe_groups(groups).await?;
    let ids: Vec<String> =
        described.iter().filter(|(_, group)| group.is_ok()).map(|(id, _)| id.clone()).collect();
    let mut committed = admin.committed(&ids).await?;
    let mut readings = BTreeMap::new();
    let mut partitions = BTreeSet::new();
    for (id, group) in described {
        let group = match group {
            Ok(group) => group,
            Err(why) => {
                readings.insert(id, Err(why));
                continue;
            }
        };
        let offsets = match committed.remove(&id).unwrap_or_else(|| Ok(BTreeMap::new())) {
            Ok(offsets) => offsets,
            Err(why) => {
                readings.insert(id, Err(why));
                continue;
            }
        };
        let progress = joined(&group, &offsets);
        partitions.extend(progress.keys().cloned());
        readings.insert(id, Ok(Reading { group, progress }));
    }
    let topics: BTreeSet<String> = partitions.iter().map(|(topic, _)| topic.clone()).collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let metadata = admin.metadata(Some(&topics)).await?;
    let led: Vec<Partition> =
        partitions.into_iter().filter(|place| metadata.leader(place).is_some()).collect();
    let latest = admin.offsets(&metadata, &led, Spot::Latest).await?;
    let mut late = BTreeSet::new();
    for (partition, progress) in
        readings.values_mut().flatten().flat_map(|reading| &mut reading.progress)
    {
        progress.latest = latest.get(partition).and_then(|end| end.as_ref().ok()).copied();
        if let Some(committed) = progress.committed.filter(|_| progress.lag() > Some(0)) {
            late.insert((partition.clone(), committed));
        }
    }
    let times = times.at(admin, &metadata, late).await?;
    for reading in readings.values_mut().flatten() {
        for (partition, progress) in &mut reading.progress {
            progress.lag_seconds = match (progress.lag(), progress.committed) {
                (Some(0), _) => Some(0.0),
                (Some(_), Some(committed)) => times
                    .get(&(partition.clone(), committed))
                    .map(|written| seconds(now.saturating_sub(*written))),
                _ => None,
            };
        }
    }
    Ok(readings)
}

fn joined(group: &Group, offsets: &BTreeMap<Partition, i64>) -> BTreeMap<Partition, Progress> {
    let unknown = Progress { committed: None, latest: None, lag_seconds: None, member: None };
    let mut progress = BTreeMap::<Partition, Progress>::new();
    for (partition, offset) in offsets {
        let entry = progress.entry(partition.clone()).or_insert_with(|| unknown.clone());
        entry.committed = Some(*offset);
    }
    for (index, member) in group.members.iter().enumerate() {
        for partition in &member.assignment {
            let entry = progress.entry(partition.clone()).or_insert_with(|| unknown.clone());
            entry.member = Some(index);
        }
    }
    progress
}

/// Milliseconds as seconds; a clock that runs ahead counts as none.
fn seconds(millis: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "two hundred thousand years are exact")]
    let millis = millis.max(0) as f64;
    millis / 1000.0
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Member;

    #[test]
    fn a_partition_counts_whether_it_was_committed_or_only_assigned() {
        let place = |number| ("t".to_owned(), number);
        let member = Member {
            id: "m".to_owned(),
            client: String::new(),
            host: String::new(),
            assignment: vec![place(0), place(1)],
        };
        let group = Group { members: vec![member], ..Group::default() };
        let progress = joined(&group, &BTreeMap::from([(place(0), 5), (place(2), 7)]));
        let seen: Vec<_> = progress.values().map(|one| (one.committed, one.member)).collect();
        assert_eq!(seen, [(Some(5), Some(0)), (None, Some(0)), (Some(7), None)]);
    }

    #[test]
    fn lag_is_what_lies_behind_the_committed_offset_and_never_negative() {
        let mut progress =
            Progress { committed: Some(3), latest: Some(10), lag_seconds: None, member: None };
        assert_eq!(progress.lag(), Some(7));
        progress.committed = Some(12);
        assert_eq!(progress.lag(), Some(0));
        progress.committed = None;
        assert_eq!(progress.lag(), None);
    }
}
