//! Uuids as Kafka writes them: in URL-safe base64, not padded.

use uuid::Uuid;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A uuid as Kafka writes it in text: URL-safe base64, not padded.
pub fn uuid_to_text(uuid: Uuid) -> String {
    let digit = |six: usize| ALPHABET.get(six & 63).copied().map_or('A', char::from);
    let text = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |at| digit(bits >> (18 - 6 * at))).collect::<String>()
    };
    uuid.as_bytes().chunks(3).map(text).collect()
}

/// Reads a uuid as Kafka writes it.
pub fn uuid_from_text(text: &str) -> Option<Uuid> {
    if text.len() != 22 {
        return None;
    }
    let mut bits = 0_u128;
    let last = text.len() - 1;
    for (at, digit) in text.bytes().enumerate() {
        let six = ALPHABET.iter().position(|known| *known == digit)? as u128;
        // 22 digits hold four bits more than a uuid has
        bits = if at == last { bits << 2 | six >> 4 } else { bits << 6 | six };
    }
    Some(Uuid::from_u128(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_as_it_was_written() {
        // the metadata topic's id, as Kafka prints it
        assert_eq!(uuid_to_text(Uuid::from_u128(1)), "AAAAAAAAAAAAAAAAAAAAAQ");
        for uuid in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let uuid = Uuid::from_u128(uuid);
            assert_eq!(uuid_from_text(&uuid_to_text(uuid)), Some(uuid));
        }
        for bad in ["", "AAAAAAAAAAAAAAAAAAAAAQ==", "AAAAAAAAAAAAAAAAAAAA Q"] {
            assert_eq!(uuid_from_text(bad), None, "{bad}");
        }
    }
}
