//! What the thread hands to the quorum's machine, and the end of all that.

use kastellan_core::{
    metadata::Failure,
    quorum::{Event, Request},
};
use kastellan_log::Disk;

use super::{Consulted, ControllerError, Driver, storage};

impl<D: Disk> Driver<D> {
    /// Hands an event to the machine, unless the log has failed; if it fails now, nothing will be
    /// decided here any more.
    pub(super) fn attempt(&mut self, event: Event) {
        if self.broken.is_some() {
            return;
        }
        if let Err(error) = self.step(event) {
            self.give_up(&error);
        }
    }

    /// A request for the quorum.
    pub(super) fn consult(&mut self, request: Request, answer: Consulted) {
        let token = self.ticket();
        if self.broken.is_none() {
            self.consulted.insert(token, answer);
        }
        self.attempt(Event::Request { token, request });
    }

    /// The log has failed: what is not committed is not, and nothing more will be. Who waits for
    /// the quorum's answer is left without one.
    fn give_up(&mut self, error: &ControllerError) {
        tracing::error!(%error, "the metadata log failed: nothing can be decided any more");
        self.broken = Some(error.to_string());
        let failure: Failure = storage(&error.to_string());
        self.step_down(&failure);
        self.consulted.clear();
        self.events.clear();
    }
}
