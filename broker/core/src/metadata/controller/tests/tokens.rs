//! Delegation tokens.

use super::*;
use crate::security::{DelegationToken, Principal, Secret, TokenKey};

const KEY: (&str, &str) = ("delegation.token.secret.key", "a key");
const DAY: i64 = 86_400_000;

fn bench() -> Bench {
    Bench::with(1, &[KEY])
}

fn wanted(id: &str, lifetime: i64) -> NewToken {
    NewToken {
        id: id.to_owned(),
        owner: Principal::user("alice"),
        requester: Principal::user("alice"),
        renewers: vec![Principal::user("bob")],
        lifetime,
    }
}

fn asked(bench: &mut Bench, request: TokenRequest) -> Result<DelegationToken, i16> {
    let reply = bench.run(Input::Token { ticket: TICKET, request });
    let Reply::Token(token) = reply.clone() else { return Err(reply.failure().code.code()) };
    Ok(*token)
}

fn create(bench: &mut Bench, token: NewToken) -> Result<DelegationToken, i16> {
    asked(bench, TokenRequest::Create(token))
}

fn change(bench: &mut Bench, id: &str, who: &str, period: Period) -> Result<i64, i16> {
    let hmac = TokenKey::new(KEY.1).unwrap().hmac(id);
    let change = TokenChange { hmac, requester: Principal::user(who), period };
    asked(bench, TokenRequest::Change(change)).map(|token| token.expires)
}

#[test]
fn a_token_lasts_as_long_as_is_asked_and_as_the_settings_allow() {
    let mut bench = bench();
    bench.wall = 1000;
    let token = create(&mut bench, wanted("a", 0)).unwrap();
    assert_eq!((token.issued, token.expires, token.ends), (1000, 1000 + DAY, 1000 + 7 * DAY));
    let token = create(&mut bench, wanted("b", 50)).unwrap();
    assert_eq!((token.expires, token.ends), (1050, 1050));
    let token = create(&mut bench, wanted("c", i64::MAX)).unwrap();
    assert_eq!((token.expires, token.ends), (1000 + DAY, 1000 + 7 * DAY));
    assert_eq!(bench.controller.image().token("c").map(|it| &**it), Some(&token));
}

#[test]
fn who_it_is_for_renews_and_ends_it() {
    let mut bench = bench();
    let mut other = wanted("a", 3 * DAY);
    other.requester = Principal::user("carol");
    create(&mut bench, other).unwrap();
    bench.wall = DAY / 2;
    assert_eq!(change(&mut bench, "a", "bob", Period::Renew(5)), Ok(DAY / 2 + 5));
    assert_eq!(change(&mut bench, "a", "alice", Period::Renew(-1)), Ok(DAY / 2 + DAY));
    assert_eq!(change(&mut bench, "a", "alice", Period::Renew(i64::MAX)), Ok(DAY / 2 + DAY));
    for who in ["carol", "eve"] {
        assert_eq!(change(&mut bench, "a", who, Period::Renew(5)), Err(63), "{who}");
        assert_eq!(change(&mut bench, "a", who, Period::Expire(-1)), Err(63), "{who}");
    }
    assert_eq!(change(&mut bench, "b", "alice", Period::Renew(5)), Err(62));
    assert_eq!(change(&mut bench, "a", "bob", Period::Expire(i64::MAX)), Ok(3 * DAY));
    assert_eq!(change(&mut bench, "a", "bob", Period::Expire(0)), Ok(DAY / 2));
    bench.wall += 1;
    assert_eq!(change(&mut bench, "a", "bob", Period::Renew(5)), Err(66));
    assert_eq!(change(&mut bench, "a", "bob", Period::Expire(5)), Err(66));
    assert_eq!(change(&mut bench, "a", "eve", Period::Renew(5)), Err(66));
    assert_eq!(change(&mut bench, "a", "eve", Period::Expire(-1)), Err(63));
    assert_eq!(change(&mut bench, "a", "bob", Period::Expire(-1)), Ok(bench.wall), "what is over");
    create(&mut bench, wanted("c", 0)).unwrap();
    assert_eq!(change(&mut bench, "c", "bob", Period::Expire(-7)), Ok(bench.wall));
    assert_eq!(change(&mut bench, "c", "bob", Period::Expire(-7)), Err(62));
}

#[test]
fn nothing_is_made_without_a_key_nor_for_what_is_no_user() {
    let mut bench = Bench::new(1);
    assert_eq!(create(&mut bench, wanted("a", 0)), Err(61));
    assert_eq!(change(&mut bench, "a", "alice", Period::Renew(5)), Err(61));
    let mut bench = self::bench();
    let mut group = wanted("a", 0);
    group.renewers.push(Principal::new("Group", "g"));
    assert_eq!(create(&mut bench, group), Err(67));
    let mut long = wanted("a", 0);
    long.owner = Principal::user(&"o".repeat(LONGEST_PRINCIPAL));
    assert_eq!(create(&mut bench, long), Err(42));
    assert!(!bench.controller.image().has_tokens());
}

#[test]
fn tokens_that_are_over_are_forgotten_at_the_next_look() {
    let mut bench = bench();
    create(&mut bench, wanted("a", 5)).unwrap();
    create(&mut bench, wanted("b", 0)).unwrap();
    // planned with whatever comes next
    bench.carry_out(Input::Tick);
    let at = bench.controller.deadline().unwrap();
    assert_eq!(at, Millis::ZERO.after(std::time::Duration::from_hours(1)));
    (bench.now, bench.wall) = (at, DAY / 2);
    assert_eq!(bench.carry_out(Input::Tick), None);
    let left: Vec<_> = bench.controller.image().tokens().map(|it| it.id.clone()).collect();
    assert_eq!(left, ["b"]);
    assert_eq!(change(&mut bench, "a", "alice", Period::Renew(5)), Err(62));
    change(&mut bench, "b", "alice", Period::Expire(-1)).unwrap();
    bench.carry_out(Input::Tick);
    assert_eq!(bench.controller.deadline(), None, "nothing is left to look at");
}

#[test]
fn nobody_has_more_than_anybody_needs_and_another_controller_knows_that() {
    let mut bench = bench();
    for at in 0..MOST_TOKENS {
        let token = create(&mut bench, wanted(&format!("t{at}"), 0));
        assert!(token.is_ok());
    }
    assert_eq!(create(&mut bench, wanted("more", 0)), Err(44));
    let image = bench.controller.image().clone();
    let fixed = BrokerConfig::parse(Overrides::from([(KEY.0.to_owned(), KEY.1.to_owned())]));
    bench.controller = Controller::new(image, BrokerId(1), fixed.unwrap());
    assert_eq!(create(&mut bench, wanted("more", 0)), Err(44));
    change(&mut bench, "t7", "alice", Period::Renew(5)).unwrap();
    assert_eq!(create(&mut bench, wanted("more", 0)), Err(44), "renewed is not ended");
    change(&mut bench, "t7", "alice", Period::Expire(-1)).unwrap();
    assert!(create(&mut bench, wanted("more", 0)).is_ok());
}

#[test]
fn the_log_has_no_secret() {
    let mut bench = bench();
    let token = create(&mut bench, wanted("a", 0)).unwrap();
    let key = TokenKey::new(KEY.1).unwrap();
    let Secret(hmac) = key.hmac(&token.id);
    for record in &bench.log {
        let bytes = record.encode();
        assert!(!bytes.windows(hmac.len()).any(|it| it == hmac));
        assert!(!bytes.windows(KEY.1.len()).any(|it| it == KEY.1.as_bytes()));
    }
}
