//! What has changed in the cluster's metadata since an offset: names, for those who look after
//! topics and brokers and would otherwise have to ask for all of them again and again.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kastellan_core::id::Offset;
use serde::Serialize;
use tokio::sync::watch;

use crate::{broker::Broker, controller::Changes};

/// How many changes are remembered. Whoever is further behind lists everything.
const REMEMBERED: usize = 4_096;

/// What kind of thing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Kind {
    /// A topic: that it is there, its partitions, where they are.
    Topic,
    /// A topic's own settings.
    TopicConfig,
    /// The settings of a broker by its id, or of all brokers where the name is empty.
    BrokerConfig,
    /// A broker's registration: new, gone, fenced, let in.
    Broker,
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Became {
    /// It is new.
    Created,
    /// It is another one than before.
    Changed,
    /// It is gone.
    Deleted,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Change {
    pub(super) kind: Kind,
    pub(super) name: String,
    #[serde(rename = "change")]
    pub(super) became: Became,
}

/// The changes of late, and who waits for the next.
#[derive(Debug)]
pub(super) struct Feed {
    state: Mutex<State>,
    /// The offset up to which everything is known.
    news: watch::Sender<Offset>,
}

#[derive(Debug)]
struct State {
    /// Everything after this offset is in `changes`.
    since: Offset,
    /// Up to here everything is known.
    upto: Offset,
    changes: VecDeque<(Offset, Change)>,
}

/// What is asked for is not remembered any more, or was never there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl Feed {
    /// A feed of what `broker` learns from now on.
    pub(super) fn of(broker: &Arc<Broker>) -> Arc<Self> {
        // what is committed between the two lines is in whatever is listed afterwards
        let feed = Arc::new(Self::from(broker.controller.image().offset()));
        let told = Arc::clone(&feed);
        broker.controller.observe(move |changes| told.note(changes.offset, list(changes)));
        feed
    }

    fn from(offset: Offset) -> Self {
        let state = State { since: offset, upto: offset, changes: VecDeque::new() };
        Self { state: Mutex::new(state), news: watch::Sender::new(offset) }
    }

    /// Takes in what was committed up to `offset`.
    fn note(&self, offset: Offset, changes: Vec<Change>) {
        let mut state = self.lock();
        for change in changes {
            state.changes.push_back((offset, change));
        }
        while state.changes.len() > REMEMBERED
            && let Some((forgotten, _)) = state.changes.pop_front()
        {
            state.since = forgotten;
        }
        state.upto = state.upto.max(offset);
        let upto = state.upto;
        drop(state);
        self.news.send_replace(upto);
    }

    /// Up to where everything is known.
    pub(super) fn upto(&self) -> Offset {
        self.lock().upto
    }

    /// What has changed after `after`, each change once, and up to which offset that is all.
    pub(super) fn after(&self, after: Offset) -> Result<(Offset, Vec<Change>), Gone> {
        let state = self.lock();
        if after < state.since || after > state.upto {
            return Err(Gone);
        }
        let mut told = BTreeSet::new();
        let new = state.changes.iter().filter(|(at, _)| *at > after);
        let once = new.filter(|(_, change)| told.insert(change)).map(|(_, change)| change.clone());
        Ok((state.upto, once.collect()))
    }

    /// Changes with every change.
    pub(super) fn news(&self) -> watch::Receiver<Offset> {
        self.news.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit's changes, what goes before what comes: a new topic may have the name of an old one.
fn list(changes: &Changes<'_>) -> Vec<Change> {
    let topic = |topics: &[&kastellan_core::metadata::Topic], change| {
        let of = |topic: &&kastellan_core::metadata::Topic| topic.name.as_ref().to_owned();
        named(Kind::Topic, topics.iter().map(of), change)
    };
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let brokers = changes.registrations.iter().map(|id| id.0.to_string());
    let mut list = topic(&changes.deleted, Became::Deleted);
    list.extend(topic(&changes.created, Became::Created));
    list.extend(topic(&changes.reshaped, Became::Changed));
    list.extend(named(Kind::TopicConfig, texts(&changes.topic_configs), Became::Changed));
    list.extend(named(Kind::BrokerConfig, texts(&changes.broker_configs), Became::Changed));
    list.extend(named(Kind::Broker, brokers, Became::Changed));
    list
}

fn named(kind: Kind, names: impl IntoIterator<Item = String>, became: Became) -> Vec<Change> {
    names.into_iter().map(|name| Change { kind, name, became }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, became: Became) -> Change {
        Change { kind: Kind::Topic, name: name.to_owned(), became }
    }

    #[test]
    fn whoever_asks_after_an_offset_hears_of_each_later_change_once() {
        let feed = Feed::from(10);
        assert_eq!(feed.after(10), Ok((10, Vec::new())));
        feed.note(12, vec![topic("a", Became::Created), topic("b", Became::Created)]);
        feed.note(13, Vec::new());
        feed.note(14, vec![topic("a", Became::Changed), topic("a", Became::Changed)]);
        let all = [("a", Became::Created), ("b", Became::Created), ("a", Became::Changed)];
        let all: Vec<_> = all.into_iter().map(|(name, change)| topic(name, change)).collect();
        assert_eq!(feed.after(10), Ok((14, all.clone())));
        assert_eq!(feed.after(11), Ok((14, all.clone())));
        assert_eq!(feed.after(12), Ok((14, all[2..].to_vec())));
        assert_eq!(feed.after(14), Ok((14, Vec::new())));
        assert_eq!(*feed.news().borrow(), 14);
    }

    #[test]
    fn what_is_forgotten_and_what_was_never_there_is_gone() {
        let feed = Feed::from(10);
        assert_eq!(feed.after(9), Err(Gone));
        assert_eq!(feed.after(11), Err(Gone));
        for at in 0..=REMEMBERED {
            let offset = 11 + i64::try_from(at).unwrap();
            feed.note(offset, vec![topic(&at.to_string(), Became::Created)]);
        }
        assert_eq!(feed.after(10), Err(Gone), "the first change is forgotten");
        assert_eq!(feed.after(11).map(|(_, changes)| changes.len()), Ok(REMEMBERED));
    }

    #[test]
    fn a_commit_that_is_larger_than_the_memory_is_gone_as_a_whole() {
        let feed = Feed::from(0);
        let all = (0..2 * REMEMBERED).map(|at| topic(&at.to_string(), Became::Created));
        feed.note(5, all.collect());
        assert_eq!(feed.after(0), Err(Gone));
        assert_eq!(feed.after(5), Ok((5, Vec::new())));
    }
}
