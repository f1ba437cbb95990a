//! Why a token is not believed.

/// What a client hears of its token: which claim, never what it should have said, and nothing of
/// the token itself, since that is a secret. Claims are looked at only behind a good signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It has not the form of one, or is encrypted.
    #[error("the token is not a signed JWT")]
    Form,
    /// `alg` is `none`.
    #[error("the token is not signed (alg is none)")]
    Unsigned,
    /// `alg` is a secret that is shared, or unknown.
    #[error(
        "the token's algorithm (alg) is none of RS256, RS384, RS512, PS256, PS384, PS512, ES256 \
         and ES384"
    )]
    Algorithm,
    /// It has to be understood in a way that there is not here.
    #[error("the token asks for an extension (crit) that there is not here")]
    Critical,
    /// The broker has no keys.
    #[error("the issuer's keys are not known yet: look into the broker's log")]
    NoKeys,
    /// The key may be new: the issuer is to be asked again.
    #[error("the issuer has no key with the token's key id (kid) for its algorithm")]
    UnknownKey,
    /// It names no key, and there is not exactly one that it may be signed with.
    #[error("the token has no key id (kid), and the issuer has not exactly one key that fits")]
    NoKeyId,
    /// The key did not sign it.
    #[error("the token's signature is wrong")]
    Signature,
    /// What is signed is not what a token says.
    #[error("the token's claims are not a JSON object")]
    Claims,
    /// `exp`, `iat` or `nbf` are missing or are no times.
    #[error("the token's {0} is missing or not a time")]
    Time(&'static str),
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is from the future (iat or nbf)")]
    Future,
    /// It is from somebody else.
    #[error("the token's issuer (iss) is not the expected one")]
    Issuer,
    /// It is for somebody else.
    #[error("the token's audience (aud) is not among the expected ones")]
    Audience,
    /// It does not say whose it is.
    #[error("the token has no name in the claim that sasl.oauthbearer.sub.claim.name names")]
    Subject,
    /// Its scopes are not words.
    #[error("the token's scope is not a text or a list of different words")]
    Scope,
}
