//! Points in time on the command line.

use jiff::{SignedDuration, Timestamp, civil, tz};

use crate::survey;

/// Milliseconds since 1970 of `2026-01-31T08:00:00Z`, of `2026-01-31` or `2026-01-31T08:00` (UTC),
/// or of an age: `90s`, `10m`, `2h30m`, `7d` ago.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    if let Ok(moment) = text.parse::<civil::DateTime>() {
        let moment = moment.to_zoned(tz::TimeZone::UTC).map_err(|why| why.to_string())?;
        return Ok(moment.timestamp().as_millisecond());
    }
    age(text).map(|age| survey::now().saturating_sub(age)).ok_or_else(|| {
        "write a time like 2026-01-31T08:00:00Z, or an age like 90s, 10m, 2h or 7d".to_owned()
    })
}

/// An age in milliseconds.
fn age(text: &str) -> Option<i64> {
    let millis = match text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok()) {
        Some(days) => days.checked_mul(86_400_000)?,
        None => i64::try_from(text.parse::<SignedDuration>().ok()?.as_millis()).ok()?,
    };
    (millis >= 0).then_some(millis)
}

/// A timestamp as RFC 3339 has it, in UTC, with milliseconds; one that no calendar has as a number.
pub(super) fn format(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(moment) => format!("{moment:.3}"),
        Err(_) => millis.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(parse("1970-01-01T00:00:01.5Z"), Ok(1500));
        assert_eq!(parse("1970-01-02"), Ok(86_400_000));
        assert_eq!(parse("1970-01-01T00:01"), Ok(60_000));
        assert_eq!(age("90s"), Some(90_000));
        assert_eq!(age("2h30m"), Some(9_000_000));
        assert_eq!(age("7d"), Some(604_800_000));
        assert_eq!(age("-1h"), None);
        assert!(parse("yesterday").unwrap_err().starts_with("write a time like"));
    }

    #[test]
    fn a_timestamp_is_printed_with_its_milliseconds() {
        assert_eq!(format(1_500), "1970-01-01T00:00:01.500Z");
        assert_eq!(format(i64::MAX), i64::MAX.to_string());
    }
}
