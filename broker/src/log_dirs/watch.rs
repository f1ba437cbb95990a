//! What happens when a log directory fails while the broker runs.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
};

use kastellan_core::{id::BrokerId, metadata::Input};
use tokio::sync::oneshot;

use crate::broker::Broker;

/// Tells whoever runs the broker, once, why it cannot go on.
#[derive(Debug, Clone)]
pub(crate) struct Fatal(Arc<Mutex<Option<oneshot::Sender<String>>>>);

impl Fatal {
    /// Tells it to `sender`.
    pub(crate) fn new(sender: oneshot::Sender<String>) -> Self {
        Self(Arc::new(Mutex::new(Some(sender))))
    }

    fn tell(&self, why: String) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender
            && let Err(why) = sender.send(why)
        {
            tracing::debug!(%why, "nobody asked whether the broker can go on");
        }
    }
}

/// From now on, a log directory that fails takes its partitions offline, and `fatal` is told where
/// the broker cannot go on without it.
pub(crate) fn watch(broker: &Arc<Broker>, fatal: &Fatal) {
    let dirs = broker.partitions.dirs();
    for dir in dirs.open() {
        let place = dir.place();
        dir.directory().when_poisoned(act(broker, fatal, Some(place)));
    }
    if !dirs.open().iter().any(|dir| Arc::ptr_eq(dir.directory(), dirs.metadata())) {
        dirs.metadata().when_poisoned(act(broker, fatal, None));
    }
}

/// Whoever met the fault holds locks: another thread does what has to be done.
fn act(
    broker: &Arc<Broker>,
    fatal: &Fatal,
    place: Option<usize>,
) -> impl Fn(&str) + Send + Sync + 'static {
    let (broker, fatal) = (Arc::downgrade(broker), fatal.clone());
    move |why| {
        let (broker, fatal, why) = (Weak::clone(&broker), fatal.clone(), why.to_owned());
        let handle = move || handle(&broker, &fatal, place, &why);
        let thread = thread::Builder::new().name("log-dir-failure".to_owned()).spawn(handle);
        if let Err(error) = thread {
            tracing::error!(%error, "cannot take the partitions of a failed directory offline");
        }
    }
}

fn handle(broker: &Weak<Broker>, fatal: &Fatal, place: Option<usize>, why: &str) {
    let Some(broker) = broker.upgrade() else { return };
    let dirs = broker.partitions.dirs();
    let dir = place.and_then(|place| dirs.open().get(place));
    let Some(dir) = dir.filter(|dir| !Arc::ptr_eq(dir.directory(), dirs.metadata())) else {
        let path = dirs.metadata().root().display();
        tracing::error!(%path, why, "the log directory that holds the metadata failed");
        fatal.tell(format!(
            "the log directory {path}, which holds the cluster's metadata, failed: {why}"
        ));
        return;
    };
    let path = dir.path().display();
    tracing::error!(%path, why, "a log directory failed and is offline until the next start");
    broker.partitions.fail(dir);
    broker.groups.end_failed();
    if dirs.online().next().is_none() {
        fatal.tell(format!("no log directory works any more; the last one, {path}: {why}"));
        return;
    }
    let (id, online) = (BrokerId(broker.config.node_id), dirs.ids());
    broker.controller.ask(
        move |ticket| Input::FailDirectories { ticket, broker: id, online },
        |reply| tracing::debug!(?reply, "the controller knows of the failed log directory"),
    );
}
