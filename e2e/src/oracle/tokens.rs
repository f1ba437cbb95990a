//! Delegation tokens beside Apache Kafka: what users who have logged in are told about them, and
//! who has come in by one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kafka_protocol::messages::create_delegation_token_request::CreatableRenewers;
use kafka_protocol::messages::describe_delegation_token_request::DescribeDelegationTokenOwner;
use kafka_protocol::messages::{
    CreateDelegationTokenRequest, DescribeDelegationTokenRequest, ExpireDelegationTokenRequest,
    RenewDelegationTokenRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::side::Side;
use crate::judged::{self, Judged};
use crate::ours::Ours;
use crate::peer::{Jvm, Peer};
use crate::process::pause;
use crate::wire::{Wire, text};

const USERS: [&str; 3] = ["alice", "bob", "carol"];
const PASSWORD: &str = "a-pencil";
const MINUTE: i64 = 60_000;
const NOT_FOUND: i16 = 62;

/// How long a user may stay unknown who is there since the broker was formatted.
const SOON: Duration = Duration::from_secs(10);

/// The same on both sides: a token is good for an hour at a time, and for two in all.
const SETTINGS: &[(&str, &str)] = &[
    ("sasl.enabled.mechanisms", "SCRAM-SHA-512"),
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
    ("super.users", "User:ANONYMOUS"),
    ("delegation.token.expiry.time.ms", "3600000"),
    ("delegation.token.max.lifetime.ms", "7200000"),
];
const KEY: (&str, &str) = ("delegation.token.secret.key", "green-pencil-behind-the-ear");

/// Of Kafka alone: brokers of it are clients of each other, too.
const KAFKA: &[(&str, &str)] = &[
    ("listener.security.protocol.map", "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"),
    ("sasl.mechanism.inter.broker.protocol", "SCRAM-SHA-512"),
    (
        "listener.name.plaintext.scram-sha-512.sasl.jaas.config",
        "org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=\"alice\" password=\"a-pencil\";",
    ),
];

/// A broker on which alice, bob and carol log in: Apache Kafka's as peer, or the one under
/// judgement. Where it has no key, there are no tokens.
pub fn start(folder: &Path, is_peer: bool, has_key: bool) -> Result<Judged> {
    let users = USERS.map(|user| format!("SCRAM-SHA-512=[name={user},password={PASSWORD}]"));
    let key: &[_] = if has_key { &[KEY] } else { &[] };
    let mut broker = if is_peer || judged::is_kafka() {
        let settings = [SETTINGS, KAFKA, key].concat();
        Judged::Kafka(Peer::format_with_users(folder, Jvm::Test, &settings, &users)?)
    } else {
        let users = users.join(",");
        let own = [
            ("listener.security.protocol.map", "plain:SASL_PLAINTEXT"),
            ("kastellan.scram.first.users", users.as_str()),
        ];
        Judged::Ours(Ours::new(folder, &[SETTINGS, &own, key].concat())?)
    };
    broker.restart()?;
    Ok(broker)
}

/// What a broker without a key says.
pub fn play_without_key(side: &mut Side) -> Result<()> {
    enter(side, "tokens-without-key", |wire| wire.log_in("alice", PASSWORD))?;
    all_of_them(side, "off", &[7; 64]);
    Ok(())
}

/// What there is to hear about tokens.
pub fn play(side: &mut Side) -> Result<()> {
    as_user(side, "tokens-made", "alice")?;
    made(side);
    as_user(side, "tokens-changed", "alice")?;
    let token = of_alice(side, 10 * MINUTE);
    // Kafka's controller has made a token before it knows it
    known(side, &token.1);
    for (case, period) in [("short", 5 * MINUTE), ("most", -1), ("none", 0), ("long", i64::MAX / 4)]
    {
        renew(side, case, &token.1, period);
    }
    renew(side, "nobodys", &[7; 64], -1);
    renew(side, "empty", &[], -1);
    expire(side, "nobodys", &[7; 64], -1);
    expire(side, "later", &token.1, 5 * MINUTE);
    expire(side, "much-later", &token.1, i64::MAX / 4);
    // the rounding of a minute is far from either end of it
    let brief = of_alice(side, 300);
    known(side, &brief.1);
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(600) {
        pause();
    }
    renew(side, "over", &brief.1, -1);
    expire(side, "over-and-later", &brief.1, MINUTE);
    as_user(side, "tokens-of-another-over", "carol")?;
    renew(side, "over", &brief.1, -1);
    expire(side, "over", &brief.1, -1);
    expire(side, "over-and-later", &brief.1, MINUTE);
    as_user(side, "tokens-over", "alice")?;
    expire(side, "over", &brief.1, -1);
    as_user(side, "tokens-of-another", "carol")?;
    renew(side, "strange", &token.1, -1);
    expire(side, "strange", &token.1, -1);
    describe(side, "strange", Some(&["alice"]));
    as_user(side, "tokens-to-renew", "bob")?;
    renew(side, "given", &token.1, -1);
    enter(side, "tokens-by-token", |wire| wire.log_in_by_token(&token.0, &token.1))?;
    all_of_them(side, "delegate", &token.1);
    as_user(side, "tokens-ended", "bob")?;
    expire(side, "now", &token.1, -1);
    gone(side, &token.1);
    expire(side, "again", &token.1, -1);
    renew(side, "gone", &token.1, -1);
    Ok(())
}

/// Who is told what when asking for new ones, and whose tokens are shown to whom.
fn made(side: &mut Side) {
    for version in side.versions::<CreateDelegationTokenRequest>() {
        for (case, lifetime) in
            [("longest", -1), ("nothing", 0), ("minutes", 10 * MINUTE), ("ages", i64::MAX)]
        {
            side.ask(case, version, &wanted("User", "bob").with_max_lifetime_ms(lifetime));
        }
        side.ask("renewer-of-no-type", version, &wanted("Group", "bob"));
        side.ask("renewer-without-name", version, &wanted("User", ""));
    }
    let version = side.newest::<CreateDelegationTokenRequest>();
    for (case, kind, name) in [
        ("own", "User", "alice"),
        ("others", "User", "bob"),
        ("of-no-type", "Group", "alice"),
        ("of-nobody", "User", ""),
    ] {
        let request = wanted("User", "bob")
            .with_owner_principal_type(Some(text(kind)))
            .with_owner_principal_name(Some(text(name)));
        side.ask(case, version, &request);
    }
    let all = DescribeDelegationTokenRequest::default().with_owners(None);
    for version in side.versions::<DescribeDelegationTokenRequest>() {
        // a broker hears of its controller's tokens a moment later
        side.ask_until("all", version, &all, |answer| answer.tokens.len() >= 17);
    }
    for (case, owners) in [
        ("none", &[][..]),
        ("own-ones", &["alice"]),
        ("both", &["alice", "bob"]),
        ("bobs", &["bob"]),
    ] {
        describe(side, case, Some(owners));
    }
}

/// One request of each kind.
fn all_of_them(side: &mut Side, case: &str, hmac: &[u8]) {
    for version in side.versions::<CreateDelegationTokenRequest>() {
        side.ask(case, version, &wanted("User", "bob"));
    }
    renew(side, case, hmac, -1);
    expire(side, case, hmac, -1);
    for version in side.versions::<DescribeDelegationTokenRequest>() {
        side.ask(case, version, &DescribeDelegationTokenRequest::default().with_owners(None));
    }
}

fn as_user(side: &mut Side, scene: &str, user: &str) -> Result<()> {
    enter(side, scene, |wire| wire.log_in(user, PASSWORD))
}

/// Begins a scene on a connection that has logged in.
fn enter(side: &mut Side, scene: &str, login: impl Fn(&mut Wire) -> Result<()>) -> Result<()> {
    side.scene(scene);
    let began = Instant::now();
    loop {
        let mut wire = Wire::connect(side.address)?;
        match login(&mut wire) {
            Ok(()) => {
                side.swap(&mut Some(wire));
                return Ok(());
            }
            Err(why) => ensure!(began.elapsed() < SOON, "{scene}: {why:#}"),
        }
        pause();
    }
}

/// A token that bob may renew, too: its id and its secret.
fn of_alice(side: &mut Side, lifetime: i64) -> (String, Vec<u8>) {
    let version = side.newest::<CreateDelegationTokenRequest>();
    let made = side.quiet(version, &wanted("User", "bob").with_max_lifetime_ms(lifetime));
    (made.token_id.to_string(), made.hmac.to_vec())
}

/// Waits until the controller knows a token; what it is asked changes nothing.
fn known(side: &mut Side, hmac: &[u8]) {
    wait(side, hmac, |code| code != NOT_FOUND);
}

/// Waits until it does not.
fn gone(side: &mut Side, hmac: &[u8]) {
    wait(side, hmac, |code| code == NOT_FOUND);
}

fn wait(side: &mut Side, hmac: &[u8], done: impl Fn(i16) -> bool) {
    let version = side.newest::<ExpireDelegationTokenRequest>();
    let request = ExpireDelegationTokenRequest::default().with_hmac(hmac.to_vec().into());
    let request = request.with_expiry_time_period_ms(i64::MAX / 4);
    let began = Instant::now();
    while !done(side.quiet(version, &request).error_code) && began.elapsed() < SOON {
        pause();
    }
}

/// The request for a token that somebody may renew.
fn wanted(kind: &str, renewer: &str) -> CreateDelegationTokenRequest {
    let renewer = CreatableRenewers::default()
        .with_principal_type(StrBytes::from_string(kind.to_owned()))
        .with_principal_name(StrBytes::from_string(renewer.to_owned()));
    CreateDelegationTokenRequest::default().with_renewers(vec![renewer])
}

fn renew(side: &mut Side, case: &str, hmac: &[u8], period: i64) {
    for version in side.versions::<RenewDelegationTokenRequest>() {
        let request = RenewDelegationTokenRequest::default().with_hmac(hmac.to_vec().into());
        side.ask(case, version, &request.with_renew_period_ms(period));
    }
}

fn expire(side: &mut Side, case: &str, hmac: &[u8], period: i64) {
    let version = side.newest::<ExpireDelegationTokenRequest>();
    let request = ExpireDelegationTokenRequest::default().with_hmac(hmac.to_vec().into());
    side.ask(case, version, &request.with_expiry_time_period_ms(period));
}

fn describe(side: &mut Side, case: &str, owners: Option<&[&str]>) {
    let version = side.newest::<DescribeDelegationTokenRequest>();
    let owner = |name: &&str| {
        DescribeDelegationTokenOwner::default()
            .with_principal_type(text("User"))
            .with_principal_name(text(name))
    };
    let owners = owners.map(|owners| owners.iter().map(owner).collect());
    side.ask(case, version, &DescribeDelegationTokenRequest::default().with_owners(owners));
}
