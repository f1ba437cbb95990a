//! Who is there, and who may do what.

pub mod distinguished_name;
mod mapping;
mod principal;

pub use mapping::PrincipalMapping;
pub use principal::{BadPrincipal, Principal};
