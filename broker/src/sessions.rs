//! The fetch sessions of all clients.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kastellan_core::{
    id::BrokerId,
    machine::Millis,
    session::{Session, Sessions as Cache},
};
use uuid::Uuid;

use crate::partition::{Partition, Subscription};

/// How long a session is safe from those who want its slot: Kafka's two minutes.
const GRACE: Duration = Duration::from_mins(2);

/// A session with what it hears from its partitions.
#[derive(Debug)]
pub(crate) struct Live {
    /// Which partitions it has, and which of them are worth a look.
    pub(crate) session: Session<Arc<Partition>>,
    /// Told by the partitions.
    pub(crate) heard: Arc<Subscription>,
    /// Whether partitions tell the session from the start, or only once a fetch has to wait.
    pub(crate) eager: bool,
    /// Slots of partitions that do not tell the session yet.
    pub(crate) silent: Vec<usize>,
    /// Empty between fetches: memory that is used again.
    pub(crate) queue: Vec<usize>,
    /// The broker that follows, and the epoch of its registration; `None` for a consumer.
    pub(crate) follower: Option<(BrokerId, i64)>,
}

/// The sessions that are remembered.
#[derive(Debug)]
pub(crate) struct Sessions {
    cache: Mutex<Cache<Arc<Mutex<Live>>>>,
}

impl Live {
    /// A session without partitions, known to nobody.
    pub(crate) fn new(topic_ids: bool, eager: bool) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            session: Session::new(topic_ids),
            heard: Arc::new(Subscription::default()),
            eager,
            silent: Vec::new(),
            queue: Vec::new(),
            follower: None,
        }))
    }
}

impl Sessions {
    /// Room for `slots` sessions.
    pub(crate) fn new(slots: usize) -> Self {
        Self { cache: Mutex::new(Cache::new(slots, GRACE)) }
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Keeps a session of `size` partitions, of a follower or of a consumer; 0 where there is no
    /// room for it.
    pub(crate) fn keep(
        &self,
        now: Millis,
        live: &Arc<Mutex<Live>>,
        (size, follows): (usize, bool),
    ) -> i32 {
        let mut cache = self.lock();
        if !cache.make_room(now, size, follows) {
            return 0;
        }
        let id = loop {
            let [a, b, c, d, ..] = Uuid::new_v4().into_bytes();
            let id = i32::from_be_bytes([a & 0x7f, b, c, d]);
            if cache.is_free(id) {
                break id;
            }
        };
        cache.insert(now, id, (Arc::clone(live), size, follows));
        id
    }

    /// A session that is remembered.
    pub(crate) fn get(&self, now: Millis, id: i32) -> Option<Arc<Mutex<Live>>> {
        self.lock().get(now, id).cloned()
    }

    /// Notes that a session has grown or shrunk.
    pub(crate) fn resize(&self, id: i32, size: usize) {
        self.lock().resize(id, size);
    }

    /// Ends a session.
    pub(crate) fn remove(&self, id: i32) {
        drop(self.lock().remove(id));
    }

    fn lock(&self) -> MutexGuard<'_, Cache<Arc<Mutex<Live>>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
