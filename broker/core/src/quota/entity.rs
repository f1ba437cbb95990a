//! Whose a quota is.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

/// Kafka's word for users.
pub const USER: &str = "user";
/// Kafka's word for client ids.
pub const CLIENT_ID: &str = "client-id";
/// Kafka's word for addresses.
pub const IP: &str = "ip";

/// A name; `None`: the default of all that have no quota of their own.
pub type QuotaName = Option<Arc<str>>;

/// An entity as requests and records name it: types, and a name or the default of each.
pub type QuotaParts = BTreeMap<String, Option<String>>;

/// Whose a quota is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaEntity {
    /// A user, whatever its clients call themselves.
    User(QuotaName),
    /// A client id, whoever its user is.
    Client(QuotaName),
    /// A client id of a user.
    UserClient(QuotaName, QuotaName),
    /// An address.
    Ip(QuotaName),
}

/// What is no entity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEntity {
    /// Nothing is named.
    #[error("a quota is that of a user, a client-id, both, or an ip: nothing is named")]
    Empty,
    /// Another type.
    #[error("there are the types user, client-id and ip, and not {0:?}")]
    Type(String),
    /// A name without a letter, which is not the default either.
    #[error("the name of the {0} is empty: null stands for the default")]
    Name(String),
    /// An address beside something else.
    #[error("an ip is not combined with a user or a client-id")]
    Combination,
    /// No address.
    #[error("{0:?} is not an address; names of hosts are not looked up")]
    Address(String),
}

impl QuotaEntity {
    /// The entity with these parts.
    pub fn of(parts: &QuotaParts) -> Result<Self, BadEntity> {
        let (mut user, mut client, mut ip) = (None, None, None);
        for (kind, name) in parts {
            let place = match kind.as_str() {
                USER => &mut user,
                CLIENT_ID => &mut client,
                IP => &mut ip,
                _ => return Err(BadEntity::Type(kind.clone())),
            };
            if name.as_deref() == Some("") {
                return Err(BadEntity::Name(kind.clone()));
            }
            *place = Some(name.as_deref().map(Arc::from));
        }
        match (user, client, ip) {
            (None, None, Some(ip)) => Ok(Self::Ip(address(ip)?)),
            (Some(user), Some(client), None) => Ok(Self::UserClient(user, client)),
            (Some(user), None, None) => Ok(Self::User(user)),
            (None, Some(client), None) => Ok(Self::Client(client)),
            (None, None, None) => Err(BadEntity::Empty),
            (_, _, Some(_)) => Err(BadEntity::Combination),
        }
    }

    /// Its types, each with a name or the default.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        let (first, second) = match self {
            Self::User(user) => ((USER, user), None),
            Self::Client(client) => ((CLIENT_ID, client), None),
            Self::UserClient(user, client) => ((USER, user), Some((CLIENT_ID, client))),
            Self::Ip(ip) => ((IP, ip), None),
        };
        std::iter::once(first).chain(second).map(|(kind, name)| (kind, name.as_deref()))
    }
}

/// Addresses are kept as they are printed, so that the same one is found however it was written.
fn address(ip: QuotaName) -> Result<QuotaName, BadEntity> {
    let Some(ip) = ip else { return Ok(None) };
    let Ok(parsed) = ip.parse::<IpAddr>() else {
        return Err(BadEntity::Address(ip.as_ref().to_owned()));
    };
    Ok(Some(parsed.to_canonical().to_string().into()))
}
