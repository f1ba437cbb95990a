//! The keys of whoever issues tokens: read at the start, from a file or a web server, and again
//! when they may be others. When that is, is the core's to say
//! (`kastellan_core::security::oauth::Refresh`).

#[cfg(test)]
mod tests;
mod web;

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwapOption;
use kastellan_core::{
    config::Tokens,
    security::oauth::{BadKeys, Demands, Issuer, KeySet, Location, MOST_BYTES, Pace, Refresh},
};
use tokio::sync::Notify;

use self::web::Web;
use crate::{certificates::CertificateError, clock::Clock, start::StartError};

/// How often a file is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The keys of one listener's issuer.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Whose tokens they are for, for the log.
    listener: String,
    demands: Demands,
    pace: Pace,
    place: Place,
    known: ArcSwapOption<KeySet>,
    /// A token named a key that is not among them.
    missed: Notify,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Web(Web),
}

/// Why there are no other keys.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("read {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Keys(#[from] BadKeys),
    #[error(transparent)]
    Authorities(#[from] CertificateError),
    #[error("the system's authorities: {0}")]
    NoAuthorities(String),
    #[error("the issuer's web server cannot be asked: {0}")]
    Connection(#[from] io::Error),
    #[error("the issuer's web server: {0}")]
    Http(#[from] hyper::Error),
    #[error("the issuer's web server answers with {0}: a redirect is not followed")]
    Status(hyper::StatusCode),
    #[error("the issuer's web server does not answer with keys: {0}")]
    Body(String),
    #[error("the issuer's web server did not answer within {} s", web::PATIENCE.as_secs())]
    Slow,
    #[error("it has no host, or cannot be a URL")]
    Url,
}

impl Keys {
    /// Reads the keys of the listener called `listener` where they are in a file. Those of a web
    /// server come later: a broker starts while an issuer is away.
    pub(crate) fn open(
        listener: &str,
        tokens: Tokens,
        allowed: &[String],
    ) -> Result<Self, StartError> {
        let Tokens { demands, url, pace, truststore } = tokens;
        let wrong = |why: String| {
            let (listener, url) = (listener.to_owned(), url.clone());
            StartError::Keys { listener, url, why }
        };
        let known = ArcSwapOption::empty();
        let place = match Location::parse(&url, allowed).map_err(wrong)? {
            Location::File(path) => {
                let path = PathBuf::from(path);
                let read = read(&path).and_then(|text| Ok(KeySet::parse(&text)?));
                known.store(Some(Arc::new(read.map_err(|why| wrong(why.to_string()))?)));
                Place::File(path)
            }
            Location::Https(url) => {
                let web = Web::new(&url, truststore.map(PathBuf::from));
                Place::Web(web.map_err(|why| wrong(why.to_string()))?)
            }
        };
        let (listener, missed) = (listener.to_owned(), Notify::new());
        Ok(Self { listener, demands, pace, place, known, missed })
    }

    /// What tokens are held against at `wall`, in Unix milliseconds.
    pub(crate) fn issuer(&self, wall: i64) -> Issuer<'_> {
        Issuer { demands: &self.demands, keys: self.known.load_full(), now: wall }
    }

    /// A token named a key that is not known.
    pub(crate) fn missed(&self) {
        self.missed.notify_one();
    }

    /// Keeps the keys current for as long as the broker runs.
    pub(crate) async fn watch(self: Arc<Self>, clock: Clock) {
        match &self.place {
            Place::File(path) => self.watch_file(path).await,
            Place::Web(web) => self.watch_web(web, clock).await,
        }
    }

    async fn watch_file(&self, path: &Path) {
        let mut trouble = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let path = path.to_owned();
            let Ok(text) = tokio::task::spawn_blocking(move || read(&path)).await else { return };
            self.take(text, &mut trouble);
        }
    }

    async fn watch_web(&self, web: &Web, clock: Clock) {
        let (mut trouble, mut refresh) = (None, Refresh::new(self.pace, clock.monotonic()));
        loop {
            let at = clock.instant(refresh.deadline()).into();
            tokio::select! {
                () = tokio::time::sleep_until(at) => {
                    let answered = self.take(web.ask().await, &mut trouble);
                    refresh.asked(clock.monotonic(), answered);
                }
                () = self.missed.notified() => refresh.missed(clock.monotonic()),
            }
        }
    }

    /// Uses what was read, if it is keys; `trouble` is what was wrong before, which is said once.
    fn take(&self, read: Result<Vec<u8>, Trouble>, trouble: &mut Option<String>) -> bool {
        let listener = &self.listener;
        match read.and_then(|text| Ok(KeySet::parse(&text)?)) {
            Ok(keys) => {
                *trouble = None;
                if self.known.load().as_deref() != Some(&keys) {
                    let keys_known = keys.len();
                    tracing::info!(
                        listener,
                        keys_known,
                        "other keys of its issuer count from now on"
                    );
                    self.known.store(Some(Arc::new(keys)));
                }
                true
            }
            Err(error) => {
                let why = error.to_string();
                if trouble.as_ref() != Some(&why) {
                    tracing::warn!(
                        listener,
                        why,
                        "the issuer's keys of before stay, if there are any"
                    );
                }
                *trouble = Some(why);
                false
            }
        }
    }
}

/// What a file holds, up to a little more than what is looked at.
fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    let most = MOST_BYTES as u64 + 1;
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut text));
    read.map_err(|source| Trouble::Read { path: path.to_owned(), source })?;
    Ok(text)
}
