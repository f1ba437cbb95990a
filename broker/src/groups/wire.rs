//! Small change between the machine's types and the wire's.

use kastellan_core::group::{InstanceId, MemberId};
use kastellan_protocol::{ErrorCode, protocol::StrBytes};

/// No error.
pub(crate) const NONE: i16 = 0;

/// The number of an error, 0 for none.
pub(crate) fn code<T>(result: &Result<T, ErrorCode>) -> i16 {
    result.as_ref().err().map_or(NONE, ErrorCode::code)
}

/// Text for an answer.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A member's id for an answer.
pub(crate) fn member(id: &MemberId) -> StrBytes {
    text(id.as_str())
}

/// A static member's name for an answer.
pub(crate) fn instance(id: Option<&InstanceId>) -> Option<StrBytes> {
    id.map(|id| text(id.as_str()))
}

/// A member's id from a request, on memory of its own: requests are slices of their frames.
pub(crate) fn to_member(id: &StrBytes) -> MemberId {
    MemberId::from(&**id)
}

/// A static member's name from a request.
pub(crate) fn to_instance(id: Option<&StrBytes>) -> Option<InstanceId> {
    id.map(|id| InstanceId::from(&**id))
}
