//! Which partition of `__consumer_offsets` a group belongs to: as Kafka computes it, so that a data
//! directory and every tool agree.

/// Java's `String.hashCode` over UTF-16 units, its sign bit cleared, modulo the partition count.
///
/// Kafka's `Utils.abs` maps `Integer.MIN_VALUE` to 0 and other negative numbers to their absolute
/// value. `partitions` is 1 or more.
pub(super) fn partition_of(group: &str, partitions: usize) -> usize {
    let hash = group
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    let positive = if hash == i32::MIN { 0 } else { hash.unsigned_abs() };
    usize::try_from(positive).unwrap_or(0) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_where_kafka_looks_for_them() {
        // computed with Java: Math.abs(name.hashCode()) % 50
        for (group, partition) in [
            ("", 0),
            ("a", 47),
            ("user-1", 25),
            ("console-consumer-12345", 6),
            ("gr\u{fc}ppe", 12),
            ("\u{1f980}", 2),
        ] {
            assert_eq!(partition_of(group, 50), partition, "{group}");
        }
    }

    #[test]
    fn the_one_number_without_an_absolute_value_is_zero() {
        // "polygenelubricants" is the classic string whose hash is Integer.MIN_VALUE
        assert_eq!(partition_of("polygenelubricants", 50), 0);
    }
}
