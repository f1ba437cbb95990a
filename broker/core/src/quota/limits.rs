//! Which limit is that of a client, and with whom it shares it.

use std::{net::IpAddr, sync::Arc};

use imbl::OrdMap;

use super::{QuotaEntity, QuotaKey, QuotaValues};

/// All client quotas, by entity.
pub type QuotaMap = OrdMap<QuotaEntity, QuotaValues>;

/// Bytes of a client id that accounts are told apart by; those of people are shorter.
const LONGEST: usize = 128;

/// Who takes together from one limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// All clients of a user.
    User(Arc<str>),
    /// All clients with this id.
    Client(Arc<str>),
    /// All clients of a user with this id.
    UserClient(Arc<str>, Arc<str>),
    /// Everybody at an address.
    Address(IpAddr),
    /// Everybody for whom there was no room to be told apart.
    Others,
}

/// A client's limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// With whom it is shared.
    pub account: Account,
    /// Units a second, more than 0.
    pub rate: f64,
}

impl Limit {
    /// The account of a client id: of a long one its beginning, so that what is remembered of it is
    /// small.
    fn name(client: &Arc<str>) -> Arc<str> {
        if client.len() <= LONGEST {
            return Arc::clone(client);
        }
        let end = (0..=LONGEST).rev().find(|end| client.is_char_boundary(*end));
        client.get(..end.unwrap_or(0)).unwrap_or_default().into()
    }

    /// The limit of clients of `user` that call themselves `client`; `None`: there is none. The
    /// first of Kafka's eight levels that says anything counts: those of the user come before that
    /// of all users, those before that of clients alone, and in each a client id of its own before
    /// the default. Who has a default's limit still has an account of its own.
    pub fn of(
        quotas: &QuotaMap,
        key: QuotaKey,
        user: &Arc<str>,
        client: &Arc<str>,
    ) -> Option<Self> {
        let named = |name: &Arc<str>| Some(Arc::clone(name));
        let rate = |entity: &QuotaEntity| quotas.get(entity).and_then(|values| values.get(key));
        for of_user in [named(user), None] {
            for of_client in [named(client), None] {
                let entity = QuotaEntity::UserClient(of_user.clone(), of_client);
                if let Some(rate) = rate(&entity) {
                    let account = Account::UserClient(Arc::clone(user), Self::name(client));
                    return Some(Self { account, rate });
                }
            }
            if let Some(rate) = rate(&QuotaEntity::User(of_user)) {
                return Some(Self { account: Account::User(Arc::clone(user)), rate });
            }
        }
        [named(client), None].into_iter().find_map(|of_client| {
            let rate = rate(&QuotaEntity::Client(of_client))?;
            Some(Self { account: Account::Client(Self::name(client)), rate })
        })
    }

    /// How fast `host` may open connections (KIP-612); `None`: as fast as it likes.
    pub fn of_address(quotas: &QuotaMap, host: IpAddr) -> Option<Self> {
        let host = host.to_canonical();
        let rate = |name| quotas.get(&QuotaEntity::Ip(name))?.get(QuotaKey::ConnectionCreationRate);
        let rate = rate(Some(host.to_string().into())).or_else(|| rate(None))?;
        Some(Self { account: Account::Address(host), rate })
    }
}
