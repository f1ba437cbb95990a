//! One connection's way from the handshake to a user, in the steps of Kafka's
//! `KafkaServerAuthenticator` (KIP-43, KIP-152, KIP-368).

use kastellan_protocol::ErrorCode;

use super::{
    Mechanism, Users,
    bearer::{self, bearer},
    message::plain,
    scram::Challenge,
};
use crate::security::{
    ScramMechanism,
    oauth::{Distrust, Trusted},
    same_secret,
};

/// Where a login stands.
#[derive(Debug)]
pub struct Login {
    state: State,
    /// In a connection that has logged in before: as whom and how, which may not change.
    before: Option<(String, Mechanism)>,
}

#[derive(Debug)]
enum State {
    /// Nobody has said how.
    Handshake,
    /// The first message of the mechanism is to come.
    First(Mechanism),
    /// The proof is to come.
    Proof(Box<Challenge>),
    /// The client knows that its token is not believed, and has to say that it does.
    Told(Distrust),
    /// It has ended, one way or the other.
    Over,
}

/// An answer to a message of a mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The broker's message, empty for PLAIN and for a token that is believed.
    pub message: Vec<u8>,
    /// Who has logged in and how; `None`: another message is to come.
    pub user: Option<(String, Mechanism)>,
    /// When what was shown counts no more, in Unix milliseconds; `None`: never.
    pub ends: Option<i64>,
    /// Whether it was a delegation token.
    pub by_token: bool,
    /// Why the client's token is not believed: it gets in no more, and the message says so.
    pub distrust: Option<Distrust>,
}

/// Why a login ends; the connection is closed after the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 33 `UNSUPPORTED_SASL_MECHANISM`, 34 `ILLEGAL_SASL_STATE` or 58 `SASL_AUTHENTICATION_FAILED`.
    pub code: ErrorCode,
    /// For the client, without a word on what it sent.
    pub message: String,
}

impl Login {
    /// The login of a connection that is new.
    pub fn new() -> Self {
        Self { state: State::Handshake, before: None }
    }

    /// A new login of a connection of `user` (KIP-368).
    pub fn again(user: &str, mechanism: Mechanism) -> Self {
        Self { state: State::Handshake, before: Some((user.to_owned(), mechanism)) }
    }

    /// Whether nothing was said yet: versions may be asked for.
    pub fn is_at_the_beginning(&self) -> bool {
        matches!(self.state, State::Handshake)
    }

    /// Takes a handshake for the mechanism called `wanted`.
    pub fn handshake(&mut self, wanted: &str, enabled: &[Mechanism]) -> Result<(), Refusal> {
        if !self.is_at_the_beginning() {
            return Err(self.illegal("a second SaslHandshake"));
        }
        self.state = State::Over;
        let known = Mechanism::named(wanted).filter(|mechanism| enabled.contains(mechanism));
        let Some(mechanism) = known else {
            let code = ErrorCode::UnsupportedSaslMechanism;
            let message = "the mechanism is not among the enabled ones".to_owned();
            return Err(Refusal { code, message });
        };
        if self.before.as_ref().is_some_and(|(_, before)| *before != mechanism) {
            return Err(failed("the mechanism cannot change when a connection logs in again"));
        }
        self.state = State::First(mechanism);
        Ok(())
    }

    /// Takes a message of the mechanism. `fresh` makes the nonce of this exchange: random,
    /// printable and without commas.
    pub fn message(
        &mut self,
        message: &[u8],
        users: &dyn Users,
        fresh: &str,
    ) -> Result<Answer, Refusal> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::First(Mechanism::Plain) => {
                let user = by_password(message, users).ok_or_else(|| rejected(Mechanism::Plain))?;
                self.lets_in(user, Mechanism::Plain, Vec::new(), None)
            }
            State::First(Mechanism::OauthBearer) => self.token(message, users),
            State::Told(why) => Err(failed(format!("Authentication failed: {why}"))),
            State::First(Mechanism::Scram(scram)) => self.challenge(scram, message, users, fresh),
            State::Proof(challenge) => {
                let mechanism = Mechanism::Scram(challenge.mechanism());
                let Some((user, message, ends)) = challenge.prove(message) else {
                    return Err(rejected(mechanism));
                };
                let answer = self.lets_in(user, mechanism, message, ends)?;
                Ok(Answer { by_token: ends.is_some(), ..answer })
            }
            State::Handshake | State::Over => {
                Err(self.illegal("SaslAuthenticate without a SaslHandshake before it"))
            }
        }
    }

    fn lets_in(
        &self,
        user: String,
        mechanism: Mechanism,
        message: Vec<u8>,
        ends: Option<i64>,
    ) -> Result<Answer, Refusal> {
        if self.before.as_ref().is_some_and(|(before, _)| *before != user) {
            return Err(failed("the user cannot change when a connection logs in again"));
        }
        let user = Some((user, mechanism));
        Ok(Answer { message, user, ends, by_token: false, distrust: None })
    }

    fn token(&mut self, message: &[u8], users: &dyn Users) -> Result<Answer, Refusal> {
        let shown = bearer(message).ok_or_else(|| rejected(Mechanism::OauthBearer))?;
        let issuer = users.issuer().ok_or_else(|| rejected(Mechanism::OauthBearer))?;
        match issuer.verdict(shown.token) {
            Ok(Trusted { name, .. }) if shown.authorized.is_some_and(|wanted| wanted != name) => {
                Err(failed(
                    "Authentication failed: the authorization id is not the name in the token",
                ))
            }
            Ok(Trusted { name, ends }) => {
                self.lets_in(name, Mechanism::OauthBearer, Vec::new(), Some(ends))
            }
            Err(why) => {
                self.state = State::Told(why);
                let (message, distrust) = (bearer::told(why), Some(why));
                Ok(Answer { message, user: None, ends: None, by_token: false, distrust })
            }
        }
    }

    fn challenge(
        &mut self,
        scram: ScramMechanism,
        message: &[u8],
        users: &dyn Users,
        fresh: &str,
    ) -> Result<Answer, Refusal> {
        let begun = Challenge::new(scram, message, users, fresh);
        let (challenge, message) = begun.ok_or_else(|| rejected(Mechanism::Scram(scram)))?;
        self.state = State::Proof(Box::new(challenge));
        Ok(Answer { message, user: None, ends: None, by_token: false, distrust: None })
    }

    /// A request that does not belong here.
    fn illegal(&mut self, what: &str) -> Refusal {
        self.state = State::Over;
        Refusal { code: ErrorCode::IllegalSaslState, message: format!("unexpected: {what}") }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self::new()
    }
}

fn by_password(message: &[u8], users: &dyn Users) -> Option<String> {
    let (user, password) = plain(message)?;
    let known = users.plain(user);
    // compared in any case: how long it takes does not tell who there is
    let expected = known.map(|known| known.0.as_bytes()).unwrap_or_default();
    let same = same_secret(expected, password.as_bytes());
    (same && known.is_some()).then(|| user.to_owned())
}

/// The words of Kafka, which people look for.
fn rejected(mechanism: Mechanism) -> Refusal {
    match mechanism {
        Mechanism::Plain => failed("Authentication failed: Invalid username or password"),
        Mechanism::OauthBearer => {
            failed("Authentication failed: the first message of OAUTHBEARER is malformed")
        }
        Mechanism::Scram(scram) => failed(format!(
            "Authentication failed during authentication due to invalid credentials with SASL \
             mechanism {}",
            scram.name()
        )),
    }
}

fn failed(message: impl Into<String>) -> Refusal {
    Refusal { code: ErrorCode::SaslAuthenticationFailed, message: message.into() }
}
