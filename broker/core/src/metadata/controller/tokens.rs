//! Delegation tokens are made, renewed and ended (KIP-48, KIP-373).

use std::{collections::BTreeMap, sync::Arc};

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Failure, Reply, decide, fencing::push_in_batches};
use crate::{
    config::TokenConfig,
    machine::{Millis, Now, Ticket},
    metadata::{Image, Record, image::token_record},
    security::{DelegationToken, Principal, Secret, fingerprint},
};

/// The most tokens that somebody may have asked for: whoever can log in can ask, and every broker
/// keeps them.
pub const MOST_TOKENS: usize = 10_000;
/// The longest name of an owner or a renewer, in bytes.
pub const LONGEST_PRINCIPAL: usize = 1024;

/// A token that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// A random name.
    pub id: String,
    /// As whom one logs in with it.
    pub owner: Principal,
    /// Who asks.
    pub requester: Principal,
    /// Who else may renew it.
    pub renewers: Vec<Principal>,
    /// How long it may be renewed, in milliseconds; 0 or less: as long as the settings say.
    pub lifetime: i64,
}

/// What is to become of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenChange {
    /// Its secret part, which whoever asks has to have.
    pub hmac: Secret<Vec<u8>>,
    /// Who asks.
    pub requester: Principal,
    /// For how long.
    pub period: Period,
}

/// What is asked of the controller about tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// One more.
    Create(NewToken),
    /// Another end for one that is there.
    Change(TokenChange),
}

/// When a token is to expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// After so many milliseconds, and not later than the settings say; 0 or less: just then.
    Renew(i64),
    /// After so many milliseconds; less than 0: it is gone at once.
    Expire(i64),
}

/// Soft state, a fold over the image: how tokens are found, and how many somebody has.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_hmac: BTreeMap<[u8; 32], String>,
    by_requester: BTreeMap<Principal, usize>,
    /// When those are looked for that are over; `None`: there are none.
    sweep_at: Option<Millis>,
}

impl Tokens {
    pub(super) fn of(image: &Image, config: &TokenConfig) -> Self {
        let mut all = Self::default();
        image.tokens().for_each(|token| all.add(token, config));
        all
    }

    pub(super) fn sweep_at(&self) -> Option<Millis> {
        self.sweep_at
    }

    pub(super) fn add(&mut self, token: &DelegationToken, config: &TokenConfig) {
        let Some(key) = &config.key else { return };
        let known = self.by_hmac.insert(fingerprint(&key.hmac(&token.id).0), token.id.clone());
        if known.is_none() {
            *self.by_requester.entry(token.requester.clone()).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, token: &DelegationToken, config: &TokenConfig) {
        let Some(key) = &config.key else { return };
        self.by_hmac.remove(&fingerprint(&key.hmac(&token.id).0));
        if let Some(count) = self.by_requester.get_mut(&token.requester) {
            *count -= 1;
            if *count == 0 {
                self.by_requester.remove(&token.requester);
            }
        }
    }
}

impl Controller {
    /// Makes, renews or ends a token. Answers with [`Reply::Token`], the token as it is then; one
    /// that is gone has expired now.
    pub(super) fn token(
        &self,
        wall: i64,
        ticket: Ticket,
        request: TokenRequest,
        effects: &mut Vec<Effect>,
    ) {
        match request {
            TokenRequest::Create(wanted) => self.create_token(wall, ticket, wanted, effects),
            TokenRequest::Change(change) => self.change_token(wall, ticket, &change, effects),
        }
    }

    /// The token that a record takes away.
    pub(super) fn token_that_ends(&self, record: &Record) -> Option<Arc<DelegationToken>> {
        let Record::RemoveDelegationToken { id } = record else { return None };
        self.image.token(id).cloned()
    }

    fn create_token(&self, wall: i64, ticket: Ticket, wanted: NewToken, effects: &mut Vec<Effect>) {
        match self.new_token(wall, wanted) {
            Ok(token) => {
                let records = vec![token_record(&token)];
                decide(ticket, records, Reply::Token(Box::new(token)), false, effects);
            }
            Err(why) => effects.push(Effect::Reply(ticket, Reply::Failed(why))),
        }
    }

    fn new_token(&self, wall: i64, wanted: NewToken) -> Result<DelegationToken, Failure> {
        let config = &self.config.tokens;
        let NewToken { id, owner, requester, renewers, lifetime } = wanted;
        if renewers.iter().any(|it| it.kind() != Principal::USER) {
            let why = "only users can renew a token";
            return Err(Failure::new(ErrorCode::InvalidPrincipalType, why));
        }
        self.tokens_are_on()?;
        let too_long = |it: &Principal| it.as_str().len() > LONGEST_PRINCIPAL;
        if renewers.iter().chain([&owner]).any(too_long) {
            let why = format!("the name of a principal has at most {LONGEST_PRINCIPAL} bytes");
            return Err(Failure::new(ErrorCode::InvalidRequest, why));
        }
        let count = self.tokens.by_requester.get(&requester).copied().unwrap_or_default();
        if count >= MOST_TOKENS {
            let why = format!("{requester} has {count} tokens: end some, or wait until they do");
            return Err(Failure::new(ErrorCode::PolicyViolation, why));
        }
        let most = config.max_lifetime_ms;
        let lifetime = if lifetime > 0 { lifetime.min(most) } else { most };
        let ends = wall.saturating_add(lifetime);
        let expires = ends.min(wall.saturating_add(config.expiry_time_ms));
        Ok(DelegationToken { id, owner, requester, renewers, issued: wall, ends, expires })
    }

    fn change_token(
        &self,
        wall: i64,
        ticket: Ticket,
        change: &TokenChange,
        effects: &mut Vec<Effect>,
    ) {
        let known = match self.token_to_change(wall, change) {
            Ok(known) => known,
            Err(why) => return effects.push(Effect::Reply(ticket, Reply::Failed(why))),
        };
        let most = self.config.tokens.expiry_time_ms;
        let (period, gone) = match change.period {
            Period::Renew(asked) => (if asked > 0 { asked.min(most) } else { most }, false),
            Period::Expire(asked) => (asked, asked < 0),
        };
        let expires = if gone { wall } else { known.ends.min(wall.saturating_add(period)) };
        let token = DelegationToken { expires, ..known.clone() };
        let record = if gone {
            Record::RemoveDelegationToken { id: token.id.clone() }
        } else {
            token_record(&token)
        };
        decide(ticket, vec![record], Reply::Token(Box::new(token)), false, effects);
    }

    fn token_to_change(
        &self,
        wall: i64,
        change: &TokenChange,
    ) -> Result<&DelegationToken, Failure> {
        self.tokens_are_on()?;
        let id = self.tokens.by_hmac.get(&fingerprint(&change.hmac.0));
        let Some(token) = id.and_then(|id| self.image.token(id)) else {
            let why = "there is no such token, or no more";
            return Err(Failure::new(ErrorCode::DelegationTokenNotFound, why));
        };
        let expired = || {
            let why = "the token has expired";
            Err(Failure::new(ErrorCode::DelegationTokenExpired, why))
        };
        // in this order as in Kafka: what is over can still be taken away, by who may do that
        let is_over = token.is_over(wall);
        if is_over && matches!(change.period, Period::Renew(_)) {
            return expired();
        }
        if !token.may_renew(&change.requester) {
            let why = "only its owner and its renewers renew a token or end it";
            return Err(Failure::new(ErrorCode::DelegationTokenOwnerMismatch, why));
        }
        if is_over && !matches!(change.period, Period::Expire(period) if period < 0) {
            return expired();
        }
        Ok(token)
    }

    fn tokens_are_on(&self) -> Result<(), Failure> {
        let off = || {
            let why = "delegation.token.secret.key is not set: there are no delegation tokens";
            Failure::new(ErrorCode::DelegationTokenAuthDisabled, why)
        };
        self.config.tokens.key.as_ref().map(drop).ok_or_else(off)
    }

    /// Notes when to look for tokens that are over; never while there are none.
    pub(super) fn plan_sweep(&mut self, now: Millis) {
        let next = self
            .tokens
            .sweep_at
            .unwrap_or_else(|| now.after(self.config.tokens.expiry_check_interval));
        self.tokens.sweep_at = self.image.has_tokens().then_some(next);
    }

    /// Forgets the tokens that are over, once it is time.
    pub(super) fn sweep_tokens(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let is_due = self.tokens.sweep_at.is_some_and(|at| at <= now.monotonic);
        // one thing at a time
        if !is_due || !effects.is_empty() {
            return;
        }
        self.tokens.sweep_at = None;
        let over = self.image.tokens().filter(|token| token.is_over(now.wall));
        let gone = |id: &String| Record::RemoveDelegationToken { id: id.clone() };
        let records: Vec<_> = over.map(|token| gone(&token.id)).collect();
        push_in_batches(&records, effects);
    }
}
