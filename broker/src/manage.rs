//! The ports that are not for clients. One thread serves them, so that a broker whose workers are
//! busy still says how it is.

mod health;
mod http;
mod metrics;
mod port;
mod probes;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use tokio::sync::oneshot;

pub(crate) use self::health::Health;
use self::port::accept;
use crate::{StartError, config::Config};

/// The thread that answers probes, from the first moment of the process to its last.
#[derive(Debug)]
pub(crate) struct Manage {
    health: Arc<Health>,
    probes: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Manage {
    /// Binds the ports and serves them; no thread where there is none.
    pub(crate) fn start(config: &Config) -> Result<Self, StartError> {
        let health = Arc::new(Health::default());
        let Some(address) = config.management.probes else {
            return Ok(Self { health, probes: None, stop: None, thread: None });
        };
        let probes = bind("probes", address)?;
        let address = probes.local_addr()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let asked = Arc::clone(&health);
        let thread = thread::Builder::new().name("management".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve_probes(probes, &asked) => (),
                    // a dropped sender means the same
                    _ = stopped => (),
                }
            });
        })?;
        tracing::info!(%address, "probes and metrics are served");
        Ok(Self { health, probes: Some(address), stop: Some(stop), thread: Some(thread) })
    }

    /// What the process is to say how it is.
    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Where probes are answered.
    pub(crate) fn probes(&self) -> Option<SocketAddr> {
        self.probes
    }
}

impl Drop for Manage {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the management thread panicked: a bug of ours");
        }
    }
}

fn bind(name: &str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).and_then(|bound| {
        bound.set_nonblocking(true)?;
        Ok(bound)
    });
    bound.map_err(|source| StartError::Bind { name: name.to_owned(), address, source })
}

async fn serve_probes(listener: TcpListener, health: &Arc<Health>) {
    accept(listener, http::PLAIN.connections, |stream| {
        let health = Arc::clone(health);
        async move {
            let answer = move |asked| {
                let health = Arc::clone(&health);
                async move { probes::answer(&health, &asked) }
            };
            http::serve(stream, &http::PLAIN, answer).await;
        }
    })
    .await;
}
