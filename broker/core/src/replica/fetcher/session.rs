//! The client's side of a fetch session (KIP-227).

/// The session with one node.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// 0 before the node has named it.
    id: i32,
    /// What the next request carries; 0 begins a session.
    epoch: i32,
    /// The request that begins it is on its way.
    asked: bool,
}

impl Session {
    /// Whether the next request begins a session, and so has to name everything.
    pub(super) fn begins(&self) -> bool {
        self.epoch == 0
    }

    /// Whether the node has named it.
    pub(super) fn has_begun(&self) -> bool {
        self.epoch > 0
    }

    /// Id and epoch for the next request.
    pub(super) fn next(&mut self) -> (i32, i32) {
        let next = (self.id, self.epoch);
        self.asked = self.epoch == 0;
        if self.epoch > 0 {
            self.epoch = if self.epoch == i32::MAX { 1 } else { self.epoch + 1 };
        }
        next
    }

    /// An answer named the session `id`; 0: the node keeps none, and is asked for all every time.
    pub(super) fn answered(&mut self, id: i32) {
        if self.asked && id != 0 {
            *self = Self { id, epoch: 1, asked: false };
        } else if id == 0 {
            self.reset();
        }
    }

    /// The next request begins a new session; it names the old one, which ends with it.
    pub(super) fn reset(&mut self) {
        (self.epoch, self.asked) = (0, false);
    }
}
