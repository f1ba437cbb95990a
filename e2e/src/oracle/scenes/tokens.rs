//! Delegation tokens are for those who have logged in, which nobody here has: what everybody else
//! is told.

use kafka_protocol::messages::create_delegation_token_request::CreatableRenewers;
use kafka_protocol::messages::describe_delegation_token_request::DescribeDelegationTokenOwner;
use kafka_protocol::messages::{
    CreateDelegationTokenRequest, DescribeDelegationTokenRequest, ExpireDelegationTokenRequest,
    RenewDelegationTokenRequest,
};

use super::malformed::damage;
use super::s;
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    side.scene("delegation-tokens");
    for version in side.versions::<CreateDelegationTokenRequest>() {
        side.ask("created", version, &create(version, "User"));
        side.ask("created-of-no-type", version, &create(version, "Nobody"));
    }
    let secret = || vec![7; 64].into();
    for version in side.versions::<RenewDelegationTokenRequest>() {
        let request = RenewDelegationTokenRequest::default().with_hmac(secret());
        side.ask("renewed", version, &request.with_renew_period_ms(5));
    }
    for version in side.versions::<ExpireDelegationTokenRequest>() {
        let request = ExpireDelegationTokenRequest::default().with_hmac(secret());
        side.ask("ended", version, &request.with_expiry_time_period_ms(-1));
    }
    for version in side.versions::<DescribeDelegationTokenRequest>() {
        let owner = DescribeDelegationTokenOwner::default()
            .with_principal_type(s("User"))
            .with_principal_name(s("alice"));
        for (case, owners) in
            [("all", None), ("none", Some(Vec::new())), ("alice", Some(vec![owner]))]
        {
            side.ask(case, version, &DescribeDelegationTokenRequest::default().with_owners(owners));
        }
    }
    side.scene("delegation-tokens-body");
    damage(side, |version| create(version, "User"));
}

fn create(version: i16, kind: &str) -> CreateDelegationTokenRequest {
    let renewer =
        CreatableRenewers::default().with_principal_type(s(kind)).with_principal_name(s("bob"));
    let request = CreateDelegationTokenRequest::default()
        .with_renewers(vec![renewer])
        .with_max_lifetime_ms(1000);
    if version < 3 {
        return request;
    }
    request.with_owner_principal_type(Some(s("User"))).with_owner_principal_name(Some(s("carol")))
}
