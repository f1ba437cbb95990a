//! What every machine looks like, and the injected clock.

use std::time::Duration;

/// A state machine: the same inputs at the same times give the same effects.
pub trait Machine {
    /// A request, a notice from elsewhere, or the passing of time.
    type Input;
    /// Something for the shell to do.
    type Effect;

    /// Takes in one input; what follows from it is pushed onto `effects`.
    ///
    /// Never changes hard state: records go out as effects, the driver appends them and, once the
    /// log has taken them, hands them to [`Replicated::apply`].
    fn step(&mut self, now: Now, input: Self::Input, effects: &mut Vec<Self::Effect>);

    /// The next moment at which time alone changes something.
    fn deadline(&self) -> Option<Millis>;
}

/// A machine whose hard state is a fold over the records of a log.
pub trait Replicated: Machine {
    /// A fact, already decided.
    type Record;

    /// Takes in one record that the log has taken; the leader's driver and a replay call the same
    /// code. Replay of a committed record never panics.
    fn apply(&mut self, record: &Self::Record);
}

/// The two clocks, read once per step: leases run on the first, record times on the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic; survives clock jumps, dies with the process.
    pub monotonic: Millis,
    /// Milliseconds since 1970, as records carry them.
    pub wall: i64,
}

/// A point on the monotonic clock, in milliseconds from wherever it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// Where every simulation begins.
    pub const ZERO: Self = Self(0);

    /// This moment, `later` on; saturates rather than wraps.
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long from `earlier` to this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A caller who waits for an answer; the shell knows which socket that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);
