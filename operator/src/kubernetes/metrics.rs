//! The operator's own figures, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::operator::Part;
use super::queue::Outcome;

/// Upper ends of the classes of a pass's duration, in seconds.
const CLASSES: [f64; 8] = [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0];

/// All figures.
#[derive(Debug, Default)]
pub struct Metrics {
    listed: AtomicBool,
    depth: AtomicUsize,
    passes: Mutex<BTreeMap<Part, Passes>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Passes {
    done: u64,
    failed: u64,
    seconds: f64,
    classes: [u64; CLASSES.len()],
}

impl Metrics {
    /// Every watch has listed what there is.
    pub fn listed(&self) {
        self.listed.store(true, Ordering::Relaxed);
    }

    /// Whether every watch has listed what there is.
    pub fn has_listed(&self) -> bool {
        self.listed.load(Ordering::Relaxed)
    }

    /// So many keys wait for their turn.
    pub fn depth(&self, depth: usize) {
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// A pass has ended.
    pub fn passed(&self, part: Part, outcome: Outcome, took: Duration) {
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        let passes = passes.entry(part).or_default();
        match outcome {
            Outcome::Failed => passes.failed += 1,
            _ => passes.done += 1,
        }
        passes.seconds += took.as_secs_f64();
        for (count, class) in passes.classes.iter_mut().zip(CLASSES) {
            *count += u64::from(took.as_secs_f64() <= class);
        }
    }

    /// All figures as text; beside those from here, how many objects of a kind are known.
    pub fn text(&self, objects: &[(&str, usize)]) -> String {
        let mut text = String::new();
        let family = |text: &mut String, name: &str, kind: &str, help: &str| {
            say(text, &format!("# HELP {name} {help}\n# TYPE {name} {kind}"));
        };
        let passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let name = "kastellan_reconciliations_total";
        family(&mut text, name, "counter", "Passes over a cluster, its topics or its users.");
        for (part, passes) in &passes {
            for (result, count) in [("done", passes.done), ("failed", passes.failed)] {
                let kind = part.kind();
                say(&mut text, &format!("{name}{{kind=\"{kind}\",result=\"{result}\"}} {count}"));
            }
        }
        let name = "kastellan_reconciliation_duration_seconds";
        family(&mut text, name, "histogram", "How long passes take.");
        for (part, passes) in &passes {
            let (kind, all) = (part.kind(), passes.done + passes.failed);
            for (class, count) in CLASSES.iter().zip(passes.classes) {
                let line = format!("{name}_bucket{{kind=\"{kind}\",le=\"{class}\"}} {count}");
                say(&mut text, &line);
            }
            say(&mut text, &format!("{name}_bucket{{kind=\"{kind}\",le=\"+Inf\"}} {all}"));
            say(&mut text, &format!("{name}_sum{{kind=\"{kind}\"}} {}", passes.seconds));
            say(&mut text, &format!("{name}_count{{kind=\"{kind}\"}} {all}"));
        }
        let name = "kastellan_reconciliation_queue_depth";
        family(&mut text, name, "gauge", "Passes that wait for their turn.");
        say(&mut text, &format!("{name} {}", self.depth.load(Ordering::Relaxed)));
        let name = "kastellan_objects";
        family(&mut text, name, "gauge", "Objects of a kind that the watches know.");
        for (kind, count) in objects {
            say(&mut text, &format!("{name}{{kind=\"{kind}\"}} {count}"));
        }
        text
    }
}

fn say(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_one_that_prometheus_reads() {
        let metrics = Metrics::default();
        let took = Duration::from_millis(50);
        metrics.passed(Part::Topics, Outcome::Done(None), took);
        metrics.passed(Part::Topics, Outcome::Failed, took);
        let text = metrics.text(&[("KafkaTopic", 7)]);
        for line in [
            "kastellan_reconciliations_total{kind=\"KafkaTopic\",result=\"failed\"} 1",
            "kastellan_reconciliation_duration_seconds_bucket{kind=\"KafkaTopic\",le=\"0.025\"} 0",
            "kastellan_reconciliation_duration_seconds_bucket{kind=\"KafkaTopic\",le=\"0.1\"} 2",
            "kastellan_reconciliation_duration_seconds_count{kind=\"KafkaTopic\"} 2",
            "kastellan_objects{kind=\"KafkaTopic\"} 7",
        ] {
            assert!(text.lines().any(|has| has == line), "{line}\nis not in\n{text}");
        }
    }
}
