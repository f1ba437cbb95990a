//! The help texts, as they are read: a change of theirs is seen in review.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::Path;
use std::process::Command;

const UPDATE: &str = "KASTELLAN_UPDATE=1 cargo test -p kastellan-operator --test help";

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kastellan")).args(arguments).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn same(name: &str, arguments: &[&str]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help").join(name);
    let now = help(arguments);
    if std::env::var_os("KASTELLAN_UPDATE").is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == now, "tests/help/{name} is stale; it says now:\n{now}\nkeep it with: {UPDATE}");
}

#[test]
fn the_binary_lists_its_commands() {
    same("kastellan.txt", &["--help"]);
}

#[test]
fn up_says_what_it_reads_starts_prints_and_keeps() {
    same("up.txt", &["up", "--help"]);
}

#[test]
fn broker_says_what_it_prints_and_how_it_stops() {
    same("broker.txt", &["broker", "--help"]);
    same("format.txt", &["format", "--help"]);
}

#[test]
fn the_operator_says_what_it_watches_and_what_it_needs() {
    same("operator.txt", &["operator", "--help"]);
}

#[test]
fn the_clients_commands_have_examples_and_name_their_fields() {
    for command in ["topics", "groups", "produce", "consume", "status", "simulate", "completions"] {
        same(&format!("{command}.txt"), &[command, "--help"]);
    }
    same("groups-reset-offsets.txt", &["groups", "reset-offsets", "--help"]);
}

#[test]
fn help_fits_a_terminal() {
    let client = ["topics", "groups", "produce", "consume", "status", "simulate"];
    let client = client.map(|command| vec![command, "-h"]);
    let own = [vec!["--help"], vec!["up", "-h"], vec!["broker", "-h"], vec!["operator", "-h"]];
    for arguments in own.into_iter().chain(client) {
        let text = help(&arguments);
        assert!(text.contains("Usage: kastellan"), "{text}");
        // a usage line is not broken by clap
        let wide = |line: &&str| line.len() > 84 && !line.starts_with("Usage: ");
        assert_eq!(text.lines().find(wide), None);
    }
}
