//! What can happen in a world, one file each.
#![expect(clippy::unnecessary_wraps, reason = "every operation has the same shape")]

mod advance;
mod alter_topic;
mod checkpoint;
mod commit_offsets;
mod compact;
mod configure;
mod crash;
mod create_topic;
mod cut_power_soon;
mod delete_group;
mod delete_offsets;
mod delete_records;
mod delete_topic;
mod end_of_epoch;
mod fail_sync;
mod fail_write;
pub(crate) mod fetch;
mod fill_disk;
mod finish_read;
mod flush;
mod jump;
mod lead;
mod list_offsets;
pub(crate) mod member;
mod no_faults;
pub(crate) mod produce;
mod retain;
mod shut_down;
mod slow_disk;
pub(crate) mod sync;
mod truncate;

use crate::{invariant::Check, world::World};

/// One kind of thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Advance,
    AlterTopic,
    Checkpoint,
    CommitOffsets,
    Compact,
    CompactOn,
    Configure,
    Crash,
    CreateTopic,
    CutPowerSoon,
    DeleteGroup,
    DeleteOffsets,
    DeleteRecords,
    DeleteTopic,
    EndOfEpoch,
    FailSync,
    FailWrite,
    Fetch,
    FillDisk,
    FinishRead,
    Flush,
    Jump,
    Lead,
    ListOffsets,
    Member,
    NoFaults,
    Produce,
    Retain,
    ShutDown,
    SlowDisk,
    Sync,
    Truncate,
}

impl Operation {
    pub(crate) const ALL: [Self; 32] = [
        Self::Advance,
        Self::AlterTopic,
        Self::Checkpoint,
        Self::CommitOffsets,
        Self::Compact,
        Self::CompactOn,
        Self::Configure,
        Self::Crash,
        Self::CreateTopic,
        Self::CutPowerSoon,
        Self::DeleteGroup,
        Self::DeleteOffsets,
        Self::DeleteRecords,
        Self::DeleteTopic,
        Self::EndOfEpoch,
        Self::FailSync,
        Self::FailWrite,
        Self::Fetch,
        Self::FillDisk,
        Self::FinishRead,
        Self::Flush,
        Self::Jump,
        Self::Lead,
        Self::ListOffsets,
        Self::Member,
        Self::NoFaults,
        Self::Produce,
        Self::Retain,
        Self::ShutDown,
        Self::SlowDisk,
        Self::Sync,
        Self::Truncate,
    ];

    /// How likely it usually is, and whether a run without it would test nothing.
    pub(crate) fn weight(self) -> (usize, bool) {
        match self {
            Self::Produce => (120, true),
            Self::Sync | Self::Fetch => (40, true),
            Self::CreateTopic => (8, true),
            Self::Member | Self::CommitOffsets | Self::Advance | Self::CompactOn => (25, false),
            Self::ListOffsets | Self::FinishRead | Self::EndOfEpoch => (15, false),
            Self::Flush | Self::Checkpoint | Self::NoFaults | Self::DeleteOffsets => (8, false),
            Self::Compact => (12, false),
            Self::Crash | Self::CutPowerSoon | Self::Retain | Self::DeleteRecords | Self::Lead => {
                (6, false)
            }
            Self::Truncate | Self::Configure | Self::ShutDown => (4, false),
            Self::Jump | Self::DeleteGroup | Self::AlterTopic | Self::SlowDisk => (3, false),
            Self::DeleteTopic | Self::FailSync | Self::FailWrite | Self::FillDisk => (2, false),
        }
    }

    /// Whether it compacts, or ends what was begun.
    pub(crate) fn is_about_compaction(self) -> bool {
        matches!(self, Self::Compact | Self::CompactOn | Self::Crash | Self::CutPowerSoon)
    }

    pub(crate) fn run(self, world: &mut World) -> Check {
        match self {
            Self::Advance => advance::run(world),
            Self::AlterTopic => alter_topic::run(world),
            Self::Checkpoint => checkpoint::run(world),
            Self::CommitOffsets => commit_offsets::run(world),
            Self::Compact => compact::run(world),
            Self::CompactOn => compact::go_on(world),
            Self::Configure => configure::run(world),
            Self::Crash => crash::run(world),
            Self::CreateTopic => create_topic::run(world),
            Self::CutPowerSoon => cut_power_soon::run(world),
            Self::DeleteGroup => delete_group::run(world),
            Self::DeleteOffsets => delete_offsets::run(world),
            Self::DeleteRecords => delete_records::run(world),
            Self::DeleteTopic => delete_topic::run(world),
            Self::EndOfEpoch => end_of_epoch::run(world),
            Self::FailSync => fail_sync::run(world),
            Self::FailWrite => fail_write::run(world),
            Self::Fetch => fetch::run(world),
            Self::FillDisk => fill_disk::run(world),
            Self::FinishRead => finish_read::run(world),
            Self::Flush => flush::run(world),
            Self::Jump => jump::run(world),
            Self::Lead => lead::run(world),
            Self::ListOffsets => list_offsets::run(world),
            Self::Member => member::run(world),
            Self::NoFaults => no_faults::run(world),
            Self::Produce => produce::run(world),
            Self::Retain => retain::run(world),
            Self::ShutDown => shut_down::run(world),
            Self::SlowDisk => slow_disk::run(world),
            Self::Sync => sync::run(world),
            Self::Truncate => truncate::run(world),
        }
    }

    /// Its name, for the summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Advance => "advance",
            Self::AlterTopic => "alter topic",
            Self::Checkpoint => "checkpoint",
            Self::CommitOffsets => "commit offsets",
            Self::Compact => "compact",
            Self::CompactOn => "compact on",
            Self::Configure => "configure",
            Self::Crash => "crash",
            Self::CreateTopic => "create topic",
            Self::CutPowerSoon => "cut power soon",
            Self::DeleteGroup => "delete group",
            Self::DeleteOffsets => "delete offsets",
            Self::DeleteRecords => "delete records",
            Self::DeleteTopic => "delete topic",
            Self::EndOfEpoch => "end of epoch",
            Self::FailSync => "fail sync",
            Self::FailWrite => "fail write",
            Self::Fetch => "fetch",
            Self::FillDisk => "fill disk",
            Self::FinishRead => "finish read",
            Self::Flush => "flush",
            Self::Jump => "jump",
            Self::Lead => "lead",
            Self::ListOffsets => "list offsets",
            Self::Member => "member",
            Self::NoFaults => "no faults",
            Self::Produce => "produce",
            Self::Retain => "retain",
            Self::ShutDown => "shut down",
            Self::SlowDisk => "slow disk",
            Self::Sync => "sync",
            Self::Truncate => "truncate",
        }
    }
}
