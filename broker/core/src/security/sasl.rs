//! Logging in (SASL): which mechanisms there are, and one connection's way through one of them.

mod bearer;
mod jaas;
mod login;
mod message;
mod scram;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{ScramCredential, ScramMechanism, Secret, oauth::Issuer};

pub use jaas::Jaas;
pub use login::{Answer, Login, Refusal};

/// How somebody may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// The password as it is: PLAIN (RFC 4616).
    Plain,
    /// A proof of it.
    Scram(ScramMechanism),
    /// A token that somebody else has signed: OAUTHBEARER (RFC 7628).
    OauthBearer,
}

/// What a login with a delegation token comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByToken {
    /// The user whose token it is.
    pub owner: String,
    /// When it ends, in Unix milliseconds.
    pub ends: i64,
}

/// Who may log in.
pub trait Users {
    /// What is kept of the password of `user`.
    fn scram(&self, mechanism: ScramMechanism, user: &str) -> Option<Arc<ScramCredential>>;

    /// What is kept of the delegation token called `id`, and whom it lets in until when; `None`
    /// where it lets nobody in.
    fn token(&self, mechanism: ScramMechanism, id: &str)
    -> Option<(Arc<ScramCredential>, ByToken)>;

    /// The password of `user` for PLAIN.
    fn plain(&self, user: &str) -> Option<&Secret<String>>;

    /// Whose tokens are believed; `None`: nobody's.
    fn issuer(&self) -> Option<Issuer<'_>>;

    /// What answers for users that there are not are made of: random, and the same for as long as
    /// possible, since a salt that changes tells that its user is made up.
    fn secret(&self) -> &[u8];
}

impl Mechanism {
    /// All of them; those that show the broker no password first.
    pub const ALL: [Self; 4] = [
        Self::OauthBearer,
        Self::Scram(ScramMechanism::Sha512),
        Self::Scram(ScramMechanism::Sha256),
        Self::Plain,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram(scram) => scram.name(),
            Self::OauthBearer => "OAUTHBEARER",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }
}
