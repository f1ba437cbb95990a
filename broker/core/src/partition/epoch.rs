//! Leader epochs: which one leads, and where those before it ended (KIP-101, KIP-279, KIP-320).
//!
//! An epoch begins where the log ends when its leader takes over, whether or not it writes anything
//! then. One that wrote nothing is not told apart from its neighbours by the log: it ended where
//! the next one began.

use kastellan_protocol::ErrorCode;

use super::Partition;
use crate::{
    id::{LeaderEpoch, Offset},
    log::Log,
};

impl<L: Log> Partition<L> {
    /// The leader epoch that this replica was assigned last, -1 before that.
    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Whether `epoch`, what a client takes for the leader's, is the present one; -1 is not
    /// checked. Errors: 74 `FENCED_LEADER_EPOCH`, 75 `UNKNOWN_LEADER_EPOCH` (KIP-320).
    pub fn check_epoch(&self, epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        match epoch {
            -1 => Ok(()),
            _ if epoch < self.epoch => Err(ErrorCode::FencedLeaderEpoch),
            _ if epoch > self.epoch => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// Where `epoch` ended: (the largest epoch known that is not above it, its end offset), where
    /// one below all known ones is answered with itself. The present epoch ends with the log, what
    /// is not committed included. `None` for -1 and for an epoch of the future.
    pub fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        match epoch {
            -1 => None,
            _ if epoch > self.epoch => None,
            _ if epoch == self.epoch => Some((epoch, self.log.end())),
            _ => Some(self.log.end_of_epoch(epoch)),
        }
    }

    /// The epoch of the first record, that of the present leader where there is none.
    pub(super) fn epoch_at_start(&self) -> LeaderEpoch {
        match self.log.epoch_at(self.log.start()) {
            -1 => self.epoch,
            epoch => epoch,
        }
    }
}
