//! What an entry consists of, with the numbers that Kafka gives to it on the wire and in records.

use std::fmt;

/// An enum with Kafka's numbers and names.
macro_rules! numbered {
    (
        $(#[$doc:meta])* $name:ident, $what:literal {
            $($(#[$each:meta])* $variant:ident = $code:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Kafka's number.
            pub const fn code(self) -> i8 {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The one with this number; an error for those that stand for none or any.
            pub fn from_code(code: i8) -> Result<Self, super::BadAcl> {
                match code {
                    $($code => Ok(Self::$variant),)*
                    _ => Err(super::BadAcl::Kind($what, code)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => stringify!($variant),)*
                })
            }
        }
    };
}

numbered! {
    /// What kind of thing an entry is about.
    ResourceType, "resource type" {
        /// A topic.
        Topic = 2,
        /// A group, by its id.
        Group = 3,
        /// The cluster.
        Cluster = 4,
        /// Transactions, by their id.
        TransactionalId = 5,
        /// A delegation token.
        DelegationToken = 6,
        /// A user, as somebody who owns delegation tokens (KIP-373).
        User = 7,
    }
}

numbered! {
    /// What the name in an entry means (KIP-290).
    PatternType, "pattern type" {
        /// The name itself; `*` means all.
        Literal = 3,
        /// How names begin.
        Prefixed = 4,
    }
}

numbered! {
    /// Whether an entry allows or denies.
    Permission, "permission" {
        /// It denies.
        Deny = 2,
        /// It allows.
        Allow = 3,
    }
}

numbered! {
    /// What can be done.
    Operation, "operation" {
        /// Everything.
        All = 2,
        /// Read.
        Read = 3,
        /// Write.
        Write = 4,
        /// Create.
        Create = 5,
        /// Delete.
        Delete = 6,
        /// Alter.
        Alter = 7,
        /// See that it exists and what it is.
        Describe = 8,
        /// What brokers do with each other.
        ClusterAction = 9,
        /// See its settings.
        DescribeConfigs = 10,
        /// Change its settings.
        AlterConfigs = 11,
        /// Write as an idempotent producer; whoever may write to some topic may do so (KIP-679).
        IdempotentWrite = 12,
        /// Create delegation tokens for a user.
        CreateTokens = 13,
        /// See a user's delegation tokens.
        DescribeTokens = 14,
        /// Take part in somebody else's two-phase commit (KIP-939).
        TwoPhaseCommit = 15,
    }
}

/// A set of operations, as the bit field that clients are told (KIP-430).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operations(u16);

impl Operations {
    /// Those in the list.
    pub const fn of(operations: &[Operation]) -> Self {
        let mut bits = 0;
        let mut rest = operations;
        while let [first, others @ ..] = rest {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// The bit field: bit n is the operation with number n.
    pub fn bits(self) -> i32 {
        i32::from(self.0)
    }

    /// Whether one of them is in `others`, too.
    pub(in crate::security) fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// One more.
    pub(in crate::security) fn insert(&mut self, operation: Operation) {
        self.0 |= operation.bit();
    }
}

impl Operation {
    const fn bit(self) -> u16 {
        1 << self.code()
    }

    /// The operations that, allowed, allow this one.
    pub(in crate::security) const fn allowed_by(self) -> Operations {
        use Operation::{All, Alter, AlterConfigs, Delete, Describe, DescribeConfigs, Read, Write};
        if matches!(self, Describe) {
            Operations::of(&[All, Describe, Read, Write, Delete, Alter])
        } else if matches!(self, DescribeConfigs) {
            Operations::of(&[All, DescribeConfigs, AlterConfigs])
        } else {
            Operations::of(&[All, self])
        }
    }

    /// The operations that, denied, deny this one: denying what implies it takes nothing from it.
    pub(in crate::security) const fn denied_by(self) -> Operations {
        Operations::of(&[Self::All, self])
    }
}

impl ResourceType {
    /// What can be done with things of this type at all.
    pub const fn operations(self) -> &'static [Operation] {
        use Operation::{
            Alter, AlterConfigs, ClusterAction, Create, CreateTokens, Delete, Describe,
            DescribeConfigs, DescribeTokens, IdempotentWrite, Read, TwoPhaseCommit, Write,
        };
        match self {
            Self::Topic => {
                &[Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs]
            }
            Self::Group => &[Read, Delete, Describe, DescribeConfigs, AlterConfigs],
            Self::Cluster => &[
                Create,
                Alter,
                Describe,
                ClusterAction,
                DescribeConfigs,
                AlterConfigs,
                IdempotentWrite,
            ],
            Self::TransactionalId => &[Write, Describe, TwoPhaseCommit],
            Self::DelegationToken => &[Describe],
            Self::User => &[CreateTokens, DescribeTokens],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_everything_are_those_that_kafka_answers_without_an_authorizer() {
        let bits = |of: ResourceType| Operations::of(of.operations()).bits();
        assert_eq!((bits(ResourceType::Cluster), bits(ResourceType::Topic)), (8096, 3576));
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_code(operation.code()), Ok(*operation));
        }
        assert!(Operation::from_code(1).is_err() && Operation::from_code(16).is_err());
    }
}
