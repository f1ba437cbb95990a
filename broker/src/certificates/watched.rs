//! What is made of certificates, made again when they change.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;

use super::{CertificateError, Keys, Sources};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What is shown and trusted from some moment on.
#[derive(Debug)]
pub(crate) struct Shown<C> {
    /// 1 at the start, one more with every change of the files.
    pub(crate) generation: u64,
    /// SHA-256 of the certificate, in hexadecimal digits.
    pub(crate) fingerprint: String,
    /// The same of each authority.
    pub(crate) ca_fingerprints: Vec<String>,
    /// The last second that the certificate is valid, in Unix time.
    pub(crate) not_after: i64,
    /// What is made of it.
    pub(crate) tls: C,
}

type Make<C> = Box<dyn Fn(Keys) -> Result<C, CertificateError> + Send + Sync>;

/// Certificates as they are now, and what is made of them.
pub(crate) struct Watched<C> {
    /// Whose they are, for the log.
    whose: String,
    sources: Sources,
    make: Make<C>,
    shown: ArcSwap<Shown<C>>,
    state: Mutex<State>,
}

struct State {
    /// What the files held when they were last looked at.
    seen: Vec<Vec<u8>>,
    /// Why what they hold is not in use.
    trouble: Option<String>,
}

impl<C> Watched<C> {
    /// Reads `sources`. `make` checks what they hold and makes of it what is used, now and whenever
    /// they change; `whose` they are goes to the log.
    pub(crate) fn load(
        whose: impl Into<String>,
        sources: Sources,
        make: impl Fn(Keys) -> Result<C, CertificateError> + Send + Sync + 'static,
    ) -> Result<Self, CertificateError> {
        let (whose, make): (_, Make<C>) = (whose.into(), Box::new(make));
        let seen = sources.read()?;
        let shown = ArcSwap::from_pointee(show(sources.parse(&seen)?, 1, &make)?);
        Ok(Self { whose, sources, make, shown, state: Mutex::new(State { seen, trouble: None }) })
    }

    /// What is in use.
    pub(crate) fn now(&self) -> Arc<Shown<C>> {
        self.shown.load_full()
    }

    /// Why what the files hold now is not in use; `None` where it is.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    /// Looks at the files again; true: others are in use from now on. Connections that there are
    /// stay.
    pub(crate) fn reload(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = match self.sources.read() {
            Ok(now) if now == state.seen && state.trouble.is_none() => return false,
            Ok(now) => {
                // what did not fit together may be half of a change: it is tried again
                let generation = self.shown.load().generation + 1;
                let parsed = self.sources.parse(&now);
                state.seen = now;
                parsed.and_then(|keys| show(keys, generation, &self.make))
            }
            Err(error) => Err(error),
        };
        match changed {
            Ok(shown) => {
                let (whose, generation) = (&self.whose, shown.generation);
                let fingerprint = &shown.fingerprint;
                tracing::info!(whose, generation, fingerprint, "other certificates are in use now");
                state.trouble = None;
                self.shown.store(Arc::new(shown));
                true
            }
            Err(error) => {
                let why = error.to_string();
                if state.trouble.as_ref() != Some(&why) {
                    tracing::warn!(whose = self.whose, why, "the certificates of before stay");
                }
                state.trouble = Some(why);
                false
            }
        }
    }
}

impl<C: Send + Sync + 'static> Watched<C> {
    /// Looks at the files for as long as the broker runs.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let watched = Arc::clone(&self);
            drop(tokio::task::spawn_blocking(move || watched.reload()).await);
        }
    }
}

fn show<C>(keys: Keys, generation: u64, make: &Make<C>) -> Result<Shown<C>, CertificateError> {
    let (fingerprint, not_after) = (keys.fingerprint.clone(), keys.not_after);
    let ca_fingerprints = keys.ca_fingerprints.clone();
    let tls = make(keys)?;
    Ok(Shown { generation, fingerprint, ca_fingerprints, not_after, tls })
}

impl<C> fmt::Debug for Watched<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("whose", &self.whose).finish_non_exhaustive()
    }
}
