//! Whole messages of the cold APIs: requests checked and decoded, responses framed, and the mirror
//! of both for our own admin client.

#[cfg(test)]
mod tests;

use crate::messages::ApiKey;
use crate::primitive::Reader;
use crate::{Refused, api_version, header, walk};
use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};

/// Bytes set aside for a message before its size is known; most fit.
const USUAL_BYTES: usize = 256;

/// The version that an `ApiVersions` answer falls back to, and that every client can read.
const OLDEST_API_VERSIONS: i16 = 0;

/// Why a message of ours is not encoded: a bug of ours, never the other side's doing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A field is set that the version does not have, or the version does not exist.
    #[error("{api:?} v{version}: {why}")]
    Message {
        /// The API.
        api: ApiKey,
        /// The version asked for.
        version: i16,
        /// What the encoder says.
        why: String,
    },
    /// A frame above 2 GiB.
    #[error("{api:?}: a frame of {bytes} bytes is longer than its size field can say")]
    TooLarge {
        /// The API.
        api: ApiKey,
        /// The frame's length.
        bytes: usize,
    },
}

/// Walks a request's body, then decodes it. The decoder never sees bytes that the walker refused.
///
/// Strings and byte fields of the result are slices of `body` and keep all of it alive: copy what
/// is to be kept.
pub fn decode<R: Request + Decodable>(version: i16, mut body: Bytes) -> Result<R, Refused> {
    let api = ApiKey::try_from(R::KEY).or(Err(Refused::UnknownApi(R::KEY)))?;
    walk::request(api, version, &body)?;
    R::decode(&mut body, version).map_err(|error| Refused::Decoder(error.to_string()))
}

/// A whole response frame: size, header, body.
///
/// An `ApiVersions` answer always has the plain header, and is written as v0 when the request's
/// version is not served (KIP-511).
pub fn encode_response<R: Encodable + HeaderVersion>(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    body: &R,
) -> Result<Bytes, EncodeError> {
    let version = match api_version::check(api, version) {
        Err(_) if api == ApiKey::ApiVersions => OLDEST_API_VERSIONS,
        _ => version,
    };
    framed(api, version, body, |out| {
        out.extend_from_slice(&correlation_id.to_be_bytes());
        if R::header_version(version) >= 1 {
            out.extend_from_slice(&[0]);
        }
    })
}

/// A whole request frame, as a client sends it.
pub fn encode_request<R: Request>(
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    body: &R,
) -> Result<Bytes, EncodeError> {
    let api = ApiKey::try_from(R::KEY).expect("every request type of the crate has a known key");
    framed(api, version, body, |out| header::encode(api, version, correlation_id, client_id, out))
}

/// Decodes a response to a request of version `version`; `frame` are the bytes after the size.
///
/// Only for answers of brokers that are ours or otherwise trusted: the frame's limit is all that
/// bounds what they cost. Returns the correlation id too, which has to be the request's.
pub fn decode_response<R: Decodable + HeaderVersion>(
    version: i16,
    mut frame: Bytes,
) -> Result<(i32, R), Refused> {
    let mut reader = Reader::new(&frame);
    let correlation_id = reader.i32()?;
    if R::header_version(version) >= 1 {
        reader.skip_tagged_fields()?;
    }
    let header = reader.position();
    frame.advance(header);
    let body =
        R::decode(&mut frame, version).map_err(|error| Refused::Decoder(error.to_string()))?;
    Reader::new(&frame).finish()?;
    Ok((correlation_id, body))
}

fn framed<R: Encodable>(
    api: ApiKey,
    version: i16,
    body: &R,
    header: impl FnOnce(&mut BytesMut),
) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::with_capacity(USUAL_BYTES);
    out.extend_from_slice(&[0; 4]);
    header(&mut out);
    body.encode(&mut out, version).map_err(|error| EncodeError::Message {
        api,
        version,
        why: error.to_string(),
    })?;
    let bytes = out.len() - 4;
    let size = i32::try_from(bytes).or(Err(EncodeError::TooLarge { api, bytes }))?;
    if let Some(place) = out.first_chunk_mut() {
        *place = size.to_be_bytes();
    }
    Ok(out.freeze())
}
