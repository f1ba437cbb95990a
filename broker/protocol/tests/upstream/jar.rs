//! Apache Kafka's own definitions of its messages and records: JSON files inside of its jars,
//! fetched and unpacked once per machine. Nothing of them is kept here.

use serde_json::Value;
use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The release that our versions follow.
const VERSION: &str = "4.1.0";

/// The definitions in one folder of one jar.
pub(super) struct Definitions(PathBuf);

impl Definitions {
    /// The `folder` of a jar of `org.apache.kafka`; one test program asks for one of them.
    /// `None`: it cannot be had, which has been said on stderr; under `CI=true` that is a failure
    /// unless `KASTELLAN_ALLOW_SKIP=1`.
    pub(super) fn open(artifact: &str, folder: &str) -> Option<Self> {
        // the tests of one run share one attempt
        static UNPACKED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let why = match UNPACKED.get_or_init(|| unpacked(artifact)) {
            Ok(jar) => return Some(Definitions(jar.join(folder))),
            Err(why) => why,
        };
        let is = |name: &str, value: &str| env::var_os(name).is_some_and(|found| found == *value);
        let allowed = !is("CI", "true") || is("KASTELLAN_ALLOW_SKIP", "1");
        assert!(allowed, "upstream: {why} (set KASTELLAN_ALLOW_SKIP=1 to allow this in CI)");
        // not eprintln!: the test runner hides what passing tests print, and a skip has to be seen
        writeln!(io::stderr(), "SKIPPED upstream: {why}").expect("stderr is open");
        None
    }

    /// All of them, by the name of their file, without their comments.
    pub(super) fn all(&self) -> impl Iterator<Item = (String, Value)> {
        let files = fs::read_dir(&self.0).expect("the jar has the folder");
        let paths = files.map(|file| file.expect("a file of the folder").path());
        let json = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
        json.map(|path| {
            let name = path.file_stem().expect("it has an ending").to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("it was just listed");
            let value = serde_json::from_str(&without_comments(&text));
            (name, value.expect("a definition is JSON with comments"))
        })
    }
}

/// Where the jar is unpacked: in a folder that is made apart and then moved, so that no run reads
/// what another has only half made.
fn unpacked(artifact: &str) -> Result<PathBuf, String> {
    let cache = match env::var_os("XDG_CACHE_HOME").filter(|base| !base.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => PathBuf::from(env::var_os("HOME").ok_or("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    let jars = cache.join("kastellan").join("jars");
    let place = jars.join(format!("{artifact}-{VERSION}"));
    if place.exists() {
        return Ok(place);
    }
    let fetched = jars.join(format!("fetching-{artifact}-{}", std::process::id()));
    let outcome = fetch(artifact, &fetched).and_then(|()| {
        // whoever was faster has made the same
        if place.exists() { Ok(()) } else { tell(fs::rename(fetched.join("unpacked"), &place)) }
    });
    if fetched.exists() {
        tell(fs::remove_dir_all(&fetched))?;
    }
    outcome.map(|()| place).map_err(|why| format!("{artifact} cannot be fetched: {why}"))
}

/// A jar is a zip: whichever of two common tools is there unpacks it.
fn fetch(artifact: &str, to: &Path) -> Result<(), String> {
    tell(fs::create_dir_all(to))?;
    let wanted = format!("-Dartifact=org.apache.kafka:{artifact}:{VERSION}");
    let target = format!("-DoutputDirectory={}", to.display());
    run(Command::new("mvn").args(["-q", "dependency:copy", &wanted, &target]))?;
    let (jar, unpacked) = (to.join(format!("{artifact}-{VERSION}.jar")), to.join("unpacked"));
    run(Command::new("unzip").arg("-q").arg(&jar).arg("-d").arg(&unpacked)).or_else(|first| {
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&jar).arg(&unpacked))
            .map_err(|second| format!("{first}; {second}"))
    })
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{program} failed: {}", String::from_utf8_lossy(&said).trim()))
}

fn tell(result: io::Result<()>) -> Result<(), String> {
    result.map_err(|error| error.to_string())
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
