//! Which limit is that of a client, and with whom it shares it.

use std::sync::Arc;

use imbl::OrdMap;

use super::{QuotaEntity, QuotaKey, QuotaValues};

/// All client quotas, by entity.
pub type QuotaMap = OrdMap<QuotaEntity, QuotaValues>;

/// Who takes together from one limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// All clients of a user.
    User(Arc<str>),
    /// All clients with this id.
    Client(Arc<str>),
    /// All clients of a user with this id.
    UserClient(Arc<str>, Arc<str>),
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
                    let account = Account::UserClient(Arc::clone(user), Arc::clone(client));
                    return Some(Self { account, rate });
                }
            }
            if let Some(rate) = rate(&QuotaEntity::User(of_user)) {
                return Some(Self { account: Account::User(Arc::clone(user)), rate });
            }
        }
        [named(client), None].into_iter().find_map(|of_client| {
            let rate = rate(&QuotaEntity::Client(of_client))?;
            Some(Self { account: Account::Client(Arc::clone(client)), rate })
        })
    }
}
