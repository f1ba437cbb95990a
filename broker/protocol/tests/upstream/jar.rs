//! kafka-clients, fetched once per machine, and the definitions inside of it.

use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The release that our versions follow.
const VERSION: &str = "4.1.0";

/// The definitions, by the name of their file.
pub(super) struct Definitions {
    jar: PathBuf,
}

impl Definitions {
    /// Opens or fetches the jar. `None`: it cannot be had, which has been said on stderr; under
    /// `CI=true` that is a failure unless `KASTELLAN_ALLOW_SKIP=1`.
    pub(super) fn open() -> Option<Self> {
        // the tests of one run share one attempt
        static JAR: LazyLock<Result<PathBuf, String>> = LazyLock::new(jar);
        let opened = JAR.clone().and_then(|jar| {
            let definitions = Definitions { jar };
            definitions.try_read("RequestHeader").map(|_| definitions)
        });
        let why = match opened {
            Ok(definitions) => return Some(definitions),
            Err(why) => why,
        };
        let is = |name: &str, value: &str| env::var_os(name).is_some_and(|found| found == *value);
        let allowed = !is("CI", "true") || is("KASTELLAN_ALLOW_SKIP", "1");
        assert!(allowed, "upstream: {why} (set KASTELLAN_ALLOW_SKIP=1 to allow this in CI)");
        // not eprintln!: the test runner hides what passing tests print, and a skip has to be seen
        writeln!(io::stderr(), "SKIPPED upstream: {why}").expect("stderr is open");
        None
    }

    /// One definition, without its comments.
    pub(super) fn read(&self, name: &str) -> Value {
        self.try_read(name).expect("a definition in the jar")
    }

    fn try_read(&self, name: &str) -> Result<Value, String> {
        let entry = format!("common/message/{name}.json");
        let text = unzip(&self.jar, &entry)?;
        serde_json::from_str(&without_comments(&text)).map_err(|error| format!("{entry}: {error}"))
    }
}

/// Fetched into a folder of its own and then moved, so that two runs do not read half a jar.
fn jar() -> Result<PathBuf, String> {
    let cache = match env::var_os("XDG_CACHE_HOME").filter(|base| !base.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => PathBuf::from(env::var_os("HOME").ok_or("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    let file = format!("kafka-clients-{VERSION}.jar");
    let jars = cache.join("kastellan").join("jars");
    let jar = jars.join(&file);
    if jar.exists() {
        return Ok(jar);
    }
    let fetched = jars.join(format!("fetching-{}", std::process::id()));
    let mut target = OsString::from("-DoutputDirectory=");
    target.push(&fetched);
    let artifact = format!("-Dartifact=org.apache.kafka:kafka-clients:{VERSION}");
    let outcome = run(Command::new("mvn").args(["-q", "dependency:copy", &artifact]).arg(target))
        .and_then(|_| fs::rename(fetched.join(&file), &jar).map_err(|error| error.to_string()));
    if fetched.exists() {
        fs::remove_dir_all(&fetched).map_err(|error| error.to_string())?;
    }
    outcome.map(|()| jar).map_err(|why| format!("kafka-clients cannot be fetched: {why}"))
}

/// A jar is a zip: whichever of two common tools is there reads it.
fn unzip(jar: &Path, entry: &str) -> Result<String, String> {
    const PYTHON: &str = "import sys, zipfile; \
         sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
    run(Command::new("unzip").arg("-p").arg(jar).arg(entry)).or_else(|first| {
        run(Command::new("python3").args(["-c", PYTHON]).arg(jar).arg(entry))
            .map_err(|second| format!("{first}; {second}"))
    })
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

/// Kafka's definitions are JSON with `//` comments, which may hold quotes; strings may hold
/// slashes.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let (mut quoted, mut escaped, mut slash) = (false, false, false);
        for character in line.chars() {
            if !quoted && slash && character == '/' {
                kept.pop();
                break;
            }
            slash = character == '/';
            quoted ^= character == '"' && !escaped;
            escaped = quoted && character == '\\' && !escaped;
            kept.push(character);
        }
        kept.push('\n');
    }
    kept
}

#[test]
fn comments_are_taken_out_and_slashes_in_strings_stay() {
    let text = "{ // say \"no\"\n \"a\": \"http://x\\\"//y\", // z\n \"b\": 1 }";
    let value: Value = serde_json::from_str(&without_comments(text)).expect("plain JSON now");
    assert_eq!(value, serde_json::json!({"a": "http://x\"//y", "b": 1}));
}
