//! `DescribeUserScramCredentials` (KIP-554): who may log in by SCRAM, and nothing of the passwords.

use std::{collections::BTreeMap, sync::Arc};

use kastellan_core::{metadata::Image, security::ScramMechanism};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
        describe_user_scram_credentials_response::{
            CredentialInfo, DescribeUserScramCredentialsResult,
        },
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::DESCRIBE_SCRAM, broker::Broker, call::Call};

/// Answers from the image. No users in the request, or none named, are all of them.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeUserScramCredentialsRequest = call.decode()?;
    if let Err(why) = broker.judge(&call.client).check_cluster(DESCRIBE_SCRAM) {
        let (code, message) = failure::parts(why);
        let response = DescribeUserScramCredentialsResponse::default();
        call.reply.send(&response.with_error_code(code).with_error_message(message));
        return Ok(());
    }
    let image = broker.controller.image();
    let wanted = request.users.unwrap_or_default();
    let results = if wanted.is_empty() {
        all(&image)
    } else {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for user in &wanted {
            *times.entry(&user.name).or_default() += 1;
        }
        // a name that comes twice is answered once, where it is first
        let once = wanted.iter().filter_map(|it| Some((&*it.name, times.remove(&*it.name)?)));
        once.map(|(user, times)| one(&image, user, times > 1)).collect()
    };
    let response = DescribeUserScramCredentialsResponse::default();
    call.reply.send(&response.with_error_message(None).with_results(results));
    Ok(())
}

fn all(image: &Image) -> Vec<DescribeUserScramCredentialsResult> {
    let mut results: Vec<DescribeUserScramCredentialsResult> = Vec::new();
    for (user, mechanism, credential) in image.scram_credentials() {
        let info = info(mechanism, credential.iterations);
        match results.last_mut().filter(|last| &*last.user == user) {
            Some(last) => last.credential_infos.push(info),
            None => results.push(result(user).with_credential_infos(vec![info])),
        }
    }
    results
}

fn one(image: &Image, user: &str, twice: bool) -> DescribeUserScramCredentialsResult {
    let failed = |code: ErrorCode, why: String| {
        let message = Some(StrBytes::from_string(why));
        result(user).with_error_code(code.code()).with_error_message(message)
    };
    if twice {
        let why = format!("{user} is asked for twice in one request");
        return failed(ErrorCode::DuplicateResource, why);
    }
    let infos = image.scram_of(user).map(|(mechanism, it)| info(mechanism, it.iterations));
    let infos: Vec<_> = infos.collect();
    if infos.is_empty() {
        return failed(ErrorCode::ResourceNotFound, format!("{user} has no SCRAM credential"));
    }
    result(user).with_credential_infos(infos)
}

fn result(user: &str) -> DescribeUserScramCredentialsResult {
    DescribeUserScramCredentialsResult::default()
        .with_user(StrBytes::from_string(user.to_owned()))
        .with_error_message(None)
}

fn info(mechanism: ScramMechanism, iterations: i32) -> CredentialInfo {
    CredentialInfo::default().with_mechanism(mechanism.code()).with_iterations(iterations)
}
