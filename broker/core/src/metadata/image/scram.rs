//! Who may log in by SCRAM.

use std::{ops::Bound, sync::Arc};

use super::{Image, Inconsistent};
use crate::{
    metadata::record::{Record, RemoveUserScramCredentialRecord, UserScramCredentialRecord},
    security::{ScramCredential, ScramMechanism},
};

impl Image {
    /// What is kept of the password of `user`.
    pub fn scram(&self, user: &str, mechanism: ScramMechanism) -> Option<&Arc<ScramCredential>> {
        self.scram.get(&(user.to_owned(), mechanism))
    }

    /// Everything that is kept of passwords, in the order of the users' names.
    pub fn scram_credentials(
        &self,
    ) -> impl Iterator<Item = (&str, ScramMechanism, &Arc<ScramCredential>)> {
        let all = self.scram.iter();
        all.map(|((user, mechanism), credential)| (user.as_str(), *mechanism, credential))
    }

    /// How `user` may log in.
    pub fn scram_of(
        &self,
        user: &str,
    ) -> impl Iterator<Item = (ScramMechanism, &Arc<ScramCredential>)> {
        let bounds = ScramMechanism::ALL.map(|mechanism| (user.to_owned(), mechanism));
        let [first, last] = bounds.map(Bound::Included);
        let range = self.scram.range((first, last));
        range.map(|((_, mechanism), credential)| (*mechanism, credential))
    }

    pub(super) fn apply_scram(
        &mut self,
        record: &UserScramCredentialRecord,
    ) -> Result<(), Inconsistent> {
        let mechanism = mechanism(record.mechanism)?;
        let credential = Arc::new(record.credential.clone());
        self.scram.insert((record.name.clone(), mechanism), credential);
        Ok(())
    }

    pub(super) fn remove_scram(
        &mut self,
        record: &RemoveUserScramCredentialRecord,
    ) -> Result<(), Inconsistent> {
        self.scram.remove(&(record.name.clone(), mechanism(record.mechanism)?));
        Ok(())
    }

    pub(super) fn scram_records(&self) -> impl Iterator<Item = Record> {
        self.scram_credentials().map(|(name, mechanism, credential)| {
            Record::UserScramCredential(UserScramCredentialRecord {
                name: name.to_owned(),
                mechanism: mechanism.code(),
                credential: ScramCredential::clone(credential),
            })
        })
    }
}

fn mechanism(code: i8) -> Result<ScramMechanism, Inconsistent> {
    ScramMechanism::from_code(code).ok_or(Inconsistent::UnknownMechanism(code))
}
