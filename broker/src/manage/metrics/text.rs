//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write as _};

/// What the numbers of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; starts at 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, their count and their sum.
    Histogram,
}

/// A page of metrics as it is written.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    /// The family that is being written.
    family: &'static str,
}

impl Text {
    /// The samples that follow belong to `name`.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.family = name;
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A sample of the family; `suffix` follows its name.
    pub(super) fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let name = self.family;
        self.push(format_args!("{name}{suffix}"));
        for (at, (label, value)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            self.push(format_args!("{open}{label}=\""));
            self.escape(value);
            self.out.push('"');
        }
        let close = if labels.is_empty() { "" } else { "}" };
        self.push(format_args!("{close} {value}\n"));
    }

    /// A family that is one sample without labels.
    pub(super) fn one(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample("", &[], value);
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.out
    }

    fn escape(&mut self, value: &str) {
        for c in value.chars() {
            match c {
                '\\' => self.out.push_str("\\\\"),
                '"' => self.out.push_str("\\\""),
                '\n' => self.out.push_str("\\n"),
                c => self.out.push(c),
            }
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_its_help_its_type_and_its_samples() {
        let mut text = Text::default();
        text.one("a_total", Kind::Counter, "Of a.", 7);
        text.family("b", Kind::Gauge, "Of b.");
        text.sample("", &[("dir", "/x\"\\\n"), ("n", "1")], 2.5);
        let wanted = "# HELP a_total Of a.\n# TYPE a_total counter\na_total 7\n\
                      # HELP b Of b.\n# TYPE b gauge\nb{dir=\"/x\\\"\\\\\\n\",n=\"1\"} 2.5\n";
        assert_eq!(text.finish(), wanted);
    }
}
