//! Client quotas: what each user, client id and address may take (KIP-13, KIP-124, KIP-257,
//! KIP-546, KIP-599, KIP-612).

mod bucket;
mod entity;
mod filter;
mod key;
mod ledger;
mod limits;
mod rate;
#[cfg(test)]
mod tests;
mod values;

pub use bucket::Bucket;
pub use entity::{BadEntity, CLIENT_ID, IP, QuotaEntity, QuotaName, QuotaParts, USER};
pub use filter::{BadFilter, Match, QuotaFilter};
pub use key::{BadQuota, QuotaKey};
pub use ledger::{Ledger, MOST_ACCOUNTS};
pub use limits::{Account, Limit, QuotaMap};
pub use rate::{Rate, Windows};
pub use values::QuotaValues;
