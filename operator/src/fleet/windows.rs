//! Maintenance windows: when what can wait may begin.

use std::time::Duration;

use jiff::Timestamp;
use kastellan_crds::cluster::{Maintenance, Window};

/// The next time at which a schedule begins a window after a moment.
fn next(window: &Window, zone: &str, after: Timestamp) -> Result<Timestamp, String> {
    let schedule = format!("{} {zone}", window.schedule);
    let found = cronexpr::parse_crontab(&schedule).and_then(|known| known.find_next(after));
    found.map(|next| next.timestamp()).map_err(|why| why.to_string())
}

/// What is wrong with windows, by the number of the one that is wrong.
pub fn wrong(maintenance: &Maintenance) -> Vec<(usize, String)> {
    let windows = maintenance.windows.iter().enumerate();
    let zone = &maintenance.time_zone;
    windows
        .filter_map(|(number, one)| Some((number, next(one, zone, Timestamp::UNIX_EPOCH).err()?)))
        .collect()
}

/// When the next window begins; `None` where one is open now, or there are none to wait for.
pub fn closed_until(maintenance: Option<&Maintenance>, now: Timestamp) -> Option<Timestamp> {
    let Maintenance { windows, time_zone } = maintenance?;
    let next = |window: &Window, after| next(window, time_zone, after).ok();
    let open = |window: &Window| {
        let minutes = u64::try_from(window.minutes).unwrap_or_default();
        let before = now - Duration::from_secs(60 * minutes);
        // it begins after that moment: whatever has begun by then is still open
        next(window, before).is_some_and(|begun| begun <= now)
    };
    if windows.iter().any(open) {
        return None;
    }
    windows.iter().filter_map(|window| next(window, now)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(schedules: &[&str], zone: &str) -> Maintenance {
        let windows = schedules
            .iter()
            .map(|schedule| Window { schedule: (*schedule).to_owned(), minutes: 90 });
        Maintenance { windows: windows.collect(), time_zone: zone.to_owned() }
    }

    fn closed(maintenance: &Maintenance, now: &str) -> Option<String> {
        let until = closed_until(Some(maintenance), now.parse().unwrap());
        until.map(|until| until.to_string())
    }

    #[test]
    fn a_window_is_open_from_its_beginning_for_so_many_minutes() {
        // a Sunday
        let sundays = windows(&["0 2 * * 0"], "Etc/UTC");
        let next = Some("2026-12-06T02:00:00Z".to_owned());
        assert_eq!(closed(&sundays, "2026-12-06T01:59:59Z"), next);
        assert_eq!(closed(&sundays, "2026-12-06T02:00:00Z"), None);
        assert_eq!(closed(&sundays, "2026-12-06T03:29:59Z"), None);
        let after = Some("2026-12-13T02:00:00Z".to_owned());
        assert_eq!(closed(&sundays, "2026-12-06T03:30:00Z"), after);
        assert_eq!(closed_until(None, Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn each_of_several_windows_counts_in_the_time_of_its_zone() {
        let two = windows(&["0 2 * * 0", "30 23 * * MON-FRI"], "Europe/Prague");
        assert_eq!(closed(&two, "2026-12-04T22:30:00Z"), None);
        let sunday = Some("2026-12-06T01:00:00Z".to_owned());
        assert_eq!(closed(&two, "2026-12-05T12:00:00Z"), sunday);
        // summer time
        assert_eq!(closed(&two, "2026-07-05T00:00:00Z"), None);
    }

    #[test]
    fn windows_that_never_begin_are_named() {
        let all = windows(&["0 2 * * 0", "0 25 * * *", "0 2 31 2 *"], "Etc/UTC");
        let wrong: Vec<usize> = wrong(&all).into_iter().map(|(number, _)| number).collect();
        assert_eq!(wrong, [1, 2]);
        assert_eq!(super::wrong(&windows(&["0 2 * * 0"], "Middle/Earth")).len(), 1);
    }
}
