//! One connection's way from its first byte to a principal, where its listener asks for a login.
//! The rules are the core's (`kastellan_core::security::sasl`); here are time, chance and users.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kastellan_core::{
    config::Sasl,
    machine::Millis,
    metadata::Image,
    security::{
        ScramCredential, ScramMechanism, Secret, TokenKey,
        oauth::{Distrust, Issuer},
        sasl::{ByToken, Login, Mechanism, Users},
    },
};
use kastellan_protocol::frame;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Limits, registry::Visit};
use crate::issuer::Keys;

/// A connection does not log in again more often than this, as in Kafka.
const AGAIN: Duration = Duration::from_secs(1);

/// The most delegation tokens whose rounds are remembered. They are made anew after that, and are a
/// few hundred bytes each.
const MOST_KEPT: usize = 10_000;

/// How clients log in on one listener.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(super) enabled: Vec<Mechanism>,
    sasl: Sasl,
    /// Whose tokens are believed.
    issuer: Option<Arc<Keys>>,
    /// Made when the process began: it looks the same for as long as that.
    secret: Secret<[u8; 32]>,
    /// What is kept of delegation tokens, so that their rounds are done once.
    tokens: Mutex<BTreeMap<(ScramMechanism, String), Arc<ScramCredential>>>,
}

/// How far one connection is.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) desk: Arc<Desk>,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// It logs in, for the first time or again.
    LoggingIn {
        login: Login,
        /// Messages of the mechanism come without a header: version 0 of the handshake asks for it.
        raw: bool,
        /// Its place among those whom nobody knows.
        _visit: Option<Visit>,
        /// When it began.
        since: Millis,
    },
    /// It has logged in.
    In {
        user: String,
        mechanism: Mechanism,
        /// When that began.
        since: Millis,
        /// When that is over; `None`: never.
        ends: Option<Millis>,
    },
    /// It is refused and waits for the answer.
    Refused,
}

impl Desk {
    /// Fails where the system has no random numbers.
    pub(super) fn new(sasl: Sasl, issuer: Option<Arc<Keys>>) -> std::io::Result<Self> {
        let mut secret = [0; 32];
        fill(&mut secret)?;
        let enabled = sasl.mechanisms.iter().map(|(mechanism, _)| *mechanism).collect();
        let tokens = Mutex::default();
        Ok(Self { enabled, sasl, issuer, secret: Secret(secret), tokens })
    }

    /// The keys that tokens are signed with.
    pub(super) fn issuer(&self) -> Option<&Arc<Keys>> {
        self.issuer.as_ref()
    }

    /// How long a login by `mechanism` holds, by what was shown until `ends`, in Unix milliseconds;
    /// `wall` is the time in the same.
    pub(super) fn session(
        &self,
        mechanism: Mechanism,
        ends: Option<i64>,
        wall: i64,
    ) -> Option<Duration> {
        let known = self.sasl.mechanisms.iter().find(|(known, _)| *known == mechanism);
        let left = |ends: i64| u64::try_from(ends.saturating_sub(wall)).unwrap_or_default();
        let shown = ends.map(|ends| Duration::from_millis(left(ends)));
        known.and_then(|(_, session)| *session).into_iter().chain(shown).min()
    }

    /// A token was not believed: its key may be one that the issuer has made since.
    pub(super) fn distrusts(&self, why: Distrust) {
        if let (Distrust::UnknownKey, Some(keys)) = (why, &self.issuer) {
            keys.missed();
        }
    }

    /// Whoever may log in, by what is known to the cluster now; `wall`: in Unix milliseconds.
    pub(super) fn users<'a>(
        &'a self,
        image: &'a Image,
        key: Option<&'a TokenKey>,
        wall: i64,
    ) -> Known<'a> {
        Known { desk: self, image, key, wall }
    }

    /// What is kept of the token called `id`, which there is: found, or made in some milliseconds.
    fn of_token(
        &self,
        key: &TokenKey,
        mechanism: ScramMechanism,
        id: &str,
    ) -> Arc<ScramCredential> {
        let place = (mechanism, id.to_owned());
        let kept = || self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(&place) {
            return Arc::clone(known);
        }
        let made = Arc::new(key.credential(id, mechanism, &self.secret.0));
        let mut kept = kept();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(place, Arc::clone(&made));
        made
    }
}

/// Random text for a nonce.
pub(super) fn nonce() -> std::io::Result<String> {
    let mut bytes = [0; 24];
    fill(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

fn fill(bytes: &mut [u8]) -> std::io::Result<()> {
    let failed = |_| std::io::Error::other("the system has no random numbers");
    SystemRandom::new().fill(bytes).map_err(failed)
}

/// Users of the configuration and of the cluster.
pub(super) struct Known<'a> {
    desk: &'a Desk,
    image: &'a Image,
    /// What delegation tokens are made with; `None`: there are none.
    key: Option<&'a TokenKey>,
    wall: i64,
}

impl Users for Known<'_> {
    fn scram(&self, mechanism: ScramMechanism, user: &str) -> Option<Arc<ScramCredential>> {
        self.image.scram(user, mechanism).cloned()
    }

    fn token(
        &self,
        mechanism: ScramMechanism,
        id: &str,
    ) -> Option<(Arc<ScramCredential>, ByToken)> {
        let key = self.key?;
        let token = self.image.token(id).filter(|token| !token.is_over(self.wall))?;
        let by_token = ByToken { owner: token.owner.name().to_owned(), ends: token.expires };
        Some((self.desk.of_token(key, mechanism, id), by_token))
    }

    fn plain(&self, user: &str) -> Option<&Secret<String>> {
        self.desk.sasl.plain.get(user)
    }

    fn issuer(&self) -> Option<Issuer<'_>> {
        self.desk.issuer.as_ref().map(|keys| keys.issuer(self.wall))
    }

    fn secret(&self) -> &[u8] {
        &self.desk.secret.0
    }
}

impl Entry {
    /// Somebody whom nobody knows.
    pub(super) fn new(desk: Arc<Desk>, visit: Option<Visit>, now: Millis) -> Self {
        let login = Login::new();
        Self { desk, stage: Stage::LoggingIn { login, raw: false, _visit: visit, since: now } }
    }

    /// What frames may be like: small as long as nobody is known.
    pub(super) fn frame_limits(&self, limits: &Limits) -> frame::Limits {
        match &self.stage {
            Stage::In { .. } => limits.frame,
            Stage::LoggingIn { .. } | Stage::Refused => {
                let most = limits.unknown_frame;
                let raw = matches!(self.stage, Stage::LoggingIn { raw: true, .. });
                let shortest = if raw { 1 } else { limits.frame.shortest };
                frame::Limits { produce: most, other: most, shortest }
            }
        }
    }

    /// Begins anew where a login that holds for some time is to be replaced by another; false: this
    /// is not the time.
    pub(super) fn begin_again(&mut self, now: Millis) -> bool {
        let Stage::In { user, mechanism, since, ends: Some(_) } = &self.stage else { return false };
        if now.since(*since) < AGAIN {
            return false;
        }
        let login = Login::again(user, *mechanism);
        self.stage = Stage::LoggingIn { login, raw: false, _visit: None, since: now };
        true
    }
}
