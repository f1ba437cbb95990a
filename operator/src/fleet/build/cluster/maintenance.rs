//! Maintenance windows that begin at some time, and in some time zone.

use super::Check;
use crate::fleet::windows;

/// What is wrong that no rule of the schema can tell.
pub(super) fn check(check: &mut Check<'_>) {
    let Some(maintenance) = check.object.spec.maintenance.clone() else { return };
    for (number, why) in windows::wrong(&maintenance) {
        let path = format!("spec.maintenance.windows[{number}].schedule");
        let message = format!("maintenance window {number} never begins: {why}");
        let help = "write it as in schedule: 0 2 * * 0, and timeZone as in Europe/Prague";
        check.complain(&path, &message, help);
    }
}
