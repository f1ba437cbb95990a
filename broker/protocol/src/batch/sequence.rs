//! Batches that stand one behind the other: a Produce request's records, a slice of a log.

use super::{Header, InvalidBatch, Malformed};
use crate::ErrorCode;

/// Iterates over whole batches; see [`batches`].
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

/// The whole batches in `bytes`, each with its header. A batch cut at the end, as a fetch returns
/// it, ends the iteration; so does, behind one error, anything that is no batch.
pub fn batches(bytes: &[u8]) -> Batches<'_> {
    Batches { rest: bytes }
}

impl<'a> Batches<'a> {
    /// The bytes that were not returned yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<(Header, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match Header::parse(self.rest) {
            Ok(header) => {
                let (batch, rest) = self.rest.split_at_checked(header.size())?;
                self.rest = rest;
                Some(Ok((header, batch)))
            }
            Err(Malformed::TooShort { .. }) => None,
            Err(malformed) => {
                self.rest = &[];
                Some(Err(malformed))
            }
        }
    }
}

/// The one batch that a client sends per partition: `records` must hold exactly that, or the answer
/// is `INVALID_RECORD` (Produce from version 3 on).
pub fn sole(records: Option<&[u8]>) -> Result<&[u8], InvalidBatch> {
    let records = records.unwrap_or_default();
    if records.is_empty() {
        return Err(InvalidBatch::new(
            ErrorCode::InvalidRecord,
            "the request holds no record batch for this partition",
        ));
    }
    let header = Header::parse(records)?;
    if header.size() == records.len() {
        return Ok(records);
    }
    Err(InvalidBatch::new(
        ErrorCode::InvalidRecord,
        "the request must hold exactly one whole record batch per partition",
    ))
}
