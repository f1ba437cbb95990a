//! What `up` says: progress in plain lines on stderr, and one line on stdout.

use std::collections::BTreeMap;
use std::io::Write as _;

use crate::failure::Failure;
use crate::fleet::plan::{Object, Verdict};
use crate::fleet::problem::Problem;

/// Remembers what was said, so that nothing is said twice in a row.
#[derive(Debug, Default)]
pub(super) struct Report {
    said: BTreeMap<Object, Verdict>,
    ready: bool,
}

impl Report {
    /// One line for each object of which something else is true than before.
    pub(super) fn verdicts(&mut self, verdicts: &BTreeMap<Object, Verdict>) {
        for (object, verdict) in verdicts {
            if self.said.get(object) != Some(verdict) {
                let Verdict { condition, reason, message } = verdict;
                let Object { kind, name } = object;
                line(&format!("{kind}/{name}: {condition} ({reason}): {message}"));
            }
        }
        for object in self.said.keys().filter(|object| !verdicts.contains_key(object)) {
            line(&format!("{}/{}: gone", object.kind, object.name));
        }
        self.said.clone_from(verdicts);
    }

    /// Whether everything has been Ready before.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// Everything is Ready: the line on stdout, the first time.
    pub(super) fn ready(&mut self, bootstrap: &str) -> Result<(), Failure> {
        if self.ready {
            return Ok(());
        }
        self.ready = true;
        let mut out = std::io::stdout().lock();
        writeln!(out, "ready bootstrap={bootstrap}")
            .and_then(|()| out.flush())
            .map_err(|why| Failure::new(format!("write the ready line to stdout: {why}")))
    }
}

/// All that is wrong with the files, then what that means.
pub(super) fn problems(problems: &[Problem], consequence: &str) {
    for problem in problems {
        line(&problem.to_string());
    }
    line(consequence);
}

/// A line on stderr; when nobody reads there, there is nobody to tell.
pub(super) fn line(text: &str) {
    // in one piece: stderr has no buffer, and others write there, too
    drop(std::io::stderr().lock().write_all(format!("{text}\n").as_bytes()));
}
