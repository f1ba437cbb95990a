//! The brokers of the cluster: started, restarted with patience, stopped.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::bootstrap::Bootstrap;
use super::child::{self, Child, End, Event, Start};
use super::contact::Contact;
use super::data_dir::DataDir;
use super::keys::Keys;
use super::live::Process;
use crate::failure::Failure;
use crate::fleet::Broker;
use crate::fleet::guard::{Door, OPERATOR, is_guarded};
use crate::pki::Credentials;

/// After the first failure; doubled with every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Who has run for this long has not failed to start.
const STEADY: Duration = Duration::from_secs(30);

/// All child processes.
#[derive(Debug)]
pub(super) struct Brokers {
    data_dir: DataDir,
    /// What holds several brokers together; one alone needs nothing.
    bootstrap: Option<Bootstrap>,
    keys: Keys,
    /// What is shown to brokers that let in nobody else.
    credentials: Option<Credentials>,
    log: String,
    events: mpsc::UnboundedSender<Event>,
    slots: BTreeMap<i32, Slot>,
}

/// What is known of one broker.
#[derive(Debug, Default)]
struct Slot {
    child: Option<Child>,
    since: Option<Instant>,
    addresses: Vec<(String, SocketAddr)>,
    failures: u32,
    /// No attempt before this.
    not_before: Option<Instant>,
    end: Option<End>,
}

impl Brokers {
    /// None yet; `events` will hear of them.
    pub(super) fn new(
        data_dir: DataDir,
        bootstrap: Option<Bootstrap>,
        keys: Keys,
        log: String,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        let (slots, credentials) = (BTreeMap::new(), None);
        Self { data_dir, bootstrap, keys, credentials, log, events, slots }
    }

    /// Starts a broker, unless it runs, is on its way, or has to wait for its next attempt.
    pub(super) fn start(&mut self, broker: &Broker, all: &[Broker]) -> Result<(), Failure> {
        let slot = self.slots.entry(broker.id).or_default();
        let waiting = slot.not_before.is_some_and(|moment| moment > Instant::now());
        if slot.child.is_some() || waiting {
            return Ok(());
        }
        let folder = self.data_dir.broker(broker.id);
        let peer_port = |id| super::peer_port(all, id);
        let membership = self.bootstrap.as_ref();
        let membership = membership.map(|all| all.membership(broker.id, peer_port)).transpose()?;
        let settings = self.keys.settings(broker)?;
        let operator_port = is_guarded(broker).then(|| super::operator_port(all, broker.id));
        if operator_port.is_some() && self.credentials.is_none() {
            self.credentials = Some(self.keys.credentials()?);
        }
        let start = Start {
            broker,
            settings: &settings,
            operator_port,
            data_dir: &folder,
            membership: membership.as_ref(),
            peer_port: peer_port(broker.id),
        };
        let child = child::start(start, &self.log, self.events.clone())?;
        slot.child = Some(child);
        slot.since = Some(Instant::now());
        slot.not_before = None;
        Ok(())
    }

    /// Asks a broker to stop; it is started anew by the plan that follows its end.
    pub(super) fn stop(&mut self, id: i32) {
        if let Some(child) = self.slots.get_mut(&id).and_then(|slot| slot.child.as_mut()) {
            child.stop();
        }
    }

    /// A broker serves.
    pub(super) fn serving(&mut self, id: i32, addresses: Vec<(String, SocketAddr)>) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.addresses = addresses;
            slot.end = None;
        }
    }

    /// A broker has ended; whether it had ever served since it was started.
    pub(super) fn ended(&mut self, id: i32, end: End) -> bool {
        let Some(slot) = self.slots.get_mut(&id) else { return false };
        let served = !slot.addresses.is_empty();
        let steady = slot.since.take().is_some_and(|since| since.elapsed() >= STEADY);
        let asked = slot.child.take().is_some_and(|child| child.asked_to_stop());
        slot.addresses.clear();
        if asked {
            slot.end = None;
            return served;
        }
        slot.failures = if steady { 1 } else { slot.failures.saturating_add(1) };
        let doubled = 2_u32.saturating_pow(slot.failures.saturating_sub(1).min(16));
        let pause = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        slot.not_before = Some(Instant::now() + pause);
        slot.end = Some(end);
        served
    }

    /// The files have changed: what failed before may work now.
    pub(super) fn forgive(&mut self) {
        for slot in self.slots.values_mut() {
            slot.failures = 0;
            slot.not_before = None;
        }
    }

    /// When the next attempt is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.slots.values().filter_map(|slot| slot.not_before).min()
    }

    /// The brokers that serve, as they were started.
    pub(super) fn observed(&self) -> BTreeMap<i32, Broker> {
        let serving = self.slots.iter().filter(|(_, slot)| !slot.addresses.is_empty());
        serving.filter_map(|(id, slot)| Some((*id, slot.child.as_ref()?.broker.clone()))).collect()
    }

    /// How the brokers that are down have ended: id, and in words.
    pub(super) fn down(&self) -> Option<(i32, &End)> {
        self.slots.iter().find_map(|(id, slot)| Some((*id, slot.end.as_ref()?)))
    }

    /// A broker that serves, as this process reaches it.
    pub(super) fn contact(&self) -> Option<Contact> {
        self.slots.values().find_map(|slot| {
            let at = |name: &str| slot.addresses.iter().find(|(other, _)| other == name);
            if let Some((_, address)) = at(OPERATOR) {
                let credentials = Some(self.credentials.clone()?);
                return Some(Contact { address: *address, credentials });
            }
            let doors = &slot.child.as_ref()?.broker.listeners;
            let open = doors.iter().find(|one| Door::from(*one).is_open())?;
            let (_, address) = at(open.name.as_str())?;
            Some(Contact { address: *address, credentials: None })
        })
    }

    /// Where clients of one listener begin, with commas in between.
    pub(super) fn listener(&self, name: &str) -> String {
        let of = |slot: &Slot| {
            let mut addresses = slot.addresses.iter();
            addresses.find(|(other, _)| other == name).map(|(_, address)| address.to_string())
        };
        self.slots.values().filter_map(of).collect::<Vec<_>>().join(",")
    }

    /// Where clients find the brokers that serve: the first listener of each.
    pub(super) fn bootstrap(&self) -> Vec<SocketAddr> {
        let first = |slot: &Slot| slot.addresses.first().map(|(_, address)| *address);
        self.slots.values().filter_map(first).collect()
    }

    /// All of them, as the table shows them.
    pub(super) fn processes(&self) -> Vec<Process> {
        let process = |(id, slot): (&i32, &Slot)| Process {
            id: *id,
            pid: slot.child.as_ref().and_then(|child| child.pid),
            since: slot.since,
            address: slot.addresses.first().map(|(_, address)| *address),
        };
        self.slots.iter().map(process).collect()
    }

    /// Asks all of them to stop.
    pub(super) fn stop_all(&mut self) {
        for child in self.slots.values_mut().filter_map(|slot| slot.child.as_mut()) {
            child.stop();
        }
    }

    /// How many processes there still are.
    pub(super) fn running(&self) -> usize {
        self.slots.values().filter(|slot| slot.child.is_some()).count()
    }
}
