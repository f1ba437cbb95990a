//! Passwords change (KIP-554).

use std::collections::{BTreeMap, BTreeSet};

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Failure, Reply, decide};
use crate::{
    machine::Ticket,
    metadata::record::{Record, RemoveUserScramCredentialRecord, UserScramCredentialRecord},
    security::{
        ScramCredential, ScramMechanism, Secret,
        scram::{FEWEST_ITERATIONS, LONGEST_SALT, MOST_ITERATIONS},
    },
};

/// What is to become of one user's password for one mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramChange {
    /// The user.
    pub user: String,
    /// The mechanism's number in Kafka.
    pub mechanism: i8,
    /// The new password, salted by its owner; `None`: it goes.
    pub password: Option<SaltedPassword>,
}

/// A password as `AlterUserScramCredentials` brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaltedPassword {
    /// With what it was salted.
    pub salt: Vec<u8>,
    /// In how many rounds.
    pub iterations: i32,
    /// What came out.
    pub salted: Secret<Vec<u8>>,
}

/// A user with what is kept of its password.
pub type ScramUser = (String, ScramMechanism, ScramCredential);

impl Controller {
    /// Changes passwords, all of a user or none. Answers with [`Reply::Results`], one per user, in
    /// the order asked.
    pub(super) fn alter_scram(
        &self,
        ticket: Ticket,
        changes: &[ScramChange],
        effects: &mut Vec<Effect>,
    ) {
        let mut records: BTreeMap<&str, Vec<Record>> = BTreeMap::new();
        let mut failures: BTreeMap<&str, Failure> = BTreeMap::new();
        let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
        for change in changes {
            let user = change.user.as_str();
            let of_user = records.entry(user).or_insert_with(|| {
                order.push(user);
                Vec::new()
            });
            let result = if seen.insert((user, change.mechanism)) {
                self.scram_record(change)
            } else {
                let message = "a password cannot be changed twice in one request";
                Err(Failure::new(ErrorCode::DuplicateResource, message))
            };
            match result {
                Ok(record) => of_user.push(record),
                Err(failure) => drop(failures.entry(user).or_insert(failure)),
            }
        }
        let (mut all, mut results) = (Vec::new(), Vec::with_capacity(order.len()));
        for user in order {
            let result = failures.remove(user).map_or(Ok(()), Err);
            if result.is_ok() {
                all.extend(records.remove(user).unwrap_or_default());
            }
            results.push((user.to_owned(), result));
        }
        decide(ticket, all, Reply::Results(results), false, effects);
    }

    fn scram_record(&self, change: &ScramChange) -> Result<Record, Failure> {
        let unacceptable = |why: String| Failure::new(ErrorCode::UnacceptableCredential, why);
        let ScramChange { user, mechanism: code, password } = change;
        if user.is_empty() {
            return Err(unacceptable("a user has a name".to_owned()));
        }
        let mechanism = ScramMechanism::from_code(*code).ok_or_else(|| {
            let message = "there are the mechanisms 1 (SCRAM-SHA-256) and 2 (SCRAM-SHA-512)";
            Failure::new(ErrorCode::UnsupportedSaslMechanism, message)
        })?;
        let Some(SaltedPassword { salt, iterations, salted }) = password else {
            if self.image.scram(user, mechanism).is_none() {
                let message = format!("there is no password of {user} for {}", mechanism.name());
                return Err(Failure::new(ErrorCode::ResourceNotFound, message));
            }
            let (name, mechanism) = (user.clone(), *code);
            let record = RemoveUserScramCredentialRecord { name, mechanism };
            return Ok(Record::RemoveUserScramCredential(record));
        };
        if !(FEWEST_ITERATIONS..=MOST_ITERATIONS).contains(iterations) {
            return Err(unacceptable(format!(
                "{iterations} iterations: {FEWEST_ITERATIONS} to {MOST_ITERATIONS} are taken"
            )));
        }
        if salt.is_empty() || salt.len() > LONGEST_SALT || salted.0.len() != mechanism.size() {
            return Err(unacceptable(format!(
                "the salt has 1 to {LONGEST_SALT} bytes and the salted password {}",
                mechanism.size()
            )));
        }
        let credential = ScramCredential::new(mechanism, salted, salt.clone(), *iterations);
        Ok(user_record((user.clone(), mechanism, credential)))
    }

    /// The users that the configuration names, where nobody could log in by SCRAM before.
    pub(super) fn first_users(
        &self,
        ticket: Ticket,
        users: Vec<ScramUser>,
        effects: &mut Vec<Effect>,
    ) {
        let nobody = self.image.scram_credentials().next().is_none();
        let users = if nobody { users } else { Vec::new() };
        let records = users.into_iter().map(user_record).collect();
        decide(ticket, records, Reply::Done, false, effects);
    }
}

fn user_record((name, mechanism, credential): ScramUser) -> Record {
    let mechanism = mechanism.code();
    Record::UserScramCredential(UserScramCredentialRecord { name, mechanism, credential })
}
