//! An authority of the cluster's own, and how another one takes its place while everything runs.
//!
//! How far that has come stands in the authority's Secret and nowhere else, so whoever looks next
//! goes on from there. `ca.crt` and `ca.key` are those that sign:
//!
//! | phase | they are | and trusted besides is |
//! |---|---|---|
//! | settled | the only ones | |
//! | trust | the former ones | `ca-next.crt`, whose key is `ca-next.key` |
//! | use | the new ones | `ca-old.crt` |
//!
//! A phase ends once every broker shows and trusts what stands in its Secrets, by its own word, and
//! clients had their time. So whoever meets whom, in a phase or between two, each trusts what the
//! other shows.

use std::collections::BTreeMap;

use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use kastellan_crds::cluster::{self, Replacement};

use crate::pki::{self, AUTHORITY_DAYS, RENEWAL_DAYS};

const SIGNS: (&str, &str) = ("ca.crt", "ca.key");
const NEXT: (&str, &str) = ("ca-next.crt", "ca-next.key");
const OLD: &str = "ca-old.crt";

/// The files of a Secret.
pub(super) type Files = BTreeMap<String, String>;

/// How far the replacement of an authority has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is one, and none takes its place.
    Settled,
    /// Another one is there, to be trusted by all.
    Trust,
    /// It signs, and the former one is still trusted.
    Use,
}

/// What happens to an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is made.
    First,
    /// Its certificate is made anew, with the same key.
    Renew,
    /// Another one is made, to be trusted.
    Trust,
    /// The other one signs from now on.
    Use,
    /// The former one is forgotten.
    Forget,
    /// It has ended: another one takes its place at once.
    Replace,
}

/// What an authority's Secret says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) phase: Phase,
    /// The end of the certificate that signs, if it can be read.
    pub(super) end: Option<Timestamp>,
    /// When the phase began.
    pub(super) since: Option<Timestamp>,
    /// What was asked for when it was last replaced, if anything was.
    pub(super) heeded: Option<String>,
}

/// When an authority is replaced, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    /// The value that asks for another one, if one does.
    pub(super) asked: Option<String>,
    /// What is made anew before its end.
    pub(super) replacement: Replacement,
    /// So many days before that.
    pub(super) renewal_days: i64,
    /// How long clients are given in each phase, in minutes.
    pub(super) overlap_minutes: i64,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Rest,
    /// This, now.
    Turn(Turn),
    /// What is missing still has to happen.
    Wait,
    /// Everybody is ready, and clients have time until then.
    Until(Timestamp),
}

impl Rules {
    /// Those of a spec, for an authority that clients know or do not.
    pub(super) fn new(spec: &cluster::Authority, asked: Option<String>, clients: bool) -> Self {
        let days = RENEWAL_DAYS.max(i64::from(spec.renewal_days)).min(AUTHORITY_DAYS / 2);
        let overlap_minutes = if clients { i64::from(spec.overlap_minutes) } else { 0 };
        Self { asked, replacement: spec.replacement, renewal_days: days, overlap_minutes }
    }
}

/// What is trusted, as one text; `None` where certificate or key of what signs is missing.
pub(super) fn trusted(files: &Files) -> Option<String> {
    let file = |name: &str| files.get(name).map(String::as_str).filter(|text| !text.is_empty());
    file(SIGNS.1)?;
    let besides = match phase(files) {
        Phase::Settled => None,
        Phase::Trust => file(NEXT.0),
        Phase::Use => file(OLD),
    };
    Some(pki::bundle([file(SIGNS.0)?].into_iter().chain(besides)))
}

/// How far a Secret with these files has come.
pub(super) fn phase(files: &Files) -> Phase {
    let has = |name: &str| files.get(name).is_some_and(|text| !text.is_empty());
    match () {
        () if has(NEXT.0) && has(NEXT.1) => Phase::Trust,
        () if has(OLD) => Phase::Use,
        () => Phase::Settled,
    }
}

/// What comes next; `ready`: everybody shows and trusts what this phase wants; `due`: the end is so
/// near that something has to be done.
pub(super) fn next(held: &Held, rules: &Rules, (ready, due): (bool, bool), now: Timestamp) -> Next {
    let ended = held.end.is_some_and(|end| end <= now);
    let turn = match held.phase {
        Phase::Settled if ended => return Next::Turn(Turn::Replace),
        Phase::Settled => return begin(held, rules, due),
        // nobody trusts the former one any more: there is nothing to wait for
        Phase::Trust if ended => return Next::Turn(Turn::Use),
        Phase::Trust => Turn::Use,
        Phase::Use => Turn::Forget,
    };
    if !ready {
        return Next::Wait;
    }
    let until = held.since.map(|since| since + rules.overlap_minutes.minutes());
    match until.filter(|until| *until > now) {
        Some(until) => Next::Until(until),
        None => Next::Turn(turn),
    }
}

fn begin(held: &Held, rules: &Rules, due: bool) -> Next {
    if rules.asked.is_some() && rules.asked != held.heeded {
        return Next::Turn(Turn::Trust);
    }
    match rules.replacement {
        _ if !due => Next::Rest,
        Replacement::Certificate => Next::Turn(Turn::Renew),
        Replacement::Key => Next::Turn(Turn::Trust),
    }
}

/// The files after a turn, of an authority with this common name. Why not, in words.
pub(super) fn turned(
    turn: Turn,
    files: &Files,
    (name, cluster_id): (&str, &str),
    now: Timestamp,
) -> Result<Files, String> {
    let file =
        |name: &str| files.get(name).cloned().ok_or_else(|| format!("there is no {name} any more"));
    let words = |why: rcgen::Error| why.to_string();
    let made = || pki::authority(name, cluster_id, now).map_err(words);
    let of = |(certificate, key): (&str, &str), pair: pki::Pair| {
        [(certificate.to_owned(), pair.certificate), (key.to_owned(), pair.key)]
    };
    let signs = |names: (&str, &str)| {
        Ok::<_, String>([
            (SIGNS.0.to_owned(), file(names.0)?),
            (SIGNS.1.to_owned(), file(names.1)?),
        ])
    };
    let files = match turn {
        Turn::First | Turn::Replace => Files::from(of(SIGNS, made()?)),
        Turn::Renew => {
            let pair = pki::renewed(name, cluster_id, &file(SIGNS.1)?, now).map_err(words)?;
            Files::from(of(SIGNS, pair))
        }
        Turn::Trust => signs(SIGNS)?.into_iter().chain(of(NEXT, made()?)).collect(),
        Turn::Use => {
            let former = (OLD.to_owned(), file(SIGNS.0)?);
            signs(NEXT)?.into_iter().chain([former]).collect()
        }
        Turn::Forget => Files::from(signs(SIGNS)?),
    };
    Ok(files)
}

#[cfg(test)]
mod tests;
