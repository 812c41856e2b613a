//! The life of one wake, as `RUST_LOG=trace` tells it: sentence by sentence what DESIGN.md says.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::process::Command;

use support::{DORMOUSE, Server, ask, until};

/// The chapter of DESIGN.md, from its heading to the next.
fn chapter() -> String {
    let design = fs::read_to_string("DESIGN.md").unwrap();
    let (_, rest) = design.split_once("\n## One message's life\n").unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The sentences of the loop, from the first poll of task 1.2, which serves the only client.
fn sentences(log: &str) -> Vec<String> {
    let told = log.lines().filter_map(|line| line.split_once(" TRACE dormouse::observe] "));
    let told = told.map(|(_, sentence)| sentence.to_owned());
    told.skip_while(|sentence| sentence != "(1) task 1.2: polled").collect()
}

#[test]
fn the_log_tells_the_life_of_one_wake_as_the_chapter_does() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let told = || sentences(&fs::read_to_string(log.path()).unwrap());
    let parks = || told().iter().filter(|sentence| sentence.starts_with("(5)")).count();
    let mut command = Command::new(DORMOUSE);
    command.args(["serve", "async", "--addr", "127.0.0.1:0", "--stats"]);
    command.env("RUST_LOG", "trace").stderr(log.reopen().unwrap());
    let server = Server::spawn_talkative(&mut command);

    let stream = server.connect();
    // The new source's first event, 'writable', ends one park.
    until("the client's task waits", || parks() == 2);
    assert_eq!(ask(&stream, b"hello"), b"HELLO");
    until("it waits again", || parks() == 3);

    let shown = chapter();
    let shown: Vec<_> = shown.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(told(), shown);
    // The server's own lines stand where they happen.
    let log = fs::read_to_string(log.path()).unwrap();
    let mut rest = log.as_str();
    for word in ["connected", "(1) task 1.2: polled", "(9)", "says 5 bytes: hello", "(9)"] {
        let at = rest.find(word).unwrap_or_else(|| panic!("no {word:?} in order in:\n{log}"));
        rest = &rest[at + word.len()..];
    }
    drop(stream);
    server.stop_when_all_have_left();
}

#[test]
fn the_chapter_says_of_each_number_where_it_happens() {
    let chapter = chapter();
    let told = chapter.lines().filter_map(|line| line.strip_prefix("    (")?.split_once(") "));
    let mut numbers: Vec<u32> = told.map(|(number, _)| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let explained: Vec<u32> = rows.filter_map(|(number, _)| number.parse().ok()).collect();
    assert_eq!(numbers, explained);
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}
