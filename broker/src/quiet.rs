//! Keeps clients from filling the log.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Lets one line a second through and counts the others.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    state: Mutex<(Option<Instant>, u64)>,
}

impl Quiet {
    /// Whether to log now, and how many lines were held back since the last one.
    pub(crate) fn speak(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.0.is_some_and(|last| now.duration_since(last) < Duration::from_secs(1)) {
            state.1 += 1;
            return None;
        }
        state.0 = Some(now);
        Some(std::mem::take(&mut state.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_passes_and_the_flood_behind_it_is_counted() {
        let quiet = Quiet::default();
        assert_eq!(quiet.speak(), Some(0));
        assert_eq!(quiet.speak(), None);
        assert_eq!(quiet.state.lock().unwrap().1, 1);
    }
}
