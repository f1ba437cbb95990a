//! kafka-metadata, fetched once per machine, and the schemas inside of it.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;

/// The release that our record versions follow.
const VERSION: &str = "4.1.0";

/// All schemas in the jar. `None`: it cannot be had, which has been said on stderr; under `CI=true`
/// that is a failure unless `KASTELLAN_ALLOW_SKIP=1`.
pub(super) fn schemas() -> Option<Vec<Value>> {
    static SCHEMAS: LazyLock<Result<Vec<Value>, String>> = LazyLock::new(|| read(&jar()?));
    let why = match SCHEMAS.clone() {
        Ok(schemas) => return Some(schemas),
        Err(why) => why,
    };
    let is = |name: &str, value: &str| env::var_os(name).is_some_and(|found| found == *value);
    let allowed = !is("CI", "true") || is("KASTELLAN_ALLOW_SKIP", "1");
    assert!(allowed, "upstream: {why} (set KASTELLAN_ALLOW_SKIP=1 to allow this in CI)");
    // not eprintln!: the test runner hides what passing tests print, and a skip has to be seen
    writeln!(io::stderr(), "SKIPPED upstream: {why}").expect("stderr is open");
    None
}

/// Fetched into a folder of its own and then moved, so that two runs do not read half a jar.
fn jar() -> Result<PathBuf, String> {
    let cache = match env::var_os("XDG_CACHE_HOME").filter(|base| !base.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => PathBuf::from(env::var_os("HOME").ok_or("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    let file = format!("kafka-metadata-{VERSION}.jar");
    let jars = cache.join("kastellan").join("jars");
    let jar = jars.join(&file);
    if jar.exists() {
        return Ok(jar);
    }
    let fetched = jars.join(format!("fetching-metadata-{}", std::process::id()));
    let artifact = format!("-Dartifact=org.apache.kafka:kafka-metadata:{VERSION}");
    let target = format!("-DoutputDirectory={}", fetched.display());
    let outcome = run(Command::new("mvn").args(["-q", "dependency:copy", &artifact, &target]))
        .and_then(|_| fs::rename(fetched.join(&file), &jar).map_err(|error| error.to_string()));
    if fetched.exists() {
        fs::remove_dir_all(&fetched).map_err(|error| error.to_string())?;
    }
    outcome.map(|()| jar).map_err(|why| format!("kafka-metadata cannot be fetched: {why}"))
}

/// A jar is a zip; all its schemas come as one JSON array, their comments taken out.
fn read(jar: &Path) -> Result<Vec<Value>, String> {
    const PYTHON: &str = "
import json, re, sys, zipfile
jar = zipfile.ZipFile(sys.argv[1])
names = [name for name in jar.namelist() if re.fullmatch('common/metadata/.*[.]json', name)]
texts = [jar.read(name).decode() for name in names]
plain = [re.sub('(?m)^ *//.*$', '', text) for text in texts]
json.dump([json.loads(text) for text in plain], sys.stdout)
";
    let text = run(Command::new("python3").args(["-c", PYTHON]).arg(jar))?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|error| format!("{program} cannot be run: {error}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(format!("{program} failed: {}", String::from_utf8_lossy(&said).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{program}: {error}"))
}
