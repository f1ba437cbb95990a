//! Delegation tokens.

use std::sync::Arc;

use super::{Image, Inconsistent};
use crate::{
    metadata::record::{DelegationTokenRecord, Record},
    security::{BadPrincipal, DelegationToken},
};

impl Image {
    /// The token called `id`.
    pub fn token(&self, id: &str) -> Option<&Arc<DelegationToken>> {
        self.tokens.get(id)
    }

    /// All tokens, those that are over and not forgotten yet too, in the order of their names.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<DelegationToken>> {
        self.tokens.values()
    }

    /// Whether there are any.
    pub fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    pub(super) fn apply_token(
        &mut self,
        record: &DelegationTokenRecord,
    ) -> Result<(), Inconsistent> {
        let bad = |why| Inconsistent::BadToken(record.id.clone(), why);
        let token = token(record).map_err(bad)?;
        self.tokens.insert(record.id.clone(), Arc::new(token));
        Ok(())
    }

    pub(super) fn remove_token(&mut self, id: &str) -> Result<(), Inconsistent> {
        let removed = self.tokens.remove(id).map(drop);
        removed.ok_or_else(|| Inconsistent::UnknownToken(id.to_owned()))
    }

    pub(super) fn token_records(&self) -> impl Iterator<Item = Record> {
        self.tokens().map(|token| token_record(token))
    }
}

/// The record that says this of a token.
pub(in crate::metadata) fn token_record(token: &DelegationToken) -> Record {
    Record::DelegationToken(DelegationTokenRecord {
        owner: token.owner.to_string(),
        requester: token.requester.to_string(),
        renewers: token.renewers.iter().map(ToString::to_string).collect(),
        issued: token.issued,
        ends: token.ends,
        expires: token.expires,
        id: token.id.clone(),
    })
}

fn token(record: &DelegationTokenRecord) -> Result<DelegationToken, BadPrincipal> {
    Ok(DelegationToken {
        id: record.id.clone(),
        owner: record.owner.parse()?,
        requester: record.requester.parse()?,
        renewers: record.renewers.iter().map(|it| it.parse()).collect::<Result<_, _>>()?,
        issued: record.issued,
        ends: record.ends,
        expires: record.expires,
    })
}
