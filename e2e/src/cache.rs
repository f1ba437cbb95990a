//! Downloads and builds that clones share: `$XDG_CACHE_HOME/kastellan/e2e/NAME-HASH`, keyed by the
//! lock files they follow from.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{FlockOperation, flock};

/// The folder of this crate in the work tree.
pub fn e2e() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A name for this work tree, the same in every run: 8 digits.
pub fn tree() -> String {
    let hash = extend(START, e2e().as_os_str().as_encoded_bytes());
    format!("{:08x}", hash >> 32)
}

/// The folder shared by all clones on this machine.
pub fn root() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME") {
        Some(base) if !base.is_empty() => PathBuf::from(base),
        _ => PathBuf::from(env::var_os("HOME").context("HOME is not set; set XDG_CACHE_HOME")?)
            .join(".cache"),
    };
    Ok(base.join("kastellan").join("e2e"))
}

/// The folder for `name` as it follows from the contents of `keys`; made by `build` (which fills
/// the folder it is given) unless it is there already. Other processes wait meanwhile; a build that
/// failed leaves nothing behind.
pub fn prepared(
    name: &str,
    keys: &[PathBuf],
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let root = root()?;
    fs::create_dir_all(&root)?;
    let done = root.join(format!("{name}-{:016x}", hash(keys)?));
    let lock = File::create(root.join(format!("{name}.lock")))?;
    flock(&lock, FlockOperation::LockExclusive)?;
    let mark = done.join(".complete");
    if !mark.exists() {
        if done.exists() {
            fs::remove_dir_all(&done)?;
        }
        fs::create_dir_all(&done)?;
        build(&done).with_context(|| format!("while preparing {name} in {}", done.display()))?;
        File::create(mark)?;
    }
    Ok(done)
}

/// A folder whose `node_modules` are those of the lock file in `source`.
pub fn node(name: &str, source: &Path) -> Result<PathBuf> {
    let keys = [source.join("package.json"), source.join("package-lock.json")];
    prepared(name, &keys, |folder| {
        for key in &keys {
            fs::copy(key, folder.join(key.file_name().unwrap_or_default()))?;
        }
        let options = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        run(Command::new("npm").args(options).current_dir(folder))
    })
}

/// What runs `script` of the Python client whose sources and requirements are in `clients/client`.
pub fn script(client: &str, script: &str) -> Result<Command> {
    let source = e2e().join("clients").join(client);
    let mut command = Command::new(python(&source.join("requirements.txt"))?);
    command.arg("-B").arg(source.join(script));
    Ok(command)
}

/// The interpreter of a virtual environment with the packages of `requirements`.
pub fn python(requirements: &Path) -> Result<PathBuf> {
    let folder = prepared("python", &[requirements.to_owned()], |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        run(Command::new(folder.join("bin/pip"))
            .args(["install", "-q", "--disable-pip-version-check", "-r"])
            .arg(requirements))
    })?;
    Ok(folder.join("bin/python"))
}

/// Runs a build command to its end; its output is shown only when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}:\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over the files: it need not resist anybody, only tell versions apart, the same on every
/// machine.
fn hash(files: &[PathBuf]) -> Result<u64> {
    let mut hash = START;
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        hash = extend(hash, &bytes);
    }
    Ok(hash)
}

fn extend(hash: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(hash, step)
}
