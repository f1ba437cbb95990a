//! Rows of text under their headings, as `kubectl get` prints them; numbers end below each other.

use unicode_width::UnicodeWidthChar as _;

/// Between two columns.
const GAP: &str = "   ";
/// A column that has to give way keeps this much.
const NARROWEST: usize = 8;

/// One column: its heading, and whether it holds numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    title: &'static str,
    number: bool,
}

/// A column of words.
pub(crate) const fn words(title: &'static str) -> Column {
    Column { title, number: false }
}

/// A column of numbers.
pub(crate) const fn numbers(title: &'static str) -> Column {
    Column { title, number: true }
}

/// The heading and the rows as lines without blanks at their ends. In a terminal of `width` columns
/// the widest column of words gives way until all fit, and what is still too long is cut.
pub(crate) fn lines(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let head: Vec<String> = columns.iter().map(|column| column.title.to_owned()).collect();
    let plain = |row: &Vec<String>| row.iter().map(|cell| printable(cell)).collect();
    let all: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(plain)).collect();
    let widest = |at: usize| all.iter().filter_map(|row| row.get(at)).map(|cell| wide(cell)).max();
    let mut widths: Vec<usize> =
        (0..columns.len()).map(|at| widest(at).unwrap_or_default()).collect();
    if let Some(width) = width {
        squeeze(columns, &mut widths, width);
    }
    all.iter()
        .map(|row| {
            let cells = columns.iter().zip(row).zip(&widths);
            let cells: Vec<String> =
                cells.map(|((column, cell), width)| padded(cell, *width, column.number)).collect();
            let line = cells.join(GAP);
            let line = line.trim_end();
            width.map_or_else(|| line.to_owned(), |width| cut(line, width))
        })
        .collect()
}

fn squeeze(columns: &[Column], widths: &mut [usize], width: usize) {
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let words = columns.iter().zip(widths.iter_mut()).filter(|(column, _)| !column.number);
        let Some((_, widest)) = words.max_by_key(|(_, width)| **width) else { return };
        if *widest <= NARROWEST {
            return;
        }
        *widest -= 1;
    }
}

fn padded(cell: &str, width: usize, number: bool) -> String {
    let cell = cut(cell, width);
    let blanks = " ".repeat(width.saturating_sub(wide(&cell)));
    if number { blanks + &cell } else { cell + &blanks }
}

/// How many columns of a terminal a text takes.
pub(crate) fn wide(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

/// The text in at most `width` columns; what was longer ends in `…`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if wide(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = width.saturating_sub(1);
    for letter in text.chars() {
        let takes = letter.width().unwrap_or(0);
        if takes > left {
            break;
        }
        left -= takes;
        out.push(letter);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// Group ids and the like are any text: what would move the cursor is written as an escape.
pub(crate) fn printable(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|letter| {
            let escaped: Vec<char> =
                if letter.is_control() { letter.escape_default().collect() } else { vec![letter] };
            escaped
        })
        .collect()
}

/// A number of bytes in three or four figures: `14 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    #[expect(clippy::cast_precision_loss, reason = "three figures are shown")]
    let mut value = bytes as f64;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let unit = units.get(unit).copied().unwrap_or_default();
    if unit == "B" || value >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// A time as people say it: `3.2s`, `4m05s`, `2h10m`, `3d04h`.
pub(crate) fn span(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{:.1}s", seconds.max(0.0));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are shown")]
    #[expect(clippy::cast_sign_loss, reason = "it is 10 or more")]
    let whole = seconds as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{minutes}m{:02}s", whole % 60),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    const COLUMNS: [Column; 3] = [words("TOPIC"), numbers("RECORDS"), words("STATE")];

    #[test]
    fn words_begin_and_numbers_end_below_each_other() {
        let rows = [row(&["greetings", "12", "Ready"]), row(&["a", "1234567", ""])];
        assert_eq!(
            lines(&COLUMNS, &rows, None),
            ["TOPIC       RECORDS   STATE", "greetings        12   Ready", "a           1234567"]
        );
    }

    #[test]
    fn the_widest_column_of_words_gives_way_to_a_narrow_terminal() {
        let rows = [row(&["a-topic-with-quite-a-long-name", "12", "Ready"])];
        let lines = lines(&COLUMNS, &rows, Some(30));
        assert_eq!(lines, ["TOPIC          RECORDS   STATE", "a-topic-wit…        12   Ready"]);
        assert!(super::lines(&COLUMNS, &rows, Some(3)).iter().all(|line| wide(line) <= 3));
    }

    #[test]
    fn wide_letters_count_twice_and_control_characters_move_nothing() {
        assert_eq!(wide("日本"), 4);
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }

    #[test]
    fn amounts_and_times_are_short() {
        let amounts = [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (200 << 20, "200 MiB")];
        for (amount, text) in amounts {
            assert_eq!(bytes(amount), text);
        }
        let times = [(3.21, "3.2s"), (59.9, "59s"), (245.0, "4m05s"), (7_800.0, "2h10m")];
        for (time, text) in times {
            assert_eq!(span(time), text);
        }
        assert_eq!(span(273_600.0), "3d04h");
    }
}
