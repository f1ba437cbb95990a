//! `AlterUserScramCredentials` (KIP-554): passwords, salted by whoever sets them.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::{
    metadata::{Failure, Input, Reply, SaltedPassword, ScramChange},
    security::Secret,
};
use kastellan_protocol::{
    Refused,
    messages::{
        AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
        alter_user_scram_credentials_request::{ScramCredentialDeletion, ScramCredentialUpsertion},
        alter_user_scram_credentials_response::AlterUserScramCredentialsResult,
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::ALTER_SCRAM, broker::Broker, call::Call};

/// Answers once it is committed.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AlterUserScramCredentialsRequest = call.decode()?;
    let removed = request.deletions.iter().map(removal);
    let changes: Vec<_> = removed.chain(request.upsertions.iter().map(change)).collect();
    let users: Vec<String> = changes.iter().map(|change| change.user.clone()).collect();
    if let Err(why) = broker.judge(&call.client).check_cluster(ALTER_SCRAM) {
        let denied: BTreeSet<_> = users.into_iter().collect();
        let results = denied.into_iter().map(|user| result((user, Err(why.clone()))));
        let response = AlterUserScramCredentialsResponse::default();
        call.reply.send(&response.with_results(results.collect()));
        return Ok(());
    }
    broker.decide(
        call.way.clone(),
        move |ticket| Input::AlterScram { ticket, changes },
        move |reply| {
            let results = match reply {
                Reply::Results(results) => results,
                other => {
                    let failure = other.failure();
                    users.into_iter().map(|user| (user, Err(failure.clone()))).collect()
                }
            };
            let results = results.into_iter().map(result).collect();
            call.reply.send(&AlterUserScramCredentialsResponse::default().with_results(results));
        },
    );
    Ok(())
}

fn removal(wanted: &ScramCredentialDeletion) -> ScramChange {
    let user = wanted.name.to_string();
    ScramChange { user, mechanism: wanted.mechanism, password: None }
}

fn change(wanted: &ScramCredentialUpsertion) -> ScramChange {
    let password = SaltedPassword {
        salt: wanted.salt.to_vec(),
        iterations: wanted.iterations,
        salted: Secret(wanted.salted_password.to_vec()),
    };
    let user = wanted.name.to_string();
    ScramChange { user, mechanism: wanted.mechanism, password: Some(password) }
}

fn result((user, result): (String, Result<(), Failure>)) -> AlterUserScramCredentialsResult {
    let (code, message) = failure::of(result);
    AlterUserScramCredentialsResult::default()
        .with_user(StrBytes::from_string(user))
        .with_error_code(code)
        .with_error_message(message)
}
