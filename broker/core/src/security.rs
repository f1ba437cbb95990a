//! Who may do what.

mod principal;

pub use principal::{BadPrincipal, Principal};
