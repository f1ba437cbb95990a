//! Passwords for SCRAM, set and described over the wire.

use kastellan_core::security::ScramMechanism;
use kastellan_protocol::{
    messages::{
        AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest,
        SaslAuthenticateRequest, SaslHandshakeRequest,
        alter_user_scram_credentials_request::{ScramCredentialDeletion, ScramCredentialUpsertion},
        describe_user_scram_credentials_request::UserName,
    },
    protocol::StrBytes,
};

use super::{Harness, client::Client};

/// A new password.
pub(super) fn password(
    user: &str,
    mechanism: ScramMechanism,
    password: &str,
) -> ScramCredentialUpsertion {
    let salted = mechanism.salted(password.as_bytes(), b"salt", 4096);
    ScramCredentialUpsertion::default()
        .with_name(StrBytes::from_string(user.to_owned()))
        .with_mechanism(mechanism.code())
        .with_iterations(4096)
        .with_salt(b"salt".to_vec().into())
        .with_salted_password(salted.0.into())
}

/// The codes of what became of it, by user.
pub(super) fn alter(
    client: &mut Client,
    request: &AlterUserScramCredentialsRequest,
) -> Vec<(String, i16)> {
    let answer = client.call(0, request);
    answer.results.iter().map(|it| (it.user.to_string(), it.error_code)).collect()
}

/// User, code, and mechanisms with their iterations.
type Known = (String, i16, Vec<(i8, i32)>);

fn describe(client: &mut Client, users: Option<&[&'static str]>) -> Vec<Known> {
    let user = |name: &&'static str| UserName::default().with_name(StrBytes::from_static_str(name));
    let users = users.map(|users| users.iter().map(user).collect());
    let answer = client.call(0, &DescribeUserScramCredentialsRequest::default().with_users(users));
    let infos = answer.results.iter().map(|it| {
        let infos = it.credential_infos.iter().map(|info| (info.mechanism, info.iterations));
        (it.user.to_string(), it.error_code, infos.collect())
    });
    infos.collect()
}

#[test]
fn passwords_are_kept_described_and_removed_and_outlive_the_process() {
    let mut broker = Harness::new();
    let mut client = broker.client();
    let set = AlterUserScramCredentialsRequest::default().with_upsertions(vec![
        password("bob", ScramMechanism::Sha256, "b"),
        password("alice", ScramMechanism::Sha512, "a"),
        password("alice", ScramMechanism::Sha256, "a"),
        password("eve", ScramMechanism::Sha256, "e").with_iterations(100),
    ]);
    let is = |user: &str, code| (user.to_owned(), code);
    assert_eq!(alter(&mut client, &set), [is("bob", 0), is("alice", 0), is("eve", 93)]);
    broker.restart();
    let mut client = broker.client();
    let known = |user: &str, code, infos: &[_]| (user.to_owned(), code, infos.to_vec());
    let alice = known("alice", 0, &[(1, 4096), (2, 4096)]);
    let all = [alice.clone(), known("bob", 0, &[(1, 4096)])];
    assert_eq!(describe(&mut client, None), all);
    assert_eq!(describe(&mut client, Some(&[])), all);
    let some = describe(&mut client, Some(&["eve", "alice", "bob", "bob"]));
    assert_eq!(some, [known("eve", 91, &[]), alice, known("bob", 92, &[])]);
    let gone = ScramCredentialDeletion::default()
        .with_name(StrBytes::from_static_str("bob"))
        .with_mechanism(1);
    let gone = AlterUserScramCredentialsRequest::default().with_deletions(vec![gone]);
    assert_eq!(alter(&mut client, &gone), [is("bob", 0)]);
    assert_eq!(alter(&mut client, &gone), [is("bob", 91)]);
    assert_eq!(describe(&mut client, None).len(), 1);
}

#[test]
fn nobody_logs_in_where_nobody_has_to() {
    let broker = Harness::new();
    let mut client = broker.client();
    let mechanism = StrBytes::from_static_str("SCRAM-SHA-512");
    let handshake = SaslHandshakeRequest::default().with_mechanism(mechanism);
    assert_eq!(client.call(1, &handshake).error_code, 34);
    for version in 0..=2 {
        let answer = client.call(version, &SaslAuthenticateRequest::default());
        assert_eq!(answer.error_code, 34);
        assert!(answer.error_message.is_some());
    }
    assert!(client.works());
}
