//! stderr as all of this process shares it: lines that scroll by, and below them, on a terminal, a
//! table that stays.
//!
//! The table is erased and painted again around every line, in one write, so that neither garbles
//! the other. The terminal's mode is never changed: however the process ends, nothing is to mend.

use std::io::{self, IsTerminal as _, Write, stderr, stdout};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::columns::wide;

/// What is painted at the moment.
static TABLE: Mutex<Table> = Mutex::new(Table { lines: Vec::new() });

/// The lines below all others; the cursor stands at the beginning of the line that follows.
#[derive(Debug)]
struct Table {
    lines: Vec<String>,
}

impl Table {
    /// What takes the table off a terminal of so many columns, which may have been more or fewer
    /// when it was painted: terminals break lines that have become too long.
    fn erased(&self, columns: usize) -> String {
        let rows = |line: &String| wide(line).div_ceil(columns.max(1)).max(1);
        match self.lines.iter().map(rows).sum::<usize>() {
            0 => String::new(),
            up => format!("\x1b[{up}A\r\x1b[J"),
        }
    }

    fn painted(&self) -> String {
        self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    /// `text` above the table, which stays below; nothing is seen in between (synchronized output,
    /// which terminals without it ignore).
    fn with_above(&self, text: &str, columns: usize) -> String {
        if self.lines.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[?2026h{}{text}{}\x1b[?2026l", self.erased(columns), self.painted())
    }
}

fn table() -> MutexGuard<'static, Table> {
    // a panic of whoever held it has left it whole
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When nobody reads stderr there is nobody to tell.
fn write(text: &str) {
    // in one piece: stderr has no buffer, and others write there, too
    let mut out = stderr().lock();
    drop(out.write_all(text.as_bytes()));
}

/// A line on stderr.
pub(crate) fn line(text: &str) {
    let table = table();
    write(&table.with_above(&format!("{text}\n"), columns()));
}

/// A line on stdout, which may be the same terminal.
pub(crate) fn line_on_stdout(text: &str) -> io::Result<()> {
    let table = table();
    let columns = columns();
    write(&table.erased(columns));
    let mut out = stdout().lock();
    let result = writeln!(out, "{text}").and_then(|()| out.flush());
    write(&table.painted());
    result
}

/// Paints another table; an empty one takes it away.
pub(crate) fn show(lines: Vec<String>) {
    let mut table = table();
    let erased = table.erased(columns());
    table.lines = lines;
    write(&format!("\x1b[?2026h{erased}{}\x1b[?2026l", table.painted()));
}

/// Whether stderr is a terminal on which a table can stay.
pub(crate) fn can_show() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// The terminal's rows and columns.
pub(crate) fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(stderr()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
        _ => (24, 80),
    }
}

fn columns() -> usize {
    size().1
}

/// Where the log goes: the same lines as [`line()`].
#[derive(Debug, Default)]
pub(crate) struct Log(Vec<u8>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.0);
        if !text.is_empty() {
            line(text.trim_end_matches('\n'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Table {
        Table { lines: vec!["BROKER   STATE".to_owned(), "0        Serving".to_owned()] }
    }

    #[test]
    fn a_line_goes_above_the_table() {
        assert_eq!(
            two().with_above("hello\n", 80),
            "\x1b[?2026h\x1b[2A\r\x1b[Jhello\nBROKER   STATE\n0        Serving\n\x1b[?2026l"
        );
    }

    #[test]
    fn a_narrower_terminal_has_broken_the_lines() {
        assert_eq!(two().erased(8), "\x1b[4A\r\x1b[J");
        assert_eq!(two().erased(0), "\x1b[30A\r\x1b[J");
    }

    #[test]
    fn without_a_table_a_line_is_only_a_line() {
        let none = Table { lines: Vec::new() };
        assert_eq!(none.with_above("hello\n", 80), "hello\n");
        assert_eq!(none.erased(80), "");
    }
}
