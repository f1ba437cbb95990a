//! What `up` says: progress in plain lines on stderr, and one line on stdout.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::fleet::plan::{Object, Verdict};
use crate::fleet::problem::Problem;
use crate::terminal;

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

    /// What was said last of an object, as in `Ready`.
    pub(super) fn condition(&self, kind: &'static str, name: &str) -> Option<String> {
        let object = Object { kind, name: name.to_owned() };
        self.said.get(&object).map(|verdict| verdict.condition.to_string())
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
        terminal::line_on_stdout(&format!("ready bootstrap={bootstrap}"))
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

/// A line on stderr, above the table where there is one.
pub(super) fn line(text: &str) {
    terminal::line(text);
}
