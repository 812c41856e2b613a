//! The study as a program: what it prints, what it writes, and that it leaves nobody behind.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::marked;

/// A study that its servers can be told by: they inherit the mark.
fn study(mark: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    command.arg("study").args(args).env("DORMOUSE_TEST_MARK", mark);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn first_cells(table: &str) -> Vec<&str> {
    table.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn a_study_prints_a_row_per_model_and_writes_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let args = ["--models", "async,blocking,async", "--duration", "600ms", "--connections", "8"];
    let mut command = study("whole", &args);
    let output = command.arg("--json").arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = stdout(&output);
    let rows: Vec<_> = first_cells(&printed)
        .into_iter()
        .filter(|cell| ["blocking", "async", "mio"].contains(cell))
        .collect();
    assert_eq!(rows[..2], ["blocking", "async"], "{printed}");
    assert!(printed.contains("1 of 8 served"), "{printed}");

    let figures: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(figures["schema"], "dormouse-study/1");
    assert_eq!(figures["settings"]["connections"], 8);
    let [blocking, asynchronous] = &figures["models"].as_array().unwrap()[..] else {
        panic!("{figures}")
    };
    assert_eq!((&blocking["model"], &asynchronous["model"]), (&"blocking".into(), &"async".into()));
    assert!(blocking["idle"]["memory_per_connection"]["missing"].is_string(), "{blocking}");
    assert_eq!(blocking["full"]["load"]["queued"], 7);
    for phase in ["full", "rate", "idle"] {
        let findings = &asynchronous[phase];
        assert_eq!(findings["load"]["corrupt"], 0, "{findings}");
        assert_eq!(findings["load"]["served"], findings["load"]["connections"], "{findings}");
        assert!(findings["cpu_percent"].is_f64(), "{findings}");
        assert!(findings["stats"]["bytes_in"].as_u64() > Some(0), "{findings}");
    }
    assert!(asynchronous["rate"]["load"]["latency_us"]["p50"].as_f64() > Some(0.0));
    assert_eq!(marked("whole"), 0, "a server is left");
}

#[test]
fn a_signal_ends_the_study_and_its_server() {
    for (signal, mark) in [(Signal::SIGTERM, "term"), (Signal::SIGINT, "int")] {
        let child = study(mark, &["--models", "mio", "--duration", "60s"]).spawn().unwrap();
        until(|| marked(mark) == 2);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(128 + signal as i32));
        until(|| marked(mark) == 0);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_after_the_table() {
    let args = ["--models", "mio", "--duration", "100ms", "--json", "/nowhere/figures.json"];
    let output = study("file", &args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("/nowhere/figures.json") && said.contains("--json"), "{said}");
    assert!(first_cells(&stdout(&output)).contains(&"mio"), "what was measured is still printed");
}

/// Waits for what happens soon.
fn until(happens: impl Fn() -> bool) {
    let begin = Instant::now();
    while !happens() {
        assert!(begin.elapsed() < Duration::from_secs(10), "it did not happen");
        thread::sleep(Duration::from_millis(20));
    }
}
