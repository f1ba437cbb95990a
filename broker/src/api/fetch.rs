//! Fetch: long polls over sessions (KIP-227); records leave from the files that hold them.
//!
//! A fetch without a session is one with a session that nobody remembers.

mod look;
mod write;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kastellan_core::{config::ReplicaSelector, id::BrokerId, machine::Millis, session::TopicKey};
use kastellan_protocol::{
    ErrorCode, Refused,
    fetch::{self, FetchRequest},
};

use self::{
    look::{Asks, Looked},
    write::Head,
};
use crate::{
    broker::Broker,
    call::ClientInfo,
    metrics::{self, Counter},
    net::{Hot, Mailbox, Response},
    quotas::{Purse, throttle_ms},
    sessions::Live,
};

/// First version that names topics by id (KIP-516).
const TOPIC_IDS: i16 = 13;

/// The topic of the metadata log, which the quorum fetches (KIP-595).
const METADATA_TOPIC: uuid::Uuid = uuid::Uuid::from_u128(1);

/// A fetch that waits in its connection for bytes or for its time to be over.
#[derive(Debug)]
pub(crate) struct Parked {
    slot: u64,
    deadline: Millis,
    fetch: Fetch,
    mailbox: Arc<Mailbox>,
}

/// A fetch on its way.
#[derive(Debug)]
struct Fetch {
    head: Head,
    /// Who asks: what it may read is looked at anew whenever it is woken.
    client: Arc<ClientInfo>,
    /// Whether the client asked for a session and has none yet.
    keep: bool,
    /// The epoch that the session expects next; another request has come by if it does not.
    epoch: i32,
    live: Arc<Mutex<Live>>,
    min_bytes: usize,
    max_bytes: usize,
    /// The consumer's rack, where it may be told of a nearer replica; or empty.
    rack: String,
    /// What the client may take, where that is limited.
    purse: Option<Arc<Purse>>,
    /// Bytes that the last look found.
    found: usize,
}

/// Handles a request: answers it now, or parks it.
pub(crate) fn handle(hot: &mut Hot<'_>) -> Result<(), Refused> {
    let request = fetch::decode(hot.header.api_version, hot.body)?;
    if let Some(peer) = hot.peer {
        if !peer.may_be(request.replica_id) {
            hot.mailbox.close("a peer that speaks as another one");
            return Ok(());
        }
        if let [topic] = request.topics.as_slice()
            && topic.id == METADATA_TOPIC
        {
            hot.broker.controller.hear(hot.call());
            return Ok(());
        }
    }
    let head = Head {
        version: hot.header.api_version,
        correlation_id: hot.header.correlation_id,
        session_id: 0,
        read_committed: request.isolation_level == 1,
    };
    let broker = hot.broker;
    let now = broker.clock.monotonic();
    let patience = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let mut fetch = match begin(broker, now, (head, hot.client, hot.purse), request) {
        Ok(fetch) => fetch,
        Err(code) => {
            hot.answer(head.error(code));
            return Ok(());
        }
    };
    // One that cannot find anything has nothing to wait for.
    let force = patience.is_zero() || fetch.lock().session.is_empty();
    if let Some(response) = fetch.attempt(broker, force) {
        hot.answer(response);
        return Ok(());
    }
    let slot = hot.open_slot();
    let mailbox = Arc::clone(hot.mailbox);
    let mut parked = Parked { slot, deadline: now.after(patience), fetch, mailbox };
    match parked.retry(broker, false) {
        Some(response) => hot.mailbox.answer(slot, response),
        None => hot.parked.push(crate::net::Parked::Fetch(parked)),
    }
    Ok(())
}

/// Finds or makes the session and notes what the request changes in it.
fn begin(
    broker: &Broker,
    now: Millis,
    (head, client, purse): (Head, &Arc<ClientInfo>, Option<&Arc<Purse>>),
    request: FetchRequest,
) -> Result<Fetch, ErrorCode> {
    let follower =
        (request.replica_id >= 0).then_some((BrokerId(request.replica_id), request.replica_epoch));
    if follower.is_some() && client.peer.is_none() {
        // Followers have a listener of their own.
        return Err(ErrorCode::ClusterAuthorizationFailed);
    }
    let topic_ids = head.version >= TOPIC_IDS;
    let (id, epoch) = (request.session_id, request.session_epoch);
    let (live, keep) = if epoch == 0 || epoch == -1 {
        broker.sessions.remove(id);
        (Live::new(topic_ids, epoch == 0 || follower.is_some()), epoch == 0)
    } else {
        let live = broker.sessions.get(now, id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        let mut known = lock(&live);
        if known.follower != follower {
            // what was heard under another registration has to be heard again, of idle partitions
            // too: nobody joins an ISR by a registration that is over
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        known.session.advance(epoch, topic_ids)?;
        // a fetch that waits is answered with what it has: this one says something new
        known.heard.poke();
        drop(known);
        (live, false)
    };
    let mut guard = lock(&live);
    guard.follower = follower;
    let Live { session, heard, .. } = &mut *guard;
    heard.take(|slot| session.mark(slot));
    for topic in request.forgotten {
        let key = key(topic_ids, topic.name, topic.id);
        for index in topic.partitions {
            session.forget(&key, index);
        }
    }
    for topic in request.topics {
        let key = key(topic_ids, topic.name, topic.id);
        for wanted in topic.partitions {
            session.put(&key, wanted);
        }
    }
    let mut head = head;
    if !keep && epoch > 0 {
        if session.is_empty() {
            broker.sessions.remove(id);
        } else {
            broker.sessions.resize(id, session.len());
            head.session_id = id;
        }
    }
    let epoch = session.epoch();
    drop(guard);
    let settings = broker.settings.load();
    let max_bytes = usize::try_from(request.max_bytes).unwrap_or(0);
    let max_bytes = max_bytes.min(settings.fetch_max_bytes);
    let rack = match settings.fleet.replica_selector {
        ReplicaSelector::RackAware => request.rack_id,
        ReplicaSelector::Leader => String::new(),
    };
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    // more than this is never given, so that nobody waits for it
    let most = purse.map_or(usize::MAX, |purse| broker.quotas.largest_fetch(purse));
    Ok(Fetch {
        head,
        client: Arc::clone(client),
        keep,
        epoch,
        live,
        min_bytes: min_bytes.min(most),
        max_bytes: max_bytes.min(most),
        rack,
        purse: purse.cloned(),
        found: 0,
    })
}

impl Fetch {
    /// Looks at what has changed. `None`: it is not enough, and the client has time.
    fn attempt(&mut self, broker: &Broker, force: bool) -> Option<Response> {
        let live = Arc::clone(&self.live);
        let mut live = lock(&live);
        if live.session.epoch() != self.epoch {
            // its session has gone on: a follower does not wait for what it has asked anew
            let answer = match live.follower {
                Some(_) => write::nothing(&self.head),
                None => self.head.error(ErrorCode::InvalidFetchSessionEpoch),
            };
            return Some(answer);
        }
        let Live { session, heard, .. } = &mut *live;
        heard.take(|slot| session.mark(slot));
        let began = self.purse.is_some().then(Instant::now);
        let judge = broker.judge(&self.client);
        let rack = Some(self.rack.as_str()).filter(|rack| !rack.is_empty());
        let asks = Asks { broker, judge: &judge, rack };
        let looked = Looked::new(&asks, &mut live, self.max_bytes, self.keep);
        if !force && !looked.urgent && looked.bytes < self.min_bytes {
            looked.put_back(&mut live.session);
            self.found = looked.bytes;
            return None;
        }
        if let (Some(purse), Some(began)) = (&self.purse, began) {
            let now = broker.clock.monotonic();
            let wait = broker.quotas.fetch(purse, now, looked.bytes);
            let wait = wait.max(broker.quotas.request(purse, now, began.elapsed()));
            if !wait.is_zero() {
                looked.put_back(&mut live.session);
                return Some(write::throttled(&self.head, throttle_ms(wait)));
            }
        }
        if self.keep && !live.session.is_empty() {
            let (now, size) = (broker.clock.monotonic(), live.session.len());
            let kept = (size, live.follower.is_some());
            self.head.session_id = broker.sessions.keep(now, &self.live, kept);
        }
        broker.metrics.add(Counter::BytesOut, looked.bytes as u64);
        if looked.throttled > 0 {
            broker.throttles.leader.spend(broker.clock.monotonic(), looked.throttled);
        }
        for code in looked.errors() {
            broker.metrics.failed(metrics::Hot::Fetch, code);
        }
        let response =
            write::response((broker, &self.client.listener), &self.head, &live.session, &looked);
        looked.settle(&mut live.session);
        Some(response)
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }
}

impl Parked {
    /// The slot of the connection that waits for it.
    pub(crate) fn slot(&self) -> u64 {
        self.slot
    }

    /// When the client has waited long enough.
    pub(crate) fn deadline(&self) -> Millis {
        self.deadline
    }

    /// Looks again; `force`: answers whatever there is.
    pub(crate) fn retry(&mut self, broker: &Broker, force: bool) -> Option<Response> {
        loop {
            if let Some(response) = self.fetch.attempt(broker, force) {
                return Some(response);
            }
            let mut live = self.fetch.lock();
            let new = look::subscribe(&mut live);
            let heard = Arc::clone(&live.heard);
            drop(live);
            // Who has subscribed only now may have missed something in between.
            let missing = self.fetch.min_bytes.saturating_sub(self.fetch.found);
            if !new && heard.wait(missing, &self.mailbox, self.slot) {
                return None;
            }
        }
    }
}

fn key(topic_ids: bool, name: String, id: uuid::Uuid) -> TopicKey {
    if topic_ids { TopicKey::Id(id) } else { TopicKey::Name(name) }
}

fn lock(live: &Mutex<Live>) -> MutexGuard<'_, Live> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}
