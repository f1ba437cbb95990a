//! Where reading begins.

use std::collections::BTreeMap;

use crate::admin::{Admin, Metadata, Partition, Spot};
use crate::command::moment;
use crate::failure::Failure;

/// A place in every partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// The first record.
    Beginning,
    /// Behind the last record.
    End,
    /// This offset.
    Offset(i64),
    /// So many records before the end.
    Last(i64),
    /// The first record of this time or later, in milliseconds since 1970.
    Time(i64),
}

/// Reads the value of `--from`.
pub(super) fn parse(text: &str) -> Result<From, String> {
    match (text, text.parse::<i64>()) {
        ("beginning", _) => Ok(From::Beginning),
        ("end", _) => Ok(From::End),
        (_, Ok(offset @ 0..)) => Ok(From::Offset(offset)),
        (_, Ok(last)) => Ok(From::Last(last.saturating_neg())),
        _ => moment::parse(text).map(From::Time).map_err(|_no_time| {
            "write beginning, end, an offset, -N for the last N, a time like \
             2026-01-31T08:00:00Z, or an age like 10m"
                .to_owned()
        }),
    }
}

/// The offset at which each partition is read from.
pub(super) async fn starts(
    admin: &mut Admin,
    metadata: &Metadata,
    partitions: &[Partition],
    from: From,
) -> Result<BTreeMap<Partition, i64>, Failure> {
    let spot = match from {
        From::Beginning | From::Offset(_) => Spot::Earliest,
        From::End | From::Last(_) => Spot::Latest,
        From::Time(time) => Spot::Time(time),
    };
    let found = known(admin, metadata, partitions, spot).await?;
    Ok(match from {
        From::Offset(offset) => {
            let ends = known(admin, metadata, partitions, Spot::Latest).await?;
            let within = |(place, first): (Partition, i64)| {
                let end = ends.get(&place).copied().unwrap_or(first);
                (place, offset.clamp(first, end.max(first)))
            };
            found.into_iter().map(within).collect()
        }
        From::Last(count) => {
            let firsts = known(admin, metadata, partitions, Spot::Earliest).await?;
            let back = |(place, end): (Partition, i64)| {
                let first = firsts.get(&place).copied().unwrap_or_default();
                (place, end.saturating_sub(count).max(first))
            };
            found.into_iter().map(back).collect()
        }
        _ => found,
    })
}

/// The offsets of a spot, all of which must be known.
pub(super) async fn known(
    admin: &mut Admin,
    metadata: &Metadata,
    partitions: &[Partition],
    spot: Spot,
) -> Result<BTreeMap<Partition, i64>, Failure> {
    let found = admin.offsets(metadata, partitions, spot).await?;
    let offset = |((topic, number), offset): (Partition, Result<i64, crate::admin::Refusal>)| {
        let offset = offset.map_err(|why| Failure::new(format!("{topic}-{number}: {why}")))?;
        Ok(((topic, number), offset))
    };
    found.into_iter().map(offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_word_a_number_or_a_time() {
        assert_eq!(parse("beginning"), Ok(From::Beginning));
        assert_eq!(parse("end"), Ok(From::End));
        assert_eq!(parse("17"), Ok(From::Offset(17)));
        assert_eq!(parse("-5"), Ok(From::Last(5)));
        assert_eq!(parse("1970-01-01T00:00:01Z"), Ok(From::Time(1000)));
        assert!(parse("somewhere").unwrap_err().starts_with("write beginning"));
    }
}
