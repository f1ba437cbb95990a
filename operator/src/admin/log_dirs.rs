//! How much space partitions take on the brokers' disks.

use std::collections::BTreeMap;

use kastellan_protocol::messages::DescribeLogDirsRequest;

use super::{Admin, AdminError, Metadata, Partition};

impl Admin {
    /// The bytes that each partition takes on the broker where it is largest, which is the one that
    /// has all of it. `None` where a broker does not tell (`DescribeLogDirs` is not served).
    pub async fn sizes(
        &mut self,
        metadata: &Metadata,
    ) -> Result<Option<BTreeMap<Partition, u64>>, AdminError> {
        let largest = |(partition, on): (Partition, BTreeMap<i32, u64>)| {
            (partition, on.into_values().max().unwrap_or_default())
        };
        let sizes = self.sizes_on(metadata).await?;
        Ok(sizes.map(|sizes| sizes.into_iter().map(largest).collect()))
    }

    /// The bytes that each partition takes on each broker that has some of it, by node id. `None`
    /// where a broker does not tell.
    pub async fn sizes_on(
        &mut self,
        metadata: &Metadata,
    ) -> Result<Option<BTreeMap<Partition, BTreeMap<i32, u64>>>, AdminError> {
        if !self.serves::<DescribeLogDirsRequest>(2) {
            return Ok(None);
        }
        let request = DescribeLogDirsRequest::default().with_topics(None);
        let requests = metadata.brokers.keys().map(|id| (*id, request.clone())).collect();
        let mut sizes = BTreeMap::<Partition, BTreeMap<i32, u64>>::new();
        for (id, answer) in self.ask_each(2, &requests).await {
            let topics = answer?.results.into_iter().flat_map(|dir| dir.topics);
            for topic in topics {
                for partition in topic.partitions.iter().filter(|one| !one.is_future_key) {
                    let key = (topic.name.as_str().to_owned(), partition.partition_index);
                    let size = u64::try_from(partition.partition_size).unwrap_or_default();
                    *sizes.entry(key).or_default().entry(id).or_default() += size;
                }
            }
        }
        Ok(Some(sizes))
    }

    /// How large the disks of each broker are and how much of them is free, in bytes. Brokers that
    /// do not tell are left out.
    pub async fn disks(
        &mut self,
        metadata: &Metadata,
    ) -> Result<BTreeMap<i32, (u64, u64)>, AdminError> {
        if !self.serves::<DescribeLogDirsRequest>(4) {
            return Ok(BTreeMap::new());
        }
        let request = DescribeLogDirsRequest::default().with_topics(Some(Vec::new()));
        let requests = metadata.brokers.keys().map(|id| (*id, request.clone())).collect();
        let mut disks = BTreeMap::new();
        for (id, answer) in self.ask_each(4, &requests).await {
            let known = answer?.results.into_iter().filter_map(|dir| {
                let total = u64::try_from(dir.total_bytes).ok()?;
                Some((total, u64::try_from(dir.usable_bytes).ok()?))
            });
            let sum = known.reduce(|(total, free), (more, rest)| {
                (total.saturating_add(more), free.saturating_add(rest))
            });
            disks.extend(sum.map(|sum| (id, sum)));
        }
        Ok(disks)
    }
}
