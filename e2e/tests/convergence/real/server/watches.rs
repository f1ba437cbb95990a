//! Watches that are open: what each has told, so that whoever changes something can wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use super::link::{Asked, Link};
use super::path::Path;

/// Nothing takes as long to be told.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a watch told last of each object: the version, or that it is gone.
type Told = BTreeMap<String, Option<u64>>;

/// One watch.
#[derive(Debug)]
struct Watch {
    path: Path,
    told: Told,
}

/// All that are open, by a number of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Watches(Arc<(Mutex<BTreeMap<u64, Watch>>, Condvar)>);

impl Watches {
    /// Begins one; its lines.
    pub(super) fn begin(
        &self,
        link: &Link,
        asked: &Asked,
        path: &Path,
    ) -> UnsyncBoxBody<Bytes, std::io::Error> {
        let number = {
            let mut open = self.0.0.lock().unwrap();
            let number = open.last_key_value().map_or(0, |(last, _)| last + 1);
            open.insert(number, Watch { path: path.clone(), told: Told::new() });
            number
        };
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
        let (all, ended, closed) = (self.clone(), self.clone(), sender.clone());
        let mut rest = Vec::new();
        let hear = move |bytes: Bytes| {
            rest.extend_from_slice(&bytes);
            let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { return true };
            let lines: Bytes = rest.drain(..=end).collect();
            // first told, then noted that it was
            let heard = sender.send(lines.clone()).is_ok();
            all.note(number, &lines);
            heard
        };
        let end = move || {
            ended.0.0.lock().unwrap().remove(&number);
            ended.0.1.notify_all();
        };
        link.follow(asked, hear, async move { closed.closed().await }, end);
        let stream = futures::stream::unfold(receiver, |mut receiver| async move {
            let bytes = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(Frame::data(bytes)), receiver))
        });
        StreamBody::new(stream).boxed_unsync()
    }

    fn note(&self, number: u64, lines: &[u8]) {
        let mut open = self.0.0.lock().unwrap();
        let Some(watch) = open.get_mut(&number) else { return };
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let event: Value = serde_json::from_slice(line).unwrap();
            let uid = event["object"]["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            let gone = event["type"] == "DELETED";
            watch.told.insert(uid, (!gone).then(|| version(&event["object"])));
        }
        drop(open);
        self.0.1.notify_all();
    }

    /// Waits until all watches that have to tell of a change have done so.
    pub(super) fn wait(&self, resource: &str, before: Option<&Value>, now: Option<&Value>) {
        let (open, changed) = &*self.0;
        let pending = |open: &mut BTreeMap<u64, Watch>| {
            open.values().any(|watch| watch.path.resource == resource && owes(watch, before, now))
        };
        let open = open.lock().unwrap();
        let (open, late) = changed.wait_timeout_while(open, PATIENCE, pending).unwrap();
        drop(open);
        assert!(!late.timed_out(), "a watch of {resource} does not tell: {before:?} -> {now:?}");
    }
}

/// Whether a watch has yet to tell of a change.
fn owes(watch: &Watch, before: Option<&Value>, now: Option<&Value>) -> bool {
    let selected = |object: Option<&Value>| object.is_some_and(|it| watch.path.selects(it));
    let object = now.or(before);
    let uid = object.and_then(|object| object["metadata"]["uid"].as_str()).unwrap_or_default();
    let told = watch.told.get(uid);
    match now {
        Some(now) if selected(Some(now)) => {
            let wanted = version(now);
            wanted > watch.path.after()
                && told.is_none_or(|told| told.is_some_and(|told| told < wanted))
        }
        _ => selected(before) && told != Some(&None),
    }
}

fn version(object: &Value) -> u64 {
    let version = object["metadata"]["resourceVersion"].as_str();
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}
