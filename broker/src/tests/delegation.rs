//! Delegation tokens over real sockets: who makes them, who logs in with them, and who sees them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kastellan_core::security::ScramMechanism;
use kastellan_protocol::{
    messages::{
        AlterUserScramCredentialsRequest, ApiKey, CreateAclsRequest, CreateDelegationTokenRequest,
        CreateDelegationTokenResponse, DescribeDelegationTokenRequest,
        DescribeDelegationTokenResponse, ExpireDelegationTokenRequest, RenewDelegationTokenRequest,
        SaslAuthenticateResponse, create_acls_request::AclCreation,
        create_delegation_token_request::CreatableRenewers,
        describe_delegation_token_request::DescribeDelegationTokenOwner,
    },
    protocol::StrBytes,
};

use super::{
    Harness,
    access::delete_all,
    client::Client,
    login::{self, ADMIN, SHA512, authenticate, handshake, proof},
    scram::{alter, password},
};
use crate::access::needs::{self, Need};

/// What is asked about here and not in the matrix of `access.rs`, where nobody logs in.
pub(super) const APIS: [ApiKey; 2] =
    [ApiKey::CreateDelegationToken, ApiKey::DescribeDelegationToken];

const KEY: (&str, &str) = ("delegation.token.secret.key", "a key that nobody may see");
const AUTHORIZER: (&str, &str) =
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
const SUPER: (&str, &str) = ("super.users", "User:admin");

fn s(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A broker with the users alice and bob besides the one who may do everything.
fn broker(settings: &[(&str, &str)]) -> Harness {
    let broker = login::broker(&[&[KEY, AUTHORIZER, SUPER][..], settings].concat());
    let mut admin = logged_in(&broker, ADMIN);
    let users = ["alice", "bob"].map(|user| password(user, SHA512, "pencil"));
    let set = AlterUserScramCredentialsRequest::default().with_upsertions(users.to_vec());
    assert!(alter(&mut admin, &set).iter().all(|(_, code)| *code == 0));
    broker
}

fn logged_in(broker: &Harness, user: (&str, &str)) -> Client {
    let mut client = broker.client();
    assert_eq!(login::scram(&mut client, user, SHA512).error_code, 0);
    client
}

fn create(client: &mut Client, owner: &str, lifetime: i64) -> CreateDelegationTokenResponse {
    let renewer =
        CreatableRenewers::default().with_principal_type(s("User")).with_principal_name(s("bob"));
    let request = CreateDelegationTokenRequest::default()
        .with_owner_principal_type(Some(s("User")))
        .with_owner_principal_name(Some(s(owner)))
        .with_renewers(vec![renewer])
        .with_max_lifetime_ms(lifetime);
    client.call(3, &request)
}

fn describe(client: &mut Client, owners: Option<&[&str]>) -> DescribeDelegationTokenResponse {
    let owner = |name: &&str| {
        DescribeDelegationTokenOwner::default()
            .with_principal_type(s("User"))
            .with_principal_name(s(name))
    };
    let owners = owners.map(|owners| owners.iter().map(owner).collect());
    client.call(3, &DescribeDelegationTokenRequest::default().with_owners(owners))
}

fn seen(client: &mut Client, owners: Option<&[&str]>) -> Vec<String> {
    let answer = describe(client, owners);
    assert_eq!(answer.error_code, 0);
    answer.tokens.iter().map(|it| it.token_id.to_string()).collect()
}

/// Logs in with a token.
fn enter(client: &mut Client, id: &str, hmac: &[u8]) -> SaslAuthenticateResponse {
    let mechanism = ScramMechanism::Sha256;
    assert_eq!(handshake(client, 1, mechanism.name()).error_code, 0);
    let first = format!("n={id},r=fyko+d2lbbFgONRv9qkxdawL,tokenauth=true");
    let answer = authenticate(client, format!("n,,{first}").as_bytes());
    assert_eq!(answer.error_code, 0, "{answer:?}");
    let challenge = String::from_utf8(answer.auth_bytes.to_vec()).unwrap();
    let last = proof(&first, &challenge, &STANDARD.encode(hmac), mechanism);
    authenticate(client, last.as_bytes())
}

fn renew(client: &mut Client, hmac: &[u8]) -> i16 {
    let request = RenewDelegationTokenRequest::default().with_hmac(hmac.to_vec().into());
    client.call(2, &request.with_renew_period_ms(-1)).error_code
}

fn expire(client: &mut Client, hmac: &[u8], period: i64) -> i16 {
    let request = ExpireDelegationTokenRequest::default().with_hmac(hmac.to_vec().into());
    client.call(2, &request.with_expiry_time_period_ms(period)).error_code
}

#[test]
fn a_token_lets_in_as_its_owner_and_gives_no_other_token() {
    let mut broker = broker(&[("metadata.log.max.record.bytes.between.snapshots", "1")]);
    let mut alice = logged_in(&broker, ("alice", "pencil"));
    let token = create(&mut alice, "", 600_000);
    assert_eq!((token.error_code, &*token.principal_name), (0, "alice"));
    assert_eq!(token.max_timestamp_ms - token.issue_timestamp_ms, 600_000);
    broker.kill_and_restart();
    let mut client = broker.client();
    let answer = enter(&mut client, &token.token_id, &token.hmac);
    assert_eq!(answer.error_code, 0, "{answer:?}");
    assert!((500_000..=600_000).contains(&answer.session_lifetime_ms), "{answer:?}");
    assert!(client.works());
    assert_eq!(create(&mut client, "", -1).error_code, 64);
    assert_eq!(renew(&mut client, &token.hmac), 64);
    assert_eq!(expire(&mut client, &token.hmac, -1), 64);
    assert_eq!(describe(&mut client, None).error_code, 64);
    // other names, other secrets, and the token as a user
    for (id, hmac) in [("other", &token.hmac[..]), (&*token.token_id, &[7; 64][..])] {
        assert_eq!(enter(&mut broker.client(), id, hmac).error_code, 58);
    }
    let password = STANDARD.encode(&token.hmac);
    let as_user = (&*token.token_id, password.as_str());
    assert_eq!(login::scram(&mut broker.client(), as_user, SHA512).error_code, 58);
    let mut bob = logged_in(&broker, ("bob", "pencil"));
    for version in 1..=3 {
        let all = DescribeDelegationTokenRequest::default().with_owners(None);
        let answer = bob.call(version, &all);
        let requester = if version < 3 { "" } else { "alice" };
        assert_eq!(&*answer.tokens[0].token_requester_principal_name, requester);
        let made = bob.call(version, &CreateDelegationTokenRequest::default());
        assert_eq!(made.error_code, 0);
        assert_eq!(expire(&mut bob, &made.hmac, -1), 0);
    }
    assert_eq!(seen(&mut bob, None), [token.token_id.to_string()], "who may renew it");
    assert_eq!(seen(&mut bob, Some(&[])), Vec::<String>::new());
    assert_eq!(seen(&mut bob, Some(&["admin"])), Vec::<String>::new());
    assert_eq!(describe(&mut bob, Some(&["alice"])).tokens[0].hmac, token.hmac);
    assert_eq!(renew(&mut bob, &token.hmac), 0);
    assert_eq!(expire(&mut bob, &token.hmac, -1), 0);
    assert_eq!(renew(&mut bob, &token.hmac), 62);
    assert_eq!(enter(&mut broker.client(), &token.token_id, &token.hmac).error_code, 58);
    assert!(client.works(), "who is in stays until it would have ended");
}

#[test]
fn a_login_ends_with_its_token_and_nobody_gets_in_after() {
    let broker = broker(&[]);
    let mut alice = logged_in(&broker, ("alice", "pencil"));
    let token = create(&mut alice, "", 1500);
    let mut client = broker.client();
    let answer = enter(&mut client, &token.token_id, &token.hmac);
    assert!((1..=1500).contains(&answer.session_lifetime_ms), "{answer:?}");
    loop {
        client.send(9, &kastellan_protocol::messages::MetadataRequest::default());
        if client.frame().is_none() {
            break;
        }
    }
    // a login is timed by another clock: they are a millisecond apart
    while enter(&mut broker.client(), &token.token_id, &token.hmac).error_code != 58 {}
    assert_eq!(renew(&mut alice, &token.hmac), 66);
    assert_eq!(seen(&mut alice, None).len(), 1, "it is forgotten at the next look");
}

#[test]
fn nobody_asks_for_tokens_without_a_name_or_a_key() {
    let plain = Harness::with(&[KEY]);
    let mut anybody = plain.client();
    assert_eq!(create(&mut anybody, "", -1).error_code, 64);
    assert_eq!(renew(&mut anybody, b"x"), 64);
    assert_eq!(describe(&mut anybody, None).error_code, 64);
    let without = login::broker(&[]);
    let mut admin = logged_in(&without, ADMIN);
    assert_eq!(create(&mut admin, "", -1).error_code, 61);
    assert_eq!(expire(&mut admin, b"x", -1), 61);
    assert_eq!(describe(&mut admin, None).error_code, 61);
}

/// What somebody may.
#[derive(Debug, Clone, Copy)]
enum State {
    Nothing,
    Exactly,
    ByPrefix,
    Denied,
}

#[test]
fn tokens_of_others_are_held_against_the_lists() {
    let broker = broker(&[]);
    let mut admin = logged_in(&broker, ADMIN);
    let token = create(&mut admin, "admin", -1);
    let no_renewer = CreateDelegationTokenRequest::default()
        .with_owner_principal_type(Some(s("User")))
        .with_owner_principal_name(Some(s("carol")));
    let hidden = admin.call(3, &no_renewer);
    assert_eq!((token.error_code, hidden.error_code), (0, 0));
    let mut alice = logged_in(&broker, ("alice", "pencil"));
    let rows = needs::ALL.iter().filter(|(_, need)| APIS.contains(&need.api));
    let (mut right, mut all) = (0, 0);
    for (name, need) in rows {
        for state in [State::Nothing, State::Exactly, State::ByPrefix, State::Denied] {
            allow(&mut admin, *need, state, &hidden.token_id);
            let allowed = match need.api {
                ApiKey::CreateDelegationToken => {
                    let answer = create(&mut alice, "carol", -1);
                    assert!(matches!(answer.error_code, 0 | 65), "{answer:?}");
                    answer.error_code == 0
                }
                _ => seen(&mut alice, Some(&["carol"])).contains(&hidden.token_id.to_string()),
            };
            all += 1;
            if allowed == matches!(state, State::Exactly | State::ByPrefix) {
                right += 1;
            } else {
                println!("{name}, who may {state:?}: allowed is {allowed}");
            }
        }
    }
    println!("{right} of {all} questions answered as the table says");
    assert_eq!((right, all), (12, 12));
}

/// What alice may: nothing but what the state says.
fn allow(admin: &mut Client, need: Need, state: State, token: &str) {
    delete_all(admin);
    let name = if need.api == ApiKey::CreateDelegationToken || need.of.code() == 7 {
        "User:carol"
    } else {
        token
    };
    let entry = |pattern: i8, name: &str, permission: i8| {
        AclCreation::default()
            .with_resource_type(need.of.code())
            .with_resource_name(s(name))
            .with_resource_pattern_type(pattern)
            .with_principal(s("User:alice"))
            .with_host(s("*"))
            .with_operation(need.operation.code())
            .with_permission_type(permission)
    };
    let entries = match state {
        State::Nothing => Vec::new(),
        State::Exactly => vec![entry(3, name, 3)],
        State::ByPrefix => vec![entry(4, &name[..name.len() - 1], 3)],
        State::Denied => vec![entry(3, name, 3), entry(3, name, 2)],
    };
    let answer = admin.call(3, &CreateAclsRequest::default().with_creations(entries));
    assert!(answer.results.iter().all(|it| it.error_code == 0), "{answer:?}");
}
