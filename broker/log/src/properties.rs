//! `meta.properties`: which cluster and node a directory belongs to, as Kafka 4 writes it.

use std::io;

use kastellan_core::id::{uuid_from_text, uuid_to_text};
use uuid::Uuid;

use crate::{
    disk::{Disk, read_file, replace_file},
    error::{Doing, Error},
    name,
};

/// Who a directory belongs to.
#[expect(clippy::struct_field_names, reason = "the names are those in the file")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// The cluster's id, any text without spaces; Kafka's are uuids.
    pub cluster_id: String,
    /// The broker's node id; 0 or more.
    pub node_id: i32,
    /// This directory's own id (KIP-858).
    pub directory_id: Uuid,
}

impl Properties {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { cluster_id, node_id, directory_id } = self;
        let directory_id = uuid_to_text(*directory_id);
        format!("#\ncluster.id={cluster_id}\ndirectory.id={directory_id}\nnode.id={node_id}\nversion=1\n")
            .into_bytes()
    }

    /// Reads the file; says what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_not_utf8| "it is no text")?;
        let value = |key: &str| {
            let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
            lines.find_map(|line| line.split_once('=').filter(|(name, _)| name.trim() == key))
        };
        let value = |key: &str| value(key).map(|(_, value)| value.trim());
        if value("version") != Some("1") {
            return Err("it has no version=1");
        }
        let node_id = value("node.id").and_then(|id| id.parse().ok()).filter(|id| *id >= 0);
        let directory_id = value("directory.id").and_then(uuid_from_text);
        let cluster_id = value("cluster.id").filter(|id| !id.is_empty());
        Ok(Self {
            cluster_id: cluster_id.ok_or("it has no cluster.id")?.to_owned(),
            node_id: node_id.ok_or("it has no valid node.id")?,
            directory_id: directory_id.ok_or("it has no valid directory.id")?,
        })
    }

    /// Reads a directory's properties without taking the directory; `None` when it has none.
    pub fn read<D: Disk>(disk: &D, root: &std::path::Path) -> Result<Option<Self>, Error> {
        let path = root.join(name::META_PROPERTIES);
        let Some(bytes) = read_file(disk, &path).doing("read", &path)? else { return Ok(None) };
        Self::from_bytes(&bytes).map(Some).map_err(|why| Error::Properties { path, why })
    }

    pub(crate) fn write<D: Disk>(&self, disk: &D, root: &std::path::Path) -> io::Result<()> {
        replace_file(disk, &root.join(name::META_PROPERTIES), &self.to_bytes())
    }
}

/// The bytes of `partition.metadata`.
pub(crate) fn topic_id_to_bytes(topic_id: Uuid) -> Vec<u8> {
    format!("version: 0\ntopic_id: {}", uuid_to_text(topic_id)).into_bytes()
}

/// Reads `partition.metadata`.
pub(crate) fn topic_id_from_bytes(bytes: &[u8]) -> Option<Uuid> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("topic_id:"))
        .and_then(|id| uuid_from_text(id.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Properties {
        Properties {
            cluster_id: "5L6g3nShT-eMCtK--X86sw".to_owned(),
            node_id: 3,
            directory_id: Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        }
    }

    #[test]
    fn properties_survive_the_file_and_damage_is_named() {
        let bytes = sample().to_bytes();
        assert_eq!(Properties::from_bytes(&bytes), Ok(sample()));
        for cut in 0..bytes.len() - 1 {
            assert!(Properties::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        let kafka = b"#\n#Mon Nov 23 00:00:00 UTC 2026\ncluster.id=5L6g3nShT-eMCtK--X86sw\n\
            directory.id=ASNFZ4mrze8BI0VniavN7w\nnode.id=3\nversion=1\n";
        assert_eq!(Properties::from_bytes(kafka), Ok(sample()));
    }

    #[test]
    fn a_topic_id_survives_its_file() {
        let id = Uuid::from_u128(77);
        assert_eq!(topic_id_from_bytes(&topic_id_to_bytes(id)), Some(id));
        assert_eq!(topic_id_from_bytes(b"version: 0\n"), None);
    }
}
