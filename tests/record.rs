//! A server that records, as a program: its file is there whole, agrees with what was counted, and
//! nobody who stopped reading keeps it from its end.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dormouse_study::record::event::{Kind, Recording};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::{DORMOUSE, Server, until};

fn serve(model: &str, args: &[&str], file: &Path) -> Command {
    let mut command = Command::new(DORMOUSE);
    command.arg("serve").args(model.split(' ')).args(["--addr", "127.0.0.1:0"]).args(args);
    command.arg("--record").arg(file);
    command
}

fn read(file: &Path) -> Recording {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// What was counted is what was recorded, call by call.
fn check(recording: &Recording) {
    let count = |kinds: &[Kind]| -> u64 {
        let events = recording.events.iter().filter(|event| kinds.contains(&event.kind));
        events.map(|event| event.count).sum()
    };
    let stats = recording.stats;
    assert_eq!(recording.dropped, 0);
    assert_eq!(recording.vain(), stats.vain(), "{stats:?}");
    assert_eq!(count(&[Kind::Read]), stats.reads);
    assert_eq!(count(&[Kind::Write]), stats.writes);
    assert_eq!(count(&[Kind::Wait, Kind::Park]), stats.waits);
    assert_eq!(count(&[Kind::Close]), stats.closed);
}

#[test]
fn the_last_look_at_a_silent_connection_is_recorded_too() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["threads", "mio", "async", "async --shards 2"] {
        let file = folder.path().join("silent.json");
        let server = Server::spawn(serve(model, &["--stats", "--idle-timeout", "20ms"], &file));
        for _ in 0..3 {
            let mut silent = server.connect();
            silent.write_all(b"once").unwrap();
            silent.read_exact(&mut [0; 4]).unwrap();
            // It is closed for its silence.
            assert_eq!(silent.read(&mut [0]).unwrap(), 0);
        }
        server.stop();
        check(&read(&file));
    }
}

#[test]
fn a_stdout_that_nobody_reads_keeps_no_recording_from_being_written() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["threads", "mio", "async"] {
        let file = folder.path().join("unread.json");
        let server = Server::spawn(serve(model, &["--print", "--stats"], &file));
        let mut peer = server.connect();
        peer.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let message = [b'x'; 4096];
        // Until the pipe is full, and the server waits to print what it has read.
        let silent = (0..1000).find_map(|_| {
            peer.write_all(&message).unwrap();
            peer.read_exact(&mut [0; 4096]).err()
        });
        assert_eq!(silent.unwrap().kind(), ErrorKind::WouldBlock, "{model} waits");
        server.stop_unheard(Signal::SIGTERM);
        let recording = read(&file);
        assert!(recording.stats.bytes_in > 4096);
        // Calls in vain of `async` are counted by its runtime, which can't be asked in mid-task.
        if model != "async" {
            assert_eq!(recording.vain(), recording.stats.vain(), "{model}");
        }
    }
}

#[test]
fn a_recording_comes_out_of_stdout_before_the_statistics() {
    let server = Server::spawn(serve("poll", &["--stats"], Path::new("-")));
    let mut peer = server.connect();
    peer.write_all(b"hello").unwrap();
    peer.read_exact(&mut [0; 5]).unwrap();
    let (lines, stats) = server.stop_and_read(Signal::SIGINT);
    let [recording] = &lines[..] else { panic!("{lines:?}") };
    let recording: Recording = serde_json::from_str(recording).unwrap();
    check(&recording);
    let counted = serde_json::to_value(recording.stats).unwrap();
    assert!(counted.as_object().unwrap().iter().all(|(key, value)| stats[key] == *value));
}

#[test]
fn a_file_that_cannot_be_written_is_named_before_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    for file in [folder.path().to_owned(), folder.path().join("nowhere/x.json")] {
        let output = serve("mio", &[], &file).output().unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(&*file.to_string_lossy()) && said.contains("--record"), "{said}");
    }
}

#[test]
fn a_file_that_turns_out_full_is_an_error_and_the_statistics_come_all_the_same() {
    let mut command = serve("mio", &["--stats"], Path::new("/dev/full"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.env("RUST_LOG", "warn").spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    assert!(support::first_line(&mut stdout).starts_with("listening on"));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    let mut end = None;
    until("the server ends", || {
        end = child.try_wait().unwrap();
        end.is_some()
    });
    assert_eq!(end.unwrap().code(), Some(1));
    let counted: Value = serde_json::from_str(&support::first_line(&mut stdout)).unwrap();
    assert_eq!(counted["model"], json!("mio"));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("/dev/full") && said.contains("--record"), "{said}");
}
