//! How many elements of each kind make sense in one request.

/// Topics or other resources in one request: more than a cluster has.
pub(super) const TOPICS: usize = 100_000;
/// Partitions of one topic.
pub(super) const PARTITIONS: usize = 100_000;
/// Replicas of one partition.
pub(super) const REPLICAS: usize = 1_000;
/// Settings of one topic or broker: a few times more than there are.
pub(super) const SETTINGS: usize = 2_000;
/// Groups or transactional ids in one request. Each may be answered in hundreds of bytes, however
/// short its name is: the cap bounds the answer too.
pub(super) const GROUPS: usize = 10_000;
/// Log directories of one broker.
pub(super) const DIRECTORIES: usize = 1_000;
/// Members of one group.
pub(super) const MEMBERS: usize = 10_000;
/// Assignors that one member offers; real ones offer one to three.
pub(super) const PROTOCOLS: usize = 100;
/// States or types to filter by; there are fewer than ten of each.
pub(super) const FILTERS: usize = 100;
/// Passwords in one request.
pub(super) const USERS: usize = 10_000;
/// Listeners of one broker.
pub(super) const LISTENERS: usize = 100;
/// Features of one broker.
pub(super) const FEATURES: usize = 100;
/// The one topic and partition of the quorum.
pub(super) const QUORUM: usize = 10;
/// Entries of the access control lists in one request: its records are one batch of the metadata
/// log.
pub(super) const ACLS: usize = 10_000;
/// Filters for entries of the access control lists in one request. Each is held against all entries
/// and may be answered with all of them.
pub(super) const ACL_FILTERS: usize = 1_000;
/// Entities whose quotas one request changes: its records are one batch of the metadata log.
pub(super) const QUOTA_ENTITIES: usize = 10_000;
/// Types, filters or quotas of one entity; there are fewer than ten of each.
pub(super) const QUOTA_PARTS: usize = 100;
/// Who may renew one delegation token: its record is kept by every broker.
pub(super) const TOKEN_RENEWERS: usize = 1_000;
/// Owners whose delegation tokens are asked for at a time.
pub(super) const TOKEN_OWNERS: usize = 10_000;
