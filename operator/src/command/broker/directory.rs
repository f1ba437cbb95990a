//! `--directory-id-file FILE`: the id that an empty directory is formatted under.

use std::io::ErrorKind;
use std::path::Path;

use kastellan_broker::{Config, FormatError, format};

use crate::failure::Failure;

/// Formats the directory with the metadata under the id in `file`, unless there is none or the
/// directory has one already.
pub(super) fn prepare(file: &Path, config: &Config) -> Result<(), Failure> {
    let id = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => String::new(),
        Err(why) => {
            return Err(Failure::new(format!("--directory-id-file {}: {why}", file.display())));
        }
    };
    let id = id.trim();
    let home = config.metadata_log_dir.as_ref().or(config.log_dirs.first());
    let (false, Some(home), Some(cluster)) = (id.is_empty(), home, &config.cluster_id) else {
        return Ok(());
    };
    match format(home, cluster, config.node_id, Some(id)) {
        Ok(_) => {
            tracing::info!(path = %home.display(), id, "formatted");
            Ok(())
        }
        // whose it is, the start finds out
        Err(FormatError::Formatted { .. }) => Ok(()),
        Err(why @ FormatError::NoId(_)) => {
            Err(Failure::usage(format!("--directory-id-file {}: {why}", file.display())))
        }
        Err(why) => Err(Failure::new(format!("format: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use kastellan_broker::Management;

    use super::*;

    #[test]
    fn an_empty_directory_gets_the_id_of_the_file_and_another_keeps_its_own() {
        let root = std::env::temp_dir().join(format!("kastellan-prepare-{}", uuid::Uuid::new_v4()));
        let (file, home) = (root.join("id"), root.join("data"));
        let config = Config {
            node_id: 1,
            cluster_id: Some("c".to_owned()),
            log_dirs: vec![home.clone()],
            metadata_log_dir: None,
            listeners: Vec::new(),
            management: Management::default(),
            peers: None,
            certificates: None,
            allowed_urls: Vec::new(),
            settings: BTreeMap::new(),
        };
        prepare(&file, &config).unwrap();
        assert!(!home.exists(), "there is no file");
        fs::create_dir_all(&root).unwrap();
        fs::write(&file, "seven").unwrap();
        assert!(prepare(&file, &config).unwrap_err().to_string().contains("not the id"));
        for id in ["AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"] {
            fs::write(&file, format!("{id}\n")).unwrap();
            prepare(&file, &config).unwrap();
            let properties = fs::read_to_string(home.join("meta.properties")).unwrap();
            assert!(properties.contains("AAAAAAAAAAAAAAAAAAAAAQ"), "{properties}");
        }
        fs::remove_dir_all(&root).unwrap();
    }
}
