//! Which protocol a generation speaks: one that everybody knows, the one that most like best.

use std::collections::BTreeMap;

use super::{input::Protocol, live::Live};

impl Live {
    /// Whether somebody of this type who speaks these protocols fits in with those who are there.
    pub(super) fn accepts(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.members.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type == protocol_type
            && protocols.iter().any(|protocol| self.all_speak(&protocol.name))
    }

    /// The protocol of the next generation; every join was checked against all members, so there is
    /// one unless nobody is in. A tie goes to what the first member in order of ids likes better.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let mut candidates: Vec<&str> = Vec::new();
        if let Some(first) = self.members.values().next() {
            let names = first.protocols.iter().map(|protocol| protocol.name.as_str());
            candidates.extend(names.filter(|name| self.all_speak(name)));
        }
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let names = member.protocols.iter().map(|protocol| protocol.name.as_str());
            if let Some(vote) = names.into_iter().find(|name| candidates.contains(name)) {
                *votes.entry(vote).or_default() += 1;
            }
        }
        // `max_by_key` takes the last of several: go through the favourites from the back
        let of = |name: &&&str| votes.get(**name).copied().unwrap_or(0);
        candidates.iter().rev().max_by_key(of).map(|name| (*name).to_owned())
    }

    fn all_speak(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.speaks(protocol))
    }
}
