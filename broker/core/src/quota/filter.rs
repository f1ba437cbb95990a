//! Which entities somebody asks for (KIP-546).

use std::collections::BTreeMap;

use super::{CLIENT_ID, IP, QuotaEntity, USER};

/// Which entities somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuotaFilter {
    /// What each of these types has to be.
    components: BTreeMap<String, Match>,
    /// Whether entities of more types are left out.
    strict: bool,
}

/// What a name has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// This one.
    Name(String),
    /// The default.
    Default,
    /// Any, the default too.
    Any,
}

/// What is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// No type.
    #[error("a component of the filter has no entity type")]
    NoType,
    /// Another type.
    #[error("there are the types user, client-id and ip, and not {0:?}")]
    Type(String),
    /// A type that comes twice.
    #[error("the entity type {0} comes twice in the filter")]
    Twice(String),
    /// A name that has to be there, or must not be.
    #[error("match type {0} is 0 with a name, and 1 (the default) or 2 (any) without")]
    Name(i8),
    /// Another number.
    #[error("there are the match types 0, 1 and 2, and not {0}")]
    Kind(i8),
    /// An address beside something else.
    #[error("an ip is not combined with a user or a client-id")]
    Combination,
}

impl QuotaFilter {
    /// A filter without components: everything, or where it is `strict` nothing.
    pub fn new(strict: bool) -> Self {
        Self { components: BTreeMap::new(), strict }
    }

    /// Adds a component: an entity type, Kafka's number for the kind of match, and a name.
    pub fn add(&mut self, entity: &str, kind: i8, name: Option<&str>) -> Result<(), BadFilter> {
        if entity.is_empty() {
            return Err(BadFilter::NoType);
        }
        if self.components.contains_key(entity) {
            return Err(BadFilter::Twice(entity.to_owned()));
        }
        if ![USER, CLIENT_ID, IP].contains(&entity) {
            return Err(BadFilter::Type(entity.to_owned()));
        }
        let wanted = match (kind, name) {
            (0, Some(name)) => Match::Name(name.to_owned()),
            (1, None) => Match::Default,
            (2, None) => Match::Any,
            (0..=2, _) => return Err(BadFilter::Name(kind)),
            _ => return Err(BadFilter::Kind(kind)),
        };
        self.components.insert(entity.to_owned(), wanted);
        if self.components.len() > 1 && self.components.contains_key(IP) {
            return Err(BadFilter::Combination);
        }
        Ok(())
    }

    /// Whether it lets `entity` through.
    pub fn fits(&self, entity: &QuotaEntity) -> bool {
        if self.strict && entity.parts().count() != self.components.len() {
            return false;
        }
        self.components.iter().all(|(wanted, name)| {
            let part = entity.parts().find(|(kind, _)| kind == wanted);
            part.is_some_and(|(_, part)| match name {
                Match::Name(name) => part == Some(name),
                Match::Default => part.is_none(),
                Match::Any => true,
            })
        })
    }
}
