//! Where replicas are: of new partitions ([`spread()`]), and of those that should move ([`plan`]).
//!
//! All of it is pure. The controller spreads new partitions; the operator and the command line plan
//! moves from a [`Picture`] of brokers and partitions. A plan is found by steps of which each makes
//! the [`Score`] better, so it ends, and carrying it out never leaves a cluster worse off than
//! before; a plan of its result finds nothing more to do.

mod board;
mod lead;
mod level;
mod outcome;
mod picture;
mod repair;
mod score;
mod spread;
mod stuck;
#[cfg(test)]
mod tests;
mod weigh;

pub use outcome::{Blocked, Cause, Move, Plan, Reason, arriving};
pub use picture::{Broker, Disk, Partition, Picture, State, Tally};
pub use score::Score;
pub use spread::{Candidate, TooFew, spread};

use board::Board;
use weigh::Load;

/// What makes `picture` better, in at most `most` moves.
///
/// First of all what has to move does: replicas of brokers that are gone or shall be, copies that a
/// topic lacks or has too many of, and two that share a rack while another has none. Then disks
/// are relieved that are nearly full, replicas made even over the brokers to within one, so are
/// leaders, and at last bytes and rates, which need only be within [`Score::TOLERANCE`] of their
/// mean.
///
/// A broker's disk has room for all that it is given before anything has left it, so that moves may
/// be carried out in batches of any size, and stopped after any of them.
pub fn plan(picture: &Picture, most: usize) -> Plan {
    let mut board = Board::new(picture, most);
    let before = board.settle();
    loop {
        let round = board.settle();
        repair::repair(&mut board);
        repair::relieve(&mut board);
        level::level(&mut board);
        lead::level(&mut board);
        weigh::level(&mut board, Load::Bytes);
        weigh::level(&mut board, Load::Rate);
        if board.score() == round {
            break;
        }
    }
    outcome::of(&board, before)
}
