//! Who may log in where the cluster knows nobody: `kastellan.scram.first.users`.

use kastellan_core::{
    config::BrokerConfig,
    metadata::ScramUser,
    security::{ScramCredential, scram::salt_of},
};
use ring::rand::{SecureRandom as _, SystemRandom};

/// The users that the configuration names, their passwords hashed: a few milliseconds each.
pub(super) fn first_users(settings: &BrokerConfig) -> Vec<ScramUser> {
    let users = settings.first_users().into_iter().map(|user| {
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random)?;
        let salt = salt_of(&random, &user.name);
        let mechanism = user.mechanism;
        let salted = mechanism.salted(user.password.0.as_bytes(), &salt, user.iterations);
        let credential = ScramCredential::new(mechanism, &salted, salt, user.iterations);
        Ok((user.name, mechanism, credential))
    });
    users.collect::<Result<_, ring::error::Unspecified>>().unwrap_or_else(|why| {
        tracing::error!(%why, "the first users are left out: the system has no random numbers");
        Vec::new()
    })
}
