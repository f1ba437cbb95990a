//! A broker's life in its fleet: it registers, says that it is there, is let in, and leaves in
//! order.
//!
//! It takes clients in once the metadata shows its registration, its partitions are open, and the
//! active controller has unfenced it.

mod beat;
mod register;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use kastellan_core::metadata::RegisterBroker;
use tokio::{runtime::Handle, sync::Notify};

use crate::{broker::Broker, controller::ControllerError, peers::Lost};

/// Between two looks at whether this broker is let in; a matter of heartbeats.
const LOOK: Duration = Duration::from_millis(10);

/// How long there may be no active controller while this broker wants to leave: when all are
/// stopped together, the last ones have nobody left to decide.
const FORSAKEN: Duration = Duration::from_secs(1);

/// How long leaving in order may take: others have to take over all that this broker leads.
const LEAVING: Duration = Duration::from_secs(20);

/// A registered broker.
#[derive(Debug)]
pub(crate) struct Member {
    registration: RegisterBroker,
    /// The epoch of its registration.
    epoch: AtomicI64,
    /// It wants to stop.
    leaving: AtomicBool,
    /// A heartbeat is due before its time.
    nudge: Notify,
    /// Others have taken over.
    may_stop: Notify,
    /// When the active controller has last answered.
    heard: Mutex<Instant>,
}

/// Why a broker is not let in.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The active controller refuses it for good.
    #[error("the active controller refuses this broker: {0}")]
    Refused(String),
    /// Nobody could be registered with.
    #[error(
        "no registration within initial.broker.registration.timeout.ms ({} s): {why}",
        .after.as_secs()
    )]
    NotInTime {
        /// How long it was tried.
        after: Duration,
        /// What the last attempt said.
        why: String,
    },
    /// The cluster's metadata cannot be followed.
    #[error(transparent)]
    Metadata(#[from] ControllerError),
}

/// Registers this broker and returns when clients may be let in. Blocks.
pub(crate) fn join(
    broker: &Arc<Broker>,
    registration: RegisterBroker,
    opened: &mpsc::Receiver<Result<(), ControllerError>>,
    handle: &Handle,
) -> Result<Arc<Member>, JoinError> {
    watch(broker);
    let epoch = register::until_accepted(broker, &registration)?;
    let member = Arc::new(Member {
        registration,
        epoch: AtomicI64::new(epoch),
        leaving: AtomicBool::new(false),
        nudge: Notify::new(),
        may_stop: Notify::new(),
        heard: Mutex::new(Instant::now()),
    });
    handle.spawn(beat::beat(Arc::clone(&member), Arc::downgrade(broker)));
    match opened.recv() {
        Ok(opened) => opened?,
        Err(_) => return Err(JoinError::Refused("its controller's thread has ended".to_owned())),
    }
    member.nudge.notify_one();
    wait_until_unfenced(broker);
    Ok(member)
}

/// Looks after connections that were lost: one that is refused tells the active controller that
/// the process there has ended.
fn watch(broker: &Arc<Broker>) {
    let watcher = Arc::downgrade(broker);
    broker.peers.on_lost(move |node, how| {
        let Some(broker) = watcher.upgrade() else { return };
        match how {
            Lost::Reset => broker.peers.probe(node),
            Lost::Refused => broker.controller.refused(node),
        }
    });
}

fn wait_until_unfenced(broker: &Broker) {
    let me = kastellan_core::id::BrokerId(broker.config.node_id);
    let (begun, mut told) = (Instant::now(), false);
    loop {
        if broker.controller.image().broker(me).is_some_and(|it| !it.fenced) {
            return;
        }
        if !told && begun.elapsed() > Duration::from_secs(5) {
            told = true;
            tracing::warn!("registered, and still fenced: the metadata is not caught up with yet");
        }
        thread::park_timeout(LOOK);
    }
}

impl Member {
    /// Has others take over what this broker leads, and returns when they have, or when that takes
    /// too long.
    pub(crate) async fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
        self.nudge.notify_one();
        let begun = Instant::now();
        loop {
            tokio::select! {
                () = self.may_stop.notified() => return,
                () = tokio::time::sleep(LOOK) => (),
            }
            let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.max(begun).elapsed() > FORSAKEN {
                tracing::info!("nobody is left to take over");
                return;
            }
            if begun.elapsed() > LEAVING {
                tracing::warn!("others have not taken over in time: what is led here is cut off");
                return;
            }
        }
    }

    /// The active controller has answered.
    fn hear(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}
