//! Takes in the connections of one port.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use crate::quiet::Quiet;

/// How long to wait when the process has no file descriptor left.
const BREATH: Duration = Duration::from_millis(100);

/// Takes in connections until it is dropped. Where more than `most` are open, the oldest goes:
/// those who open connections and say nothing must not keep a probe out, or Kubernetes would
/// restart a broker that is well.
pub(super) async fn accept<C>(
    listener: std::net::TcpListener,
    most: usize,
    connection: impl Fn(TcpStream) -> C,
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
    let mut open = VecDeque::<AbortHandle>::new();
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => {
                open.retain(|task| !task.is_finished());
                if open.len() >= most
                    && let Some(oldest) = open.pop_front()
                {
                    oldest.abort();
                }
                open.push_back(tokio::spawn(connection(stream)).abort_handle());
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
