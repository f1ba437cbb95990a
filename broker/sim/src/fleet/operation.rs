//! What happens to a fleet in the first phase: one file per kind of thing.

mod clocks;
mod cuts;
mod deaths;
mod disks;
mod membership;
mod work;

use super::{invariant::Check, world::World};

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    AddVoter,
    Crash,
    CrashAll,
    CutOneWay,
    CutPowerSoon,
    FailDisk,
    Heal,
    Isolate,
    JumpClock,
    Kill,
    MendDisks,
    Pause,
    Propose,
    Refuse,
    RemoveVoter,
    Resign,
    SkewClock,
    SlowDisk,
    Snapshot,
    SplitInTwo,
}

impl Operation {
    pub(super) const ALL: [Self; 20] = [
        Self::AddVoter,
        Self::Crash,
        Self::CrashAll,
        Self::CutOneWay,
        Self::CutPowerSoon,
        Self::FailDisk,
        Self::Heal,
        Self::Isolate,
        Self::JumpClock,
        Self::Kill,
        Self::MendDisks,
        Self::Pause,
        Self::Propose,
        Self::Refuse,
        Self::RemoveVoter,
        Self::Resign,
        Self::SkewClock,
        Self::SlowDisk,
        Self::Snapshot,
        Self::SplitInTwo,
    ];

    /// How likely it is, and whether no run does without it.
    pub(super) fn weight(self) -> (usize, bool) {
        match self {
            Self::Propose => (60, true),
            Self::Heal => (14, true),
            Self::MendDisks => (6, true),
            Self::AddVoter | Self::RemoveVoter | Self::Snapshot => (6, false),
            Self::Crash
            | Self::Kill
            | Self::Pause
            | Self::Isolate
            | Self::CutOneWay
            | Self::SplitInTwo
            | Self::CutPowerSoon => (4, false),
            Self::Resign | Self::JumpClock | Self::SkewClock | Self::Refuse => (3, false),
            Self::SlowDisk | Self::FailDisk => (2, false),
            Self::CrashAll => (1, false),
        }
    }

    pub(super) fn is_about_voters(self) -> bool {
        matches!(self, Self::AddVoter | Self::RemoveVoter | Self::Snapshot)
    }

    pub(super) fn run(self, world: &mut World) -> Check {
        let simple: fn(&mut World) = match self {
            Self::CutOneWay => cuts::one_way,
            Self::Isolate => cuts::isolate,
            Self::SplitInTwo => cuts::split,
            Self::Refuse => deaths::refuse,
            Self::Heal => cuts::heal,
            Self::AddVoter => return membership::add(world),
            Self::RemoveVoter => return membership::remove(world),
            Self::Crash => return deaths::crash(world),
            Self::CrashAll => return deaths::crash_all(world),
            Self::Kill => return deaths::kill(world),
            Self::Pause => return deaths::pause(world),
            Self::CutPowerSoon => return disks::cut_power_soon(world),
            Self::FailDisk => return disks::fail(world),
            Self::SlowDisk => return disks::slow(world),
            Self::MendDisks => return disks::mend(world),
            Self::JumpClock => return clocks::jump(world),
            Self::SkewClock => return clocks::skew(world),
            Self::Propose => return work::propose(world),
            Self::Resign => return work::resign(world),
            Self::Snapshot => return work::snapshot(world),
        };
        simple(world);
        Ok(())
    }
}
