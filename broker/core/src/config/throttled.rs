//! Which replicas a topic has throttled: `leader.replication.throttled.replicas` and
//! `follower.replication.throttled.replicas`.

use super::kind::words;
use crate::id::BrokerId;

/// Replicas of one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Throttled {
    /// `*`.
    all: bool,
    /// Partitions, each with a broker that holds it.
    of: Box<[(i32, BrokerId)]>,
}

impl Throttled {
    /// Reads `*` or a comma-separated list of `partition:broker`, which may be empty; the error
    /// says what was expected.
    pub(super) fn parse(value: &str) -> Result<Self, String> {
        if value.trim() == "*" {
            return Ok(Self { all: true, ..Self::default() });
        }
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 0);
        let pair = |word: &str| {
            let (partition, broker) = word.split_once(':')?;
            Some((number(partition)?, BrokerId(number(broker)?)))
        };
        let of: Option<_> = words(value).map(pair).collect();
        let of = of.ok_or("* or a list of partition:broker pairs")?;
        Ok(Self { all: false, of })
    }

    /// Whether that broker's replica of a partition is one of them.
    pub fn covers(&self, partition: i32, broker: BrokerId) -> bool {
        self.all || self.of.contains(&(partition, broker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_a_star_and_nothing() {
        let of = |value| Throttled::parse(value).unwrap();
        let some = of(" 0:1, 0:2,1:3");
        assert!(some.covers(0, BrokerId(2)) && some.covers(1, BrokerId(3)));
        assert!(!some.covers(1, BrokerId(1)) && !of("").covers(0, BrokerId(0)));
        assert!(of("*").covers(7, BrokerId(7)));
        for wrong in ["0", "0:", "0:-1", "a:1", "*,0:1", "0:1:2", "0:4294967296"] {
            Throttled::parse(wrong).unwrap_err();
        }
    }
}
