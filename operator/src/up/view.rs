//! The live table as lines: what is known goes in, what fits comes out. Pure.

use crate::columns::{self, Column, bytes, cut, numbers, span, words};

/// Everything that the table shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct View {
    /// The cluster's name.
    pub(super) cluster: String,
    /// Its condition, as in `Ready`.
    pub(super) condition: String,
    /// Where clients connect.
    pub(super) bootstrap: String,
    /// The brokers.
    pub(super) brokers: Vec<BrokerLine>,
    /// The topics, the brokers' own left out.
    pub(super) topics: Vec<TopicLine>,
    /// The consumer groups.
    pub(super) groups: Vec<GroupLine>,
}

/// A broker; times in seconds, memory in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BrokerLine {
    pub(super) id: i32,
    pub(super) state: &'static str,
    pub(super) address: String,
    pub(super) uptime: Option<f64>,
    pub(super) memory: Option<u64>,
}

/// A topic; rates in records a second.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TopicLine {
    pub(super) name: String,
    /// Its object's condition; empty for a topic that no file asks for.
    pub(super) state: String,
    pub(super) partitions: usize,
    pub(super) records: Option<i64>,
    pub(super) bytes: Option<u64>,
    /// How fast its logs grow.
    pub(super) rate_in: Option<f64>,
    /// How fast the committed offsets of all groups move: the brokers do not tell who fetches.
    pub(super) rate_out: Option<f64>,
}

/// A consumer group; time in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct GroupLine {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) members: usize,
    pub(super) lag: i64,
    pub(super) lag_seconds: Option<f64>,
}

const BROKERS: [Column; 5] =
    [numbers("BROKER"), words("STATE"), words("ADDRESS"), numbers("UPTIME"), numbers("MEMORY")];
const TOPICS: [Column; 7] = [
    words("TOPIC"),
    words("STATE"),
    numbers("PART."),
    numbers("RECORDS"),
    numbers("SIZE"),
    numbers("IN/S"),
    numbers("OUT/S"),
];
const GROUPS: [Column; 5] =
    [words("GROUP"), words("STATE"), numbers("MEMBERS"), numbers("LAG"), numbers("LAG TIME")];

/// The table for a terminal of so many rows and columns: a row of it at least is left free, and no
/// line is longer than a row. What has no room is counted.
pub(super) fn render(view: &View, rows: usize, columns: usize) -> Vec<String> {
    let title = format!("{}   {}   {}", view.cluster, view.condition, view.bootstrap);
    let brokers: Vec<Vec<String>> = view.brokers.iter().map(broker).collect();
    let topics: Vec<Vec<String>> = view.topics.iter().map(topic).collect();
    let groups: Vec<Vec<String>> = view.groups.iter().map(group).collect();
    let mut lines = vec![rule(&title, columns)];
    let room = rows.saturating_sub(2);
    let shares = shares(room, [brokers.len(), topics.len(), groups.len()]);
    section(&mut lines, &BROKERS, brokers, (shares[0], columns));
    section(&mut lines, &TOPICS, topics, (shares[1], columns));
    section(&mut lines, &GROUPS, groups, (shares[2], columns));
    lines
}

/// The title in a line across the terminal, which sets the table off from what scrolls above it.
fn rule(title: &str, columns: usize) -> String {
    let title = cut(&columns::printable(title), columns.saturating_sub(4));
    let rest = columns.saturating_sub(columns::wide(&title) + 4);
    cut(&format!("─ {title} ─{}", "─".repeat(rest)), columns)
}

/// How many rows each section gets, its heading included: the brokers first, then topics and groups
/// what they need, and where that is too much about as much as the other.
fn shares(room: usize, rows: [usize; 3]) -> [usize; 3] {
    let needed = rows.map(|rows| if rows == 0 { 0 } else { rows + 1 });
    let [brokers, topics, groups] = needed;
    let first = brokers.min((room / 2).max(2)).min(room);
    let room = room - first;
    if topics + groups <= room {
        return [first, topics, groups];
    }
    let half = room / 2;
    let second = if topics <= half { topics } else { topics.min(room - groups.min(half)) };
    [first, second, groups.min(room - second)]
}

fn section(
    lines: &mut Vec<String>,
    heads: &[Column],
    mut rows: Vec<Vec<String>>,
    (share, columns): (usize, usize),
) {
    // a heading alone says nothing
    if share < 2 || rows.is_empty() {
        return;
    }
    let hidden = rows.len().saturating_sub(share - 1);
    if hidden > 0 {
        let shown = share - 2;
        let more = rows.len() - shown;
        rows.truncate(shown);
        lines.extend(columns::lines(heads, &rows, Some(columns)));
        lines.push(cut(&format!("… and {more} more"), columns));
    } else {
        lines.extend(columns::lines(heads, &rows, Some(columns)));
    }
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

fn broker(one: &BrokerLine) -> Vec<String> {
    vec![
        one.id.to_string(),
        one.state.to_owned(),
        one.address.clone(),
        or_dash(one.uptime.map(span)),
        or_dash(one.memory.map(bytes)),
    ]
}

fn topic(one: &TopicLine) -> Vec<String> {
    vec![
        one.name.clone(),
        one.state.clone(),
        one.partitions.to_string(),
        or_dash(one.records.map(|records| records.to_string())),
        or_dash(one.bytes.map(bytes)),
        or_dash(one.rate_in.map(rate)),
        or_dash(one.rate_out.map(rate)),
    ]
}

fn group(one: &GroupLine) -> Vec<String> {
    vec![
        one.name.clone(),
        one.state.clone(),
        one.members.to_string(),
        one.lag.to_string(),
        or_dash(one.lag_seconds.map(span)),
    ]
}

/// A rate in three figures: `0`, `12`, `3.4k`, `120k`, `1.2M`.
fn rate(per_second: f64) -> String {
    let (value, unit) = match per_second {
        small if small < 1_000.0 => (small, ""),
        middle if middle < 1_000_000.0 => (middle / 1_000.0, "k"),
        large => (large / 1_000_000.0, "M"),
    };
    if unit.is_empty() || value >= 100.0 {
        format!("{value:.0}{unit}")
    } else {
        format!("{value:.1}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(topics: usize, groups: usize) -> View {
        let topic = |number| TopicLine {
            name: format!("topic-{number}"),
            state: "Ready".to_owned(),
            partitions: 3,
            records: Some(1_234_567),
            bytes: Some(12_900_000),
            rate_in: Some(10_240.0),
            rate_out: None,
        };
        let group = |number| GroupLine {
            name: format!("riders-{number}"),
            state: "Stable".to_owned(),
            members: 2,
            lag: 1200,
            lag_seconds: Some(3.21),
        };
        let broker = BrokerLine {
            id: 0,
            state: "Serving",
            address: "127.0.0.1:9092".to_owned(),
            uptime: Some(192.0),
            memory: Some(14 << 20),
        };
        View {
            cluster: "demo".to_owned(),
            condition: "Ready".to_owned(),
            bootstrap: "127.0.0.1:9092".to_owned(),
            brokers: vec![broker],
            topics: (0..topics).map(topic).collect(),
            groups: (0..groups).map(group).collect(),
        }
    }

    #[test]
    fn eighty_columns_are_enough() {
        let expected = "\
─ demo   Ready   127.0.0.1:9092 ────────────────────────────────────────────────
BROKER   STATE     ADDRESS          UPTIME     MEMORY
     0   Serving   127.0.0.1:9092    3m12s   14.0 MiB
TOPIC     STATE   PART.   RECORDS       SIZE    IN/S   OUT/S
topic-0   Ready       3   1234567   12.3 MiB   10.2k       -
GROUP      STATE    MEMBERS    LAG   LAG TIME
riders-0   Stable         2   1200       3.2s";
        assert_eq!(render(&view(1, 1), 24, 80).join("\n"), expected);
    }

    #[test]
    fn whatever_the_terminal_the_table_fits_and_leaves_a_row_free() {
        for (rows, columns) in [(24, 80), (10, 80), (5, 40), (3, 20), (2, 10), (1, 1), (50, 200)] {
            for (topics, groups) in [(0, 0), (1, 1), (100, 3), (3, 100), (100, 100)] {
                let lines = render(&view(topics, groups), rows, columns);
                assert!(lines.len() < rows.max(2), "{rows} rows: {lines:#?}");
                assert!(lines.iter().all(|line| columns::wide(line) <= columns), "{lines:#?}");
            }
        }
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let lines = render(&view(100, 1), 12, 80);
        assert_eq!(lines.len(), 11, "{lines:#?}");
        assert!(lines.contains(&"… and 96 more".to_owned()), "{lines:#?}");
        assert!(lines.iter().any(|line| line.starts_with("riders-0")), "{lines:#?}");
    }

    #[test]
    fn a_group_may_have_any_name() {
        let mut view = view(0, 1);
        view.groups[0].name = "evil\u{1b}[2J\n".to_owned();
        let lines = render(&view, 24, 80);
        assert!(lines.iter().all(|line| !line.contains(['\u{1b}', '\n'])), "{lines:#?}");
    }

    #[test]
    fn rates_have_three_figures() {
        let pairs = [(0.0, "0"), (12.3, "12"), (3_400.0, "3.4k"), (120_000.0, "120k")];
        for (number, text) in pairs {
            assert_eq!(rate(number), text);
        }
        assert_eq!(rate(1_200_000.0), "1.2M");
    }
}
