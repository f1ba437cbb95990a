//! What the broker changes in a client's batch, in place.

use super::layout;

fn put<const N: usize>(batch: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(field) = batch.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<N>) {
        *field = bytes;
    }
}

fn get<const N: usize>(batch: &[u8], at: usize) -> Option<[u8; N]> {
    batch.get(at..)?.first_chunk::<N>().copied()
}

/// Assigns the base offset and the leader epoch. Both lie outside of the CRC.
///
/// `batch` is a batch that was validated; fewer than 16 bytes are left as they are.
pub fn patch(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    put(batch, 0, base_offset.to_be_bytes());
    put(batch, layout::LEADER_EPOCH, leader_epoch.to_be_bytes());
}

/// Marks the batch as stamped by the broker at `timestamp` (milliseconds since 1970), and works out
/// the CRC again. The records keep their deltas; readers of such a batch ignore them.
pub fn set_log_append_time(batch: &mut [u8], timestamp: i64) {
    if let Some(attributes) = get::<2>(batch, layout::ATTRIBUTES) {
        let attributes = i16::from_be_bytes(attributes) | layout::LOG_APPEND_TIME;
        put(batch, layout::ATTRIBUTES, attributes.to_be_bytes());
    }
    set_max_timestamp(batch, timestamp);
}

/// Writes the true maximum over one that the client got wrong, and works out the CRC again.
pub fn set_max_timestamp(batch: &mut [u8], timestamp: i64) {
    put(batch, layout::MAX_TIMESTAMP, timestamp.to_be_bytes());
    set_crc(batch);
}

/// Works out the CRC of one whole batch and writes it into the header.
pub(super) fn set_crc(batch: &mut [u8]) -> u32 {
    let crc = crc32c::crc32c(batch.get(layout::CHECKED..).unwrap_or_default());
    put(batch, layout::CRC, crc.to_be_bytes());
    crc
}

/// Whether the CRC in the header is that of the bytes behind it. `batch` is one whole batch and no
/// more.
pub fn check_crc(batch: &[u8]) -> bool {
    match (get::<4>(batch, layout::CRC), batch.get(layout::CHECKED..)) {
        (Some(crc), Some(checked)) => u32::from_be_bytes(crc) == crc32c::crc32c(checked),
        _ => false,
    }
}
