//! Reading as a member of a consumer group: what was printed is committed, at least once.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::print::Printer;
use super::read::Reader;
use super::{Arguments, WAIT, from};
use crate::admin::{Admin, Membership, Partition};
use crate::command::client::{remark, topics};
use crate::failure::Failure;
use crate::stop::Stop;

/// How often offsets are committed, besides at the end. Kafka's default.
const COMMIT: Duration = Duration::from_secs(5);

/// Reads until the end or a signal; commits and leaves in either case.
pub(super) async fn in_a_group(
    admin: &mut Admin,
    arguments: &Arguments,
    group: &str,
    mut printer: Printer,
) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    topics(admin, std::slice::from_ref(&arguments.topic)).await?;
    let mut reading = Reading {
        arguments,
        group,
        reader: Reader::new(admin, &arguments.topic, arguments.connect.patience()).await?,
        member: None,
        committed: BTreeMap::new(),
    };
    let result = tokio::select! {
        result = reading.read(admin, &mut printer) => result,
        _ = stop.asked() => {
            // an answer may be on its way that nobody waits for any more
            admin.disconnect();
            Ok(())
        }
    };
    stop.at_once_from_now_on();
    // what was not printed was not read
    let flushed = printer.flush();
    let left = if flushed.is_ok() { reading.leave(admin).await } else { Ok(()) };
    result.and(flushed).and(left)
}

struct Reading<'a> {
    arguments: &'a Arguments,
    group: &'a str,
    reader: Reader,
    member: Option<Membership>,
    /// What the group knows of our progress.
    committed: BTreeMap<Partition, i64>,
}

impl Reading<'_> {
    async fn read(&mut self, admin: &mut Admin, printer: &mut Printer) -> Result<(), Failure> {
        self.join(admin).await?;
        let mut heartbeat = Instant::now() + Membership::HEARTBEAT;
        let mut commit = Instant::now() + COMMIT;
        while !self.reader.is_done() && !printer.is_done() {
            self.reader.read(admin, WAIT, printer).await?;
            printer.flush()?;
            if Instant::now() >= commit {
                self.commit(admin).await?;
                commit = Instant::now() + COMMIT;
            }
            if Instant::now() >= heartbeat {
                if let Some(member) = &self.member
                    && !admin.heartbeat(member).await?
                {
                    self.commit(admin).await?;
                    self.join(admin).await?;
                }
                heartbeat = Instant::now() + Membership::HEARTBEAT;
            }
        }
        Ok(())
    }

    async fn join(&mut self, admin: &mut Admin) -> Result<(), Failure> {
        let id = self.member.take().map(|member| member.id).unwrap_or_default();
        let member = admin.join(self.group, &self.arguments.topic, &id).await?;
        let partitions = member.assignment.clone();
        if partitions.is_empty() {
            remark(&format!("group {}: other members read all partitions", self.group));
        }
        self.member = Some(member);
        let groups = [self.group.to_owned()];
        let known = admin.committed(&groups).await?.remove(self.group);
        let mut known = known.unwrap_or_else(|| Ok(BTreeMap::new())).map_err(Failure::from)?;
        known.retain(|place, _| partitions.contains(place));
        let new: Vec<Partition> =
            partitions.into_iter().filter(|place| !known.contains_key(place)).collect();
        let mut starts =
            from::starts(admin, self.reader.metadata(), &new, self.arguments.from).await?;
        self.committed.clone_from(&known);
        starts.extend(known);
        self.reader.assign(admin, starts, self.arguments.follow).await
    }

    /// Tells the group how far we are, where that has changed.
    async fn commit(&mut self, admin: &mut Admin) -> Result<(), Failure> {
        let Some(member) = &self.member else { return Ok(()) };
        let moved: BTreeMap<Partition, i64> = self
            .reader
            .positions()
            .iter()
            .filter(|(place, at)| self.committed.get(*place) != Some(at))
            .map(|(place, at)| (place.clone(), *at))
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        let answers =
            admin.commit(self.group, Some((&member.id, member.generation)), &moved).await?;
        for ((topic, number), answer) in answers {
            match answer {
                Ok(()) => {
                    let place = (topic, number);
                    if let Some(at) = moved.get(&place) {
                        self.committed.insert(place, *at);
                    }
                }
                // whoever reads the partition now prints these records again
                Err(why) => remark(&format!("{topic}-{number}: not committed: {why}")),
            }
        }
        Ok(())
    }

    async fn leave(&mut self, admin: &mut Admin) -> Result<(), Failure> {
        self.commit(admin).await?;
        match &self.member {
            Some(member) => Ok(admin.leave(member).await?),
            None => Ok(()),
        }
    }
}
