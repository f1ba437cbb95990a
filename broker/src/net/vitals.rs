//! What the sweeper looks at: times that a connection's task leaves behind as it works.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use kastellan_core::machine::Millis;

/// A connection's times, on the monotonic clock. They guide deadlines of seconds: relaxed loads and
/// stores are exact enough.
#[derive(Debug, Default)]
pub(super) struct Vitals {
    active: Moment,
    frame_began: Moment,
    write_blocked: Moment,
    login_began: Moment,
    bloated: AtomicBool,
}

/// A moment or none.
#[derive(Debug, Default)]
struct Moment(AtomicU64);

impl Moment {
    fn get(&self) -> Option<Millis> {
        self.0.load(Relaxed).checked_sub(1).map(Millis)
    }

    fn set(&self, at: Option<Millis>) {
        self.0.store(at.map_or(0, |at| at.0.saturating_add(1)), Relaxed);
    }

    /// Sets it unless it is set.
    fn begin(&self, at: Millis) {
        if self.0.load(Relaxed) == 0 {
            self.set(Some(at));
        }
    }
}

impl Vitals {
    /// When bytes last moved, in either direction.
    pub(super) fn last_active(&self) -> Option<Millis> {
        self.active.get()
    }

    /// Since when a frame has been arriving; none while no frame is half there.
    pub(super) fn frame_began(&self) -> Option<Millis> {
        self.frame_began.get()
    }

    /// Since when not a byte of the responses could be sent.
    pub(super) fn write_blocked(&self) -> Option<Millis> {
        self.write_blocked.get()
    }

    /// Since when somebody logs in; none where nobody does.
    pub(super) fn login_began(&self) -> Option<Millis> {
        self.login_began.get()
    }

    /// Whether the connection has buffers that it would not need to rest.
    pub(super) fn is_bloated(&self) -> bool {
        self.bloated.load(Relaxed)
    }

    /// Bytes have moved.
    pub(super) fn active(&self, now: Millis) {
        self.active.set(Some(now));
    }

    /// The front of the input is part of a frame, or not.
    pub(super) fn partial(&self, now: Millis, partial: bool) {
        if partial { self.frame_began.begin(now) } else { self.frame_began.set(None) }
    }

    /// A whole frame has been handled: the next one's time starts anew.
    pub(super) fn framed(&self) {
        self.frame_began.set(None);
    }

    /// Responses wait for the socket, or not.
    pub(super) fn blocked(&self, now: Millis, blocked: bool) {
        if blocked { self.write_blocked.begin(now) } else { self.write_blocked.set(None) }
    }

    /// Somebody logs in since then, or nobody does.
    pub(super) fn logging_in(&self, since: Option<Millis>) {
        self.login_began.set(since);
    }

    /// There is something to free, or not.
    pub(super) fn bloated(&self, bloated: bool) {
        self.bloated.store(bloated, Relaxed);
    }
}
