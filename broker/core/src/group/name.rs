//! The names of the group protocol, each a type of its own: cheap to clone, never mixed up.

use std::{borrow::Borrow, fmt, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as the wire carries it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether it is the empty name, which some requests use for "none".
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A group's id; empty only for consumers that do no more than commit offsets.
    GroupId
}
name! {
    /// A member's id, given out by the coordinator; empty in a first join.
    MemberId
}
name! {
    /// A static member's `group.instance.id` (KIP-345), chosen by its owner.
    InstanceId
}

/// Longest part of a client's or instance's name that goes into a member id, in bytes: an id has to
/// fit a 16-bit length with room to spare.
const LONGEST_PREFIX: usize = 1024;

impl MemberId {
    /// A fresh id: `prefix` tells a human whose it is, `unique` makes it one of a kind.
    pub(super) fn fresh(prefix: &str, unique: &uuid::Uuid) -> Self {
        let cut = prefix.floor_char_boundary(LONGEST_PREFIX);
        let (prefix, _) = prefix.split_at(cut);
        format!("{prefix}-{unique}").into()
    }
}
