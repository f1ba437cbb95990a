//! One answer out of several: a request that names several groups asks several coordinators.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Collects a number of results, in the order asked, and hands them on when the last one is in.
pub(crate) struct Gather<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    results: Vec<Option<T>>,
    missing: usize,
    done: Option<Done<T>>,
}

type Done<T> = Box<dyn FnOnce(Vec<T>) + Send>;

impl<T> fmt::Debug for Gather<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Gather({} of {} missing)", state.missing, state.results.len())
    }
}

impl<T: Send + 'static> Gather<T> {
    /// Waits for `count` results; for none of them `done` is called at once.
    pub(crate) fn new(count: usize, done: impl FnOnce(Vec<T>) + Send + 'static) -> Arc<Self> {
        let results = std::iter::repeat_with(|| None).take(count).collect();
        let done: Option<Done<T>> = if count == 0 {
            done(Vec::new());
            None
        } else {
            Some(Box::new(done))
        };
        Arc::new(Self { state: Mutex::new(State { results, missing: count, done }) })
    }

    /// Takes in the result at `index`; each one counts once.
    pub(crate) fn put(&self, index: usize, result: T) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place @ None) = state.results.get_mut(index) {
            *place = Some(result);
            state.missing -= 1;
        }
        if state.missing == 0
            && let Some(done) = state.done.take()
        {
            let results = std::mem::take(&mut state.results);
            drop(state);
            done(results.into_iter().flatten().collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn results_come_out_in_the_order_asked_once_all_are_in() {
        let (send, got) = mpsc::channel();
        let gather = Gather::new(3, move |all| send.send(all).unwrap());
        gather.put(2, 'c');
        gather.put(0, 'a');
        gather.put(0, 'x');
        assert!(got.try_recv().is_err());
        gather.put(1, 'b');
        assert_eq!(got.try_recv().unwrap(), ['a', 'b', 'c']);
        gather.put(1, 'y');
        assert!(got.try_recv().is_err());
    }

    #[test]
    fn nothing_to_wait_for_is_done_at_once() {
        let (send, got) = mpsc::channel();
        let gather = Gather::<u8>::new(0, move |all| send.send(all.len()).unwrap());
        assert_eq!(got.try_recv().unwrap(), 0);
        drop(gather);
    }
}
