//! A failure of the controller as the two fields of a response.

use kastellan_core::metadata::Failure;
use kastellan_protocol::protocol::StrBytes;

/// Code and message.
pub(crate) fn parts(failure: Failure) -> (i16, Option<StrBytes>) {
    (failure.code.code(), Some(StrBytes::from_string(failure.message)))
}

/// Code and message of a result.
pub(crate) fn of(result: Result<(), Failure>) -> (i16, Option<StrBytes>) {
    match result {
        Ok(()) => (0, None),
        Err(failure) => parts(failure),
    }
}
