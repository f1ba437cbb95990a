//! Request headers: which API, which version, what to call the answer.
//!
//! A header has two forms, v1 and v2; the second ends in tagged fields, and the API and version at
//! its start tell which one it is. In both the client id has the old two-byte length, so that a
//! broker can read the header of an `ApiVersions` request that is newer than itself (KIP-511).

mod client_id;
#[cfg(test)]
mod tests;

use crate::Refused;
use crate::api_version::{Audience, check_for};
use crate::messages::ApiKey;
use crate::primitive::{Reader, Writer};
use bytes::BufMut;
pub use client_id::ClientId;

/// The `ApiVersions` version from which its request is flexible, whatever comes after it.
const FLEXIBLE_API_VERSIONS: i16 = 3;

/// What stands before every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API key on the wire: one that is served.
    pub api_key: i16,
    /// A version that is served; of `ApiVersions` any version.
    pub api_version: i16,
    /// Goes back to the client with the answer.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<ClientId>,
}

impl RequestHeader {
    /// The API, as an enum. `None` only for a header that did not come from [`decode`].
    pub fn api(&self) -> Option<ApiKey> {
        ApiKey::try_from(self.api_key).ok()
    }
}

/// Splits the header off `frame`, the bytes after the size; the number is the header's length.
///
/// Refuses what cannot be dispatched: an API or version that is not served. `ApiVersions` is let
/// through in any version, because the answer to it says which ones there are.
pub fn decode(frame: &[u8]) -> Result<(RequestHeader, usize), Refused> {
    decode_for(Audience::Client, frame)
}

/// The same for what is served to `audience`.
pub fn decode_for(audience: Audience, frame: &[u8]) -> Result<(RequestHeader, usize), Refused> {
    let mut reader = Reader::new(frame);
    let api_key = reader.i16()?;
    let api_version = reader.i16()?;
    let api = ApiKey::try_from(api_key).or(Err(Refused::UnknownApi(api_key)))?;
    let version = request_version(audience, api, api_version)?;
    let correlation_id = reader.i32()?;
    let client_id = reader.nullable_string()?.map(ClientId::from);
    if version >= 2 {
        reader.skip_tagged_fields()?;
    }
    let header = RequestHeader { api_key, api_version, correlation_id, client_id };
    Ok((header, reader.position()))
}

/// Which form of the header a served request has.
fn request_version(audience: Audience, api: ApiKey, version: i16) -> Result<i16, Refused> {
    if api == ApiKey::ApiVersions && audience == Audience::Client {
        return Ok(if version >= FLEXIBLE_API_VERSIONS { 2 } else { 1 });
    }
    check_for(audience, api, version)?;
    Ok(api.request_header_version(version))
}

/// Writes a request's header, as a client does.
pub fn encode<B: BufMut>(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    out: &mut B,
) {
    let mut writer = Writer::new(out);
    writer.i16(api as i16);
    writer.i16(version);
    writer.i32(correlation_id);
    writer.nullable_string(client_id);
    if api.request_header_version(version) >= 2 {
        writer.no_tagged_fields();
    }
}
