//! Recovery: the longest valid prefix of what an unclean shutdown left.
//!
//! Above the recovery point a batch counts when it is whole, its CRC holds, its offset is the one
//! expected and its epoch does not go back; the first that does not count ends the log. Below it
//! bytes were synced, and compaction may have left gaps; in a topic that is compacted there may be
//! gaps above it, too, where the replica was sent what its leader's compaction had left.

use std::{io, sync::Arc};

use kastellan_core::id::Offset;
use kastellan_protocol::batch::Header;

use super::{Active, Log};
use crate::{
    disk::{Disk, File, read_full},
    scan::{SWEEP, Step, Walk},
    segment::{Builder, Segment},
};

/// What opening a log found and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes read because the shutdown was not clean.
    pub scanned_bytes: u64,
    /// Bytes cut off behind the longest valid prefix.
    pub dropped_bytes: u64,
    /// Segments removed because something before them was lost.
    pub dropped_segments: usize,
}

/// How far the scan of one log has come, and what it may assume.
#[derive(Debug)]
pub(super) struct Scan {
    /// The offset behind the last valid batch.
    pub(super) expected: Offset,
    /// Up to here compaction may have left gaps.
    pub(super) lenient: Offset,
    /// Up to here bytes were synced.
    pub(super) durable: Offset,
    /// Anywhere: a follower of a compacted log is sent what its leader's compaction has left.
    pub(super) gaps: bool,
}

impl Scan {
    fn follows(&self, header: &Header, latest_epoch: i32) -> bool {
        let gap =
            header.base_offset > self.expected && (self.gaps || header.base_offset <= self.lenient);
        let old = header.next_offset() <= self.lenient;
        (header.base_offset == self.expected || gap) && (old || header.leader_epoch >= latest_epoch)
    }
}

impl<D: Disk> Log<D> {
    /// Walks a segment as far as it is valid, cuts the rest, and makes it the active one.
    pub(super) fn scan(
        &mut self,
        mut segment: Segment<D>,
        file: &Arc<D::File>,
        next: Option<Offset>,
        scan: &mut Scan,
    ) -> io::Result<()> {
        scan.expected = segment.base;
        let mut builder = Builder::new(segment.base, self.config.index_interval_bytes);
        let mut walk = Walk::new(&**file, 0, segment.size, SWEEP);
        let mut valid = 0;
        let mut first_timestamp = None;
        let mut unproven = None;
        while let Step::Batch(position, header) = walk.step()? {
            let known = header.next_offset() <= scan.durable;
            let fits = next.is_none_or(|next| header.next_offset() <= next)
                && header.last_offset() - segment.base <= i64::from(i32::MAX);
            if !fits
                || !scan.follows(&header, self.epochs.latest())
                || !(known || walk.crc_holds(position, &header)?)
            {
                break;
            }
            if !known {
                unproven.get_or_insert(position);
            }
            first_timestamp.get_or_insert(header.max_timestamp);
            self.epochs.note(header.leader_epoch, header.base_offset);
            builder.batch(position, &header);
            scan.expected = header.next_offset();
            valid = position + header.size() as u64;
        }
        self.recovery.scanned_bytes += segment.size;
        rewrite(&**file, unproven.unwrap_or(valid), valid)?;
        if valid < segment.size {
            self.recovery.dropped_bytes += segment.size - valid;
            file.set_len(valid)?;
        }
        // the last life may have cut a failed write off and never synced that: what it cut must not
        // come back behind the valid part once the segment is trusted
        let deferred = self.shared.defers_syncs();
        if deferred {
            self.loosen();
        } else {
            file.sync()?;
        }
        segment.size = valid;
        segment.end = scan.expected;
        // a compacted segment may end before the next one begins
        if let Some(next) = next.filter(|next| *next <= scan.lenient) {
            segment.end = next;
            scan.expected = next;
        }
        segment.pinned = (!deferred).then(|| Arc::clone(file));
        self.end = segment.end;
        self.active = Some(Active::new(segment, builder, first_timestamp));
        Ok(())
    }
}

/// Writes the bytes of a range once more. Where a sync failed and the process was started again
/// without a power cut, the page cache holds bytes that never reached the disk and takes them for
/// clean: no later sync would write them, and what was acknowledged on top of them would be lost.
fn rewrite<F: File>(file: &F, from: u64, to: u64) -> io::Result<()> {
    let wanted = |position| usize::try_from(to - position).unwrap_or(SWEEP).min(SWEEP);
    let mut position = from;
    let mut buffer = vec![0; wanted(position)];
    while position < to {
        let chunk = buffer.get_mut(..wanted(position)).unwrap_or_default();
        let read = read_full(file, chunk, position)?;
        let chunk = chunk.get(..read).filter(|chunk| !chunk.is_empty());
        let chunk = chunk.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        file.write_at(chunk, position)?;
        position += read as u64;
    }
    Ok(())
}
