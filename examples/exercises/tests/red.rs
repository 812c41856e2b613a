//! Each exercise is red as it is shipped, and says so with its number: run as a reader runs it.
//!
//! `cargo test -p dormouse-exercises --test red -- --ignored` puts the mended forms in the place of
//! the exercises, in a copy: then the same command is green.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

#[path = "../../../tests/support/copy.rs"]
mod copy;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::copy::copy_sources;

/// An exercise, the check that is red, and what it says; `#` stands for a number.
const ROWS: [[&str; 3]; 12] = [
    ["block_on", "a_wake_is_one_poll", "polled 10000 times, and stopped there; 4 would do"],
    [
        "lost_wake",
        "a_wake_during_the_poll_is_followed_by_another",
        "it took 2 wakes until it was polled again, and 1 would do",
    ],
    [
        "newer_waker",
        "the_task_that_polled_last_is_woken",
        "the task that polled last was woken 0 times, and 1 would do; the first, 1",
    ],
    [
        "newest_first",
        "three_equal_tasks_keep_step",
        "one task was 100 polls ahead of another, and 1 would do",
    ],
    [
        "borrow",
        "a_waiter_may_wait_again_as_it_is_woken",
        "1 of 3 waiters were woken, and then it panicked",
    ],
    [
        "token",
        "an_event_is_not_for_who_came_later",
        "1 event of a closed socket reached a new one, and 0 would do",
    ],
    [
        "edge",
        "a_message_is_read_to_its_end",
        "read 16 of 60000 bytes, and then there was no event any more",
    ],
    [
        "halves",
        "the_reader_is_woken_when_something_comes",
        "the reader was woken 0 times, and 1 would do; the writer, for nothing, 1",
    ],
    [
        "deadline",
        "a_short_sleep_is_one_wait",
        "asked the kernel to wait # times in 10 sleeps, and 10 would do",
    ],
    ["partial_write", "every_byte_comes_back", "# of 4194304 bytes came back"],
    [
        "interest",
        "what_is_sent_is_no_reason_to_wake",
        "1000 waits returned with nothing to do, and stopped there; 0 would do",
    ],
    [
        "descriptors",
        "at_the_limit_it_asks_now_and_then",
        "asked 1000 times, and stopped there; 3 would do",
    ],
];

#[test]
fn each_exercise_is_red_and_says_its_number() {
    for [name, check, says] in ROWS {
        let output = run(&root(), &[name]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            !output.status.success(),
            "{name} is green: mended? `git checkout examples/exercises` makes it faulty again:\n{said}"
        );
        let results = results(&said);
        let own = format!("checks::{name}::");
        assert!(results.iter().all(|(test, _)| test.starts_with(&own)), "{name}: {results:?}");
        let red: Vec<_> = results.iter().filter(|(_, passed)| !passed).collect();
        assert_eq!(red, [&(format!("{own}{check}"), false)], "{name}: one check is red\n{said}");
        let line = said.lines().find(|line| fits(line, says));
        println!(
            "{name}: {}",
            line.unwrap_or_else(|| panic!("{name} does not say: {says}\n{said}"))
        );
    }
}

#[test]
#[ignore = "builds a copy of the package: run it by name"]
fn mended_in_its_place_each_exercise_is_green() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mended");
    copy_sources(&root(), &copy);
    let folder = copy.join("examples/exercises/src");
    for entry in fs::read_dir(folder.join("mended")).unwrap() {
        let mended = entry.unwrap().path();
        fs::copy(&mended, folder.join(mended.file_name().unwrap())).unwrap();
    }
    let output = run(&copy, &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "mended, and still red:\n{errors}{said}");
    let green = results(&said).len();
    assert!(green >= ROWS.len(), "{green} checks:\n{said}");
}

#[test]
fn there_is_no_exercise_without_a_row() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let numbered = |folder: &str| {
        let entries = fs::read_dir(sources.join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.as_bytes()[0].is_ascii_digit()).collect();
        names.sort();
        names
    };
    let rows = (1..).zip(ROWS).map(|(number, [name, ..])| format!("{number:02}_{name}.rs"));
    let rows: Vec<_> = rows.collect();
    assert_eq!(numbered(""), rows);
    assert_eq!(numbered("mended"), rows);
    let index = fs::read_to_string(sources.join("lib.rs")).unwrap();
    for ([name, ..], file) in ROWS.iter().zip(&rows) {
        let row = format!("//! | {} | `{name}` |", &file[..2]);
        assert!(index.contains(&row), "the table of lib.rs has a row for {file}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a reader types, after a `cd` to `root`. A copy builds in a folder of its own.
fn run(root: &Path, name: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root);
    cargo.args(["test", "-p", "dormouse-exercises", "--test", "exercises"]).args(name);
    cargo.env("RUST_BACKTRACE", "0").env("CARGO_TERM_COLOR", "never");
    if root != self::root() {
        cargo.env("CARGO_TARGET_DIR", root.join("target"));
    }
    cargo.output().unwrap()
}

/// Each check that was run, and whether it passed.
fn results(said: &str) -> Vec<(String, bool)> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    lines.map(|(check, result)| (check.to_owned(), result == "ok")).collect()
}

/// Whether `line` contains `pattern`, with a number for each `#`.
fn fits(line: &str, pattern: &str) -> bool {
    let (head, tail) = pattern.split_once('#').unwrap_or((pattern, ""));
    line.match_indices(head).any(|(at, _)| {
        let rest = &line[at + head.len()..];
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        pattern == head || (rest.len() > after.len() && after.starts_with(tail))
    })
}
