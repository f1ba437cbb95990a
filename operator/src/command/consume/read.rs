//! Reads partitions from their positions on, for as long as it is asked to.

use std::collections::BTreeMap;
use std::time::Duration;

use kastellan_protocol::ErrorCode;
use kastellan_protocol::batch::{Malformed, RecordView, Scratch, batches, for_each_record};
use tokio::time::Instant;

use super::from::known;
use super::print::Printer;
use crate::admin::{Admin, AdminError, Fetched, Metadata, Partition, Position, Refusal, Spot};
use crate::command::client::{remark, topics};
use crate::failure::Failure;

/// Before a partition that has moved is looked for again.
const PAUSE: Duration = Duration::from_millis(200);

/// Where the reading is.
#[derive(Debug)]
pub(super) struct Reader {
    topic: String,
    metadata: Metadata,
    positions: BTreeMap<Partition, i64>,
    /// Where each partition ends for us; empty when there is no end.
    ends: BTreeMap<Partition, i64>,
    follow: bool,
    scratch: Scratch,
    patience: Duration,
    /// Since when nothing but passing failures has come.
    trouble: Option<Instant>,
}

impl Reader {
    /// Reads nothing yet.
    pub(super) async fn new(
        admin: &mut Admin,
        topic: &str,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let metadata = topics(admin, &[topic.to_owned()]).await?;
        Ok(Self {
            topic: topic.to_owned(),
            metadata,
            positions: BTreeMap::new(),
            ends: BTreeMap::new(),
            follow: true,
            scratch: Scratch::default(),
            patience,
            trouble: None,
        })
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Reads these partitions from these offsets on; without `follow` only what is there now.
    pub(super) async fn assign(
        &mut self,
        admin: &mut Admin,
        starts: BTreeMap<Partition, i64>,
        follow: bool,
    ) -> Result<(), Failure> {
        self.follow = follow;
        self.ends.clear();
        if !follow {
            let partitions: Vec<Partition> = starts.keys().cloned().collect();
            self.ends = known(admin, &self.metadata, &partitions, Spot::Latest).await?;
        }
        self.positions = starts;
        Ok(())
    }

    /// The offset of the record that comes next in each partition.
    pub(super) fn positions(&self) -> &BTreeMap<Partition, i64> {
        &self.positions
    }

    /// Whether everything was read that was to be read.
    pub(super) fn is_done(&self) -> bool {
        !self.follow && self.open().is_empty()
    }

    fn open(&self) -> Vec<Position> {
        let open = |(place, at): &(&Partition, &i64)| {
            self.follow || self.ends.get(*place).is_some_and(|end| *at < end)
        };
        self.positions.iter().filter(open).map(|(place, at)| (place.clone(), *at)).collect()
    }

    /// Fetches once, and prints what came.
    pub(super) async fn read(
        &mut self,
        admin: &mut Admin,
        wait: Duration,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let open = self.open();
        if open.is_empty() {
            tokio::time::sleep(wait).await;
            return Ok(());
        }
        let answers = match admin.fetch(&self.metadata, &open, wait).await {
            Ok(answers) => answers,
            Err(why) if why.may_pass() => return self.passes(admin, why.into()).await,
            Err(why) => return Err(why.into()),
        };
        let mut trouble = open
            .iter()
            .find(|(place, _)| !answers.contains_key(place))
            .map(|((topic, number), _)| Failure::new(format!("{topic}-{number} has no leader")));
        for (place, at) in open {
            match answers.get(&place) {
                None => {}
                Some(Ok(fetched)) => self.take(place, at, fetched, printer)?,
                Some(Err(why)) if why.is(ErrorCode::OffsetOutOfRange) => {
                    self.rewind(admin, place, at).await?;
                }
                Some(Err(why)) => {
                    let failure = Failure::new(format!("{}-{}: {why}", place.0, place.1));
                    if !why.retriable {
                        return Err(failure);
                    }
                    trouble = Some(failure);
                }
            }
        }
        if let Some(why) = trouble {
            return self.passes(admin, why).await;
        }
        self.trouble = None;
        Ok(())
    }

    /// Looks again at who leads what, unless this has gone on for too long.
    async fn passes(&mut self, admin: &mut Admin, why: Failure) -> Result<(), Failure> {
        let since = *self.trouble.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.patience {
            return Err(why);
        }
        tokio::time::sleep(PAUSE).await;
        match admin.metadata(Some(std::slice::from_ref(&self.topic))).await {
            Ok(metadata) if metadata.topics.contains_key(&self.topic) => self.metadata = metadata,
            Ok(_) => return Err(Failure::new(format!("the topic {:?} is gone", self.topic))),
            Err(AdminError::Unreachable(_)) => {}
            Err(why) => return Err(why.into()),
        }
        Ok(())
    }

    /// The log does not reach our offset any more: on from its first record.
    async fn rewind(
        &mut self,
        admin: &mut Admin,
        place: Partition,
        at: i64,
    ) -> Result<(), Failure> {
        let one = [place.clone()];
        let first = known(admin, &self.metadata, &one, Spot::Earliest).await?;
        let first = first.get(&place).copied().unwrap_or_default();
        let (topic, number) = &place;
        remark(&format!("{topic}-{number}: offset {at} is gone: on from {first}"));
        if !self.follow {
            let ends = known(admin, &self.metadata, &one, Spot::Latest).await?;
            self.ends.extend(ends);
        }
        self.positions.insert(place, first);
        Ok(())
    }

    fn take(
        &mut self,
        place: Partition,
        at: i64,
        fetched: &Fetched,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let end = self.ends.get(&place).copied().unwrap_or(i64::MAX);
        let mut window = Window { partition: place.1, at, end, next: at };
        let broken = |why: &Malformed| {
            Failure::new(format!("{}-{} near offset {at}: {why}", place.0, place.1))
        };
        for batch in batches(&fetched.records) {
            let (header, bytes) = batch.map_err(|why| broken(&why))?;
            if printer.is_done() || window.next >= end {
                break;
            }
            if !header.is_control() {
                match window.print(bytes, &mut self.scratch, printer) {
                    Ok(()) => {}
                    Err(Stop::Enough) => break,
                    Err(Stop::Failed(why)) => return Err(why),
                    Err(Stop::Malformed(why)) => return Err(broken(&why)),
                }
            }
            // compaction may have taken the last records of a batch
            window.next = window.next.max(header.next_offset());
        }
        self.positions.insert(place, window.next);
        Ok(())
    }
}

/// What of a partition is to be printed.
struct Window {
    partition: i32,
    /// The first offset: a batch may begin before it.
    at: i64,
    /// The offset behind the last one.
    end: i64,
    /// The offset behind the last record that was printed.
    next: i64,
}

impl Window {
    fn print(
        &mut self,
        batch: &[u8],
        scratch: &mut Scratch,
        printer: &mut Printer,
    ) -> Result<(), Stop> {
        for_each_record(batch, scratch, |record: RecordView<'_>| {
            if record.offset >= self.end || printer.is_done() {
                return Err(Stop::Enough);
            }
            if record.offset >= self.at {
                self.next = record.offset.saturating_add(1);
                printer.record(self.partition, &record).map_err(Stop::Failed)?;
            }
            Ok(())
        })
    }
}

/// Why the walk over a batch ended early.
enum Stop {
    Enough,
    Failed(Failure),
    Malformed(Malformed),
}

impl From<Malformed> for Stop {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}

/// So that a partition's refusal reads like a failure.
impl From<Refusal> for Failure {
    fn from(why: Refusal) -> Self {
        Self::new(why.message)
    }
}
