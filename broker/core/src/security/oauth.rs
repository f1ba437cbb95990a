//! Tokens that an issuer has signed (OAUTHBEARER, KIP-768): the issuer's keys, the verdict on a
//! token, and when the keys are asked for again.
//!
//! Signatures are checked by `ring`; around it is what RFC 7515, 7517, 7519 and 8725 ask for. Only
//! keys whose other half the issuer keeps to itself count: no `none`, and no HMAC, whose key a
//! forger may take from what is public.

mod algorithm;
mod claims;
mod distrust;
mod keys;
mod location;
mod refresh;
#[cfg(test)]
pub(crate) mod tests;
mod token;

pub use algorithm::Algorithm;
pub use claims::Demands;
pub use distrust::Distrust;
pub use keys::{BadKeys, KeySet, MOST_BYTES};
pub use location::Location;
pub use refresh::{Pace, Refresh};
pub use token::Trusted;

/// Whom tokens are from: what they are held against.
#[derive(Debug, Clone)]
pub struct Issuer<'a> {
    /// What a token has to say.
    pub demands: &'a Demands,
    /// The keys; `None`: they are not known yet.
    pub keys: Option<std::sync::Arc<KeySet>>,
    /// The time, in Unix milliseconds.
    pub now: i64,
}

impl Issuer<'_> {
    /// Whether `token` is to be believed, and whose it is.
    pub fn verdict(&self, token: &str) -> Result<Trusted, Distrust> {
        let keys = self.keys.as_ref().ok_or(Distrust::NoKeys)?;
        token::verdict(token, keys, self.demands, self.now)
    }
}
