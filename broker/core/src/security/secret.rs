//! What no log, answer or panic shows.

use std::fmt;

use ring::digest;
use subtle::ConstantTimeEq as _;

/// A password, a key or the like. It prints as `[hidden]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(pub T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Whether both are the same, in a time that does not depend on where they differ, nor on how long
/// the first is.
pub fn same_secret(known: &[u8], offered: &[u8]) -> bool {
    let digest = |bytes| digest::digest(&digest::SHA256, bytes);
    digest(known).as_ref().ct_eq(digest(offered).as_ref()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing() {
        assert_eq!(format!("{:?}", Secret("hunter2")), "[hidden]");
        assert!(same_secret(b"hunter2", b"hunter2") && !same_secret(b"hunter2", b"hunter"));
    }
}
