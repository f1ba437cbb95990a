//! The client's commands against a cluster of `up`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use crate::harness::{Folder, Process, cluster, free_port, topic};

/// A cluster with the topics given by name and the rest of their specs.
fn running(folder: &Folder, topics: &[(&str, &str)]) -> (Process, SocketAddr) {
    let topics: String = topics.iter().map(|(name, rest)| topic(name, rest)).collect();
    folder.write("demo.yaml", &(cluster(free_port()) + &topics));
    let mut up = Process::up(folder, "demo.yaml");
    let address = up.ready();
    (up, address)
}

fn command(address: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kastellan"));
    command.args(arguments).env("KASTELLAN_BOOTSTRAP", address.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command on some input, to its end.
fn run(address: SocketAddr, arguments: &[&str], input: &str) -> Output {
    let mut child = command(address, arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // a command that fails early reads nothing
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What a command that must succeed prints.
fn said(address: SocketAddr, arguments: &[&str], input: &str) -> String {
    let output = run(address, arguments, input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that must fail complains about, and its exit code.
fn complaint(address: SocketAddr, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let output = run(address, arguments, input);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_produce_writes_consume_prints() {
    let folder = Folder::new();
    let (up, at) = running(&folder, &[("t", "partitions: 1")]);
    let arguments = ["produce", "t", "-k", ":", "--null", "NULL", "-H", "source=test"];
    said(at, &arguments, "a:1\nb:NULL\nc:3 and more\n");
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        said(at, &["produce", "t", "-z", codec], &format!("{codec}\n"));
    }
    assert_eq!(
        said(at, &["consume", "t", "-k", "=", "--null", "nil", "--offsets"], ""),
        "0:0\ta=1\n0:1\tb=nil\n0:2\tc=3 and more\n0:3\tnil=gzip\n0:4\tnil=snappy\n0:5\tnil=lz4\n\
         0:6\tnil=zstd\n"
    );
    assert_eq!(said(at, &["consume", "t", "--from", "-2", "-n", "1"], ""), "lz4\n");
    assert_eq!(said(at, &["consume", "t", "--from", "6"], ""), "zstd\n");
    assert_eq!(said(at, &["consume", "t", "--from", "end"], ""), "");
    assert_eq!(said(at, &["consume", "t", "--from", "1h", "-n", "1"], ""), "1\n");
    let first = json(&said(at, &["consume", "t", "-n", "1", "-o", "json"], ""));
    assert_eq!(first["key"], "a");
    assert_eq!(first["headers"][0]["value"], "test");
    up.stop();
}

#[test]
fn a_hundred_thousand_lines_arrive_in_order_whole_and_once() {
    let folder = Folder::new();
    let (up, at) = running(&folder, &[("t", "partitions: 1"), ("many", "partitions: 7")]);
    let input: Vec<_> = (0..100_000).map(|number| format!("line {number}\n")).collect();
    let input = input.concat();
    said(at, &["produce", "t", "-z", "lz4"], &input);
    assert_eq!(said(at, &["consume", "t"], ""), input);
    let summary = json(&said(at, &["produce", "many", "-o", "json"], &input));
    assert_eq!(summary["records"], 100_000);
    let printed = said(at, &["consume", "many"], "");
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_by_key(|line| line.strip_prefix("line ").unwrap().parse::<u32>().unwrap());
    assert!(lines.iter().copied().eq(input.lines()));
    up.stop();
}

#[test]
fn who_types_is_not_kept_waiting_and_who_follows_sees_it() {
    let folder = Folder::new();
    let (up, at) = running(&folder, &[("t", "partitions: 1")]);
    let mut reader = command(at, &["consume", "t", "--follow"]).spawn().unwrap();
    let mut lines = BufReader::new(reader.stdout.take().unwrap()).lines();
    let mut writer = command(at, &["produce", "t"]).spawn().unwrap();
    let mut stdin = writer.stdin.take().unwrap();
    for word in ["one", "two"] {
        writeln!(stdin, "{word}").unwrap();
        // the input is still open
        assert_eq!(lines.next().unwrap().unwrap(), word);
    }
    drop(stdin);
    assert!(writer.wait().unwrap().success());
    reader.kill().unwrap();
    reader.wait().unwrap();
    up.stop();
}

#[test]
fn a_group_reads_on_where_it_was_and_its_offsets_move_when_told_to() {
    let folder = Folder::new();
    let (up, at) = running(&folder, &[("t", "partitions: 1")]);
    said(at, &["produce", "t"], "1\n2\n3\n");
    assert_eq!(said(at, &["consume", "t", "-g", "riders", "-n", "2"], ""), "1\n2\n");
    let group = &json(&said(at, &["groups", "-o", "json"], ""))[0];
    assert_eq!((&group["name"], &group["lag"]), (&"riders".into(), &1.into()));
    assert!(group["lagSeconds"].as_f64().unwrap() >= 0.0);
    assert_eq!(said(at, &["consume", "t", "-g", "riders"], ""), "3\n");
    assert_eq!(said(at, &["consume", "t", "-g", "riders"], ""), "");

    let reset = ["groups", "reset-offsets", "riders", "--topic", "t", "--shift-by", "-2"];
    let moves = json(&said(at, &[&reset[..], &["-o", "json"]].concat(), ""));
    assert_eq!((&moves[0]["from"], &moves[0]["to"]), (&3.into(), &1.into()));
    assert_eq!(said(at, &["consume", "t", "-g", "riders"], ""), "", "that was a dry run");
    said(at, &[&reset[..], &["--execute"]].concat(), "");
    assert_eq!(said(at, &["consume", "t", "-g", "riders"], ""), "2\n3\n");
    said(at, &["groups", "delete", "riders"], "");
    assert_eq!(said(at, &["groups", "-o", "json"], ""), "[]\n");
    up.stop();
}

#[test]
fn topics_come_change_and_go() {
    let folder = Folder::new();
    let (up, at) = running(&folder, &[]);
    let create = ["topics", "create", "orders", "--partitions", "2"];
    let dry = said(at, &[&create[..], &["--dry-run"]].concat(), "");
    assert_eq!(dry, "topic/orders created (dry run)\n");
    assert_eq!(said(at, &["topics", "-o", "json"], ""), "[]\n");
    assert_eq!(said(at, &create, ""), "topic/orders created\n");
    assert!(complaint(at, &create, "").1.contains("TopicAlreadyExists"));
    said(at, &[&create[..], &["--if-not-exists"]].concat(), "");
    let alter = ["topics", "alter", "orders", "--partitions", "3", "--config", "retention.ms=5000"];
    said(at, &alter, "");
    let topic = &json(&said(at, &["topics", "describe", "orders", "-o", "json"], ""))[0];
    assert_eq!(topic["partitions"].as_array().unwrap().len(), 3);
    assert_eq!(topic["config"][0]["value"], "5000");
    said(at, &["topics", "alter", "orders", "--unset", "retention.ms"], "");
    let topic = &json(&said(at, &["topics", "describe", "orders", "-o", "json"], ""))[0];
    assert_eq!(topic["config"], serde_json::json!([]));
    said(at, &["topics", "delete", "orders"], "");
    let status = json(&said(at, &["status", "-o", "json"], ""));
    assert_eq!((&status["topics"], &status["brokers"][0]["id"]), (&0.into(), &0.into()));
    assert!(said(at, &["status"], "").contains("controller"));
    up.stop();
}

#[test]
fn mistakes_are_told_with_the_way_out() {
    let folder = Folder::new();
    let (up, at) = running(&folder, &[("greetings", "partitions: 1")]);
    let (code, said) = complaint(at, &["consume", "greeting"], "");
    assert_eq!(code, Some(1));
    assert_eq!(
        said,
        "error: there is no topic \"greeting\"\n  help: did you mean \"greetings\"?\n"
    );
    let (_, said) = complaint(at, &["produce", "greetings", "-k", ":"], "a:1\nno key\n");
    assert!(said.contains("line 2 has no \":\" between key and value"), "{said}");
    let (_, said) = complaint(at, &["consume", "greetings", "-p", "7"], "");
    assert!(said.contains("has no partition 7, only 1"), "{said}");
    let (_, said) =
        complaint(at, &["topics", "alter", "greetings", "--config", "retention.m=1"], "");
    assert!(said.contains("did you mean \"retention.ms\"?"), "{said}");
    let (code, said) = complaint(at, &["topics", "--bootstrap", "nowhere"], "");
    assert_eq!(code, Some(2));
    assert!(said.contains("--bootstrap: \"nowhere\" is not HOST:PORT"), "{said}");
    let nobody = format!("127.0.0.1:{}", free_port());
    let (code, said) = complaint(at, &["status", "--bootstrap", &nobody], "");
    assert_eq!(code, Some(1));
    assert!(said.starts_with(&format!("error: no broker answers: {nobody}: ")), "{said}");
    assert!(said.contains("help: is it running? `kastellan up FILE` starts one here"), "{said}");
    up.stop();
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = Folder::new();
    let (up, at) = running(&folder, &[("t", "partitions: 1")]);
    let line = |number| format!("a line with the number {number}\n");
    let input = (0..200_000).map(line).collect::<Vec<_>>().concat();
    said(at, &["produce", "t"], &input);
    for arguments in [&["consume", "t"][..], &["consume", "t", "-g", "g"]] {
        let mut child = command(at, arguments).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        drop(reader);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
    }
    up.stop();
}

#[test]
fn completions_are_scripts_that_name_the_commands() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    for shell in ["bash", "zsh", "fish"] {
        let script = said(nowhere, &["completions", shell], "");
        assert!(script.contains("reset-offsets") && script.contains("consume"), "{shell}");
    }
}
