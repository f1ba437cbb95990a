//! Takes in the connections of one port.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use crate::quiet::Quiet;

/// How long to wait when the process has no file descriptor left.
const BREATH: Duration = Duration::from_millis(100);

/// Set by a connection whose client has shown who it is.
pub(super) type Known = Arc<AtomicBool>;

/// The open connections, oldest first.
#[derive(Debug, Default)]
struct Crowd {
    open: VecDeque<(AbortHandle, Known)>,
}

impl Crowd {
    /// Makes room for one more among `most`: the oldest of those that nobody knows goes, or the
    /// oldest.
    fn make_room(&mut self, most: usize) {
        self.open.retain(|(task, _)| !task.is_finished());
        if self.open.len() < most {
            return;
        }
        let unknown = self.open.iter().position(|(_, known)| !known.load(Relaxed));
        if let Some((task, _)) = self.open.remove(unknown.unwrap_or(0)) {
            task.abort();
        }
    }
}

/// Takes in connections until it is dropped. Where more than `most` are open, the oldest goes:
/// those who open connections and say nothing must not keep a probe out, or Kubernetes would
/// restart a broker that is well.
pub(super) async fn accept<C>(
    listener: std::net::TcpListener,
    most: usize,
    connection: impl Fn(TcpStream, Known) -> C,
) where
    C: Future<Output = ()> + Send + 'static,
{
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a management port cannot be served");
            return;
        }
    };
    let quiet = Quiet::default();
    let mut crowd = Crowd::default();
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => {
                crowd.make_room(most);
                let known = Known::default();
                let task = tokio::spawn(connection(stream, Arc::clone(&known)));
                crowd.open.push_back((task.abort_handle(), known));
            }
            Err(error) => {
                if let Some(missed) = quiet.speak() {
                    tracing::warn!(%error, missed, "cannot accept a connection for management");
                }
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}
