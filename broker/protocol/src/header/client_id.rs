//! A client id that is read with every request and hardly ever long.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes that need no memory of their own.
const INLINE: usize = 30;

/// What a client calls itself. Up to 30 bytes are kept in place, so that reading a header does not
/// allocate; nothing of the request's buffer is held on to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Repr);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Short { len: u8, bytes: [u8; INLINE] },
    Long(Arc<str>),
}

impl ClientId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Short { len, bytes } => bytes
                .get(..usize::from(*len))
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .expect("made from a str of at most 30 bytes"),
            Repr::Long(text) => text,
        }
    }
}

impl From<&str> for ClientId {
    fn from(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        let (Some(place), Ok(len)) = (bytes.get_mut(..text.len()), u8::try_from(text.len())) else {
            return ClientId(Repr::Long(text.into()));
        };
        place.copy_from_slice(text.as_bytes());
        ClientId(Repr::Short { len, bytes })
    }
}

impl Deref for ClientId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
