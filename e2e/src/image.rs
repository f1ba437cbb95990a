//! A container image without a container engine: an OCI archive (image-spec 1.1, image-layout)
//! with one layer. The same contents give the same bytes, so the same digest, everywhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// Nobody's user and group: what runs in the image needs no rights of its own.
pub const USER: &str = "65532:65532";

/// One file of the image.
#[derive(Debug)]
pub struct Entry {
    path: String,
    mode: u32,
    bytes: Vec<u8>,
}

impl Entry {
    /// Where it is in the image.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A program at `path` (as `usr/bin/kcat`).
    pub fn program(path: &str, bytes: Vec<u8>) -> Entry {
        Entry { path: path.to_owned(), mode: 0o755, bytes }
    }
}

/// The libraries that a program of this machine loads, each where it looks for it.
pub fn linked(program: &Path) -> Result<Vec<Entry>> {
    let output = Command::new("ldd").arg(program).output().context("cannot start ldd")?;
    let text = String::from_utf8(output.stdout)?;
    let files = text.split_whitespace().filter(|word| word.starts_with('/'));
    let entry = |file: &str| {
        let bytes = fs::read(file).with_context(|| format!("cannot read {file}"))?;
        Ok(Entry::program(file.trim_start_matches('/'), bytes))
    };
    files.map(entry).collect()
}

/// An image in memory.
#[derive(Debug)]
pub struct Archive {
    /// Path and contents of every file of the archive.
    files: Vec<(String, Vec<u8>)>,
    digest: String,
    name: String,
}

impl Archive {
    /// The image of `entries`, which runs `entrypoint`, under full names (as `localhost/pause:1`).
    /// In a name, `{}` stands for the first 12 digits of the digest of what is inside.
    pub fn new(names: &[&str], entrypoint: &[&str], entries: &[Entry]) -> Result<Archive> {
        let layer = layer(entries)?;
        let zipped = zip(&layer)?;
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": { "Entrypoint": entrypoint, "User": USER, "WorkingDir": "/" },
            "rootfs": { "type": "layers", "diff_ids": [sha256(&layer)] },
        });
        let config = config.to_string().into_bytes();
        let media = |kind: &str| format!("application/vnd.oci.image.{kind}");
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media("manifest.v1+json"),
            "config": descriptor(&media("config.v1+json"), &config),
            "layers": [descriptor(&media("layer.v1.tar+gzip"), &zipped)],
        });
        let manifest = manifest.to_string().into_bytes();
        let digest = sha256(&manifest);
        let short: String = hex(&digest).chars().take(12).collect();
        let names: Vec<String> = names.iter().map(|name| name.replace("{}", &short)).collect();
        let entry = |name: &String| {
            let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
            json!({
                "mediaType": media("manifest.v1+json"),
                "digest": digest,
                "size": manifest.len(),
                // the first is containerd's and Docker's, the second the specification's
                "annotations": {
                    "io.containerd.image.name": name,
                    "org.opencontainers.image.ref.name": tag,
                },
            })
        };
        let entries: Vec<Value> = names.iter().map(entry).collect();
        let index = json!({ "schemaVersion": 2, "manifests": entries });
        // the layout of `docker save`, for engines that know no other
        let docker = json!([{
            "Config": blob(&config),
            "RepoTags": names,
            "Layers": [blob(&zipped)],
        }]);
        let mut files = vec![
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), index.to_string().into_bytes()),
            ("manifest.json".to_owned(), docker.to_string().into_bytes()),
        ];
        files.extend([zipped, config, manifest].map(|bytes| (blob(&bytes), bytes)));
        let name = names.into_iter().next().unwrap_or_default();
        Ok(Archive { files, digest, name })
    }

    /// Its first name, as in a pod's `image`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of its manifest, as `sha256:...`.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Writes the archive.
    pub fn write(&self, file: &Path) -> Result<()> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, bytes) in &self.files {
            append(&mut archive, path, 0o644, bytes)?;
        }
        fs::write(file, archive.into_inner()?)
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

/// The image's only layer.
fn layer(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        append(&mut archive, &entry.path, entry.mode, &entry.bytes)?;
    }
    Ok(archive.into_inner()?)
}

/// No time and no owner: they would tell one build from the next.
fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(u64::try_from(bytes.len())?);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    Ok(archive.append_data(&mut header, PathBuf::from(path), bytes)?)
}

fn zip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    std::io::Write::write_all(&mut encoder, bytes)?;
    Ok(encoder.finish()?)
}

fn descriptor(media: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media, "digest": sha256(bytes), "size": bytes.len() })
}

/// The path of a blob in the archive.
fn blob(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", hex(&sha256(bytes)))
}

fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in digest(&SHA256, bytes).as_ref() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

/// Go's name of this machine's processor, which images are marked with.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use serde_json::Value;

    use super::{Archive, Entry, blob, sha256};
    use crate::suite::Scratch;

    fn archive(contents: &str) -> Archive {
        let entries = [Entry::program("kastellan", contents.into())];
        Archive::new(
            &["localhost/kastellan:{}", "docker.io/library/kastellan:1"],
            &["/kastellan"],
            &entries,
        )
        .unwrap()
    }

    fn written(archive: &Archive) -> BTreeMap<String, Vec<u8>> {
        let scratch = Scratch::new("image").unwrap();
        let file = scratch.path().join("image.tar");
        archive.write(&file).unwrap();
        let mut read = tar::Archive::new(std::fs::File::open(file).unwrap());
        let entries = read.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
        });
        entries.collect()
    }

    #[test]
    fn the_same_contents_give_the_same_bytes_and_others_another_name() {
        assert_eq!(archive("one").digest(), archive("one").digest());
        assert_eq!(written(&archive("one")), written(&archive("one")));
        assert_ne!(archive("one").name(), archive("two").name());
        assert!(archive("one").name().starts_with("localhost/kastellan:"));
    }

    #[test]
    fn every_digest_that_the_archive_names_is_there_and_true() {
        let files = written(&archive("contents"));
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let manifest = index["manifests"][0]["digest"].as_str().unwrap();
        let manifest = &files[&format!("blobs/sha256/{}", &manifest[7..])];
        let parsed: Value = serde_json::from_slice(manifest).unwrap();
        for descriptor in [&parsed["config"], &parsed["layers"][0]] {
            let digest = descriptor["digest"].as_str().unwrap();
            let bytes = &files[&format!("blobs/sha256/{}", &digest[7..])];
            assert_eq!(sha256(bytes), digest);
            assert_eq!(descriptor["size"], bytes.len());
        }
        assert!(files.contains_key(&blob(manifest)));
    }
}
