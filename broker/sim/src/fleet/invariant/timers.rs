//! A machine whose time has come does what was due, and asks to be woken later: it never keeps its
//! driver busy with nothing.

use super::{Check, Invariant, ensure};
use crate::fleet::env::Env;
use kastellan_core::{id::BrokerId, machine::Millis};

pub(crate) fn check(env: &mut Env, node: BrokerId, now: Millis, next: Option<Millis>) -> Check {
    env.counters.compared(Invariant::TimersMoveForward);
    ensure(next.is_none_or(|next| next > now), Invariant::TimersMoveForward, || {
        format!("{node:?} was woken at {now:?} and wants to be woken at {next:?}")
    })
}
