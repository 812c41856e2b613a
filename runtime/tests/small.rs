//! What the runtime promises of itself: that its heart is small, what it does without, and that
//! each dependency has a reason.
//!
//! Seen to fail when the watchdog gets a thread, and when the reactor names a task.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};

/// The way through the runtime, from a task to the loop: see DESIGN.md.
const PATH: [&str; 7] = [
    "task.rs",
    "executor.rs",
    "source.rs",
    "reactor.rs",
    "timer.rs",
    "net/async_io.rs",
    "runtime.rs",
];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(here(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All source files, by their path from `src/`.
fn sources() -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![here("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(here("src")).unwrap().display().to_string());
            }
        }
    }
    found
}

#[test]
fn the_heart_is_read_in_an_evening() {
    let lines = |file: &str| read(&format!("src/{file}")).lines().count();
    let path: usize = PATH.iter().map(|file| lines(file)).sum();
    assert!(path <= 1500, "the path has {path} lines");
    for file in sources() {
        assert!(lines(&file) <= 300, "{file} has {} lines", lines(&file));
    }
}

/// A source file without its comments.
fn code(file: &str) -> String {
    let text = read(&format!("src/{file}"));
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_is_unchecked() {
    const FORBIDDEN: &str = "#![forbid(unsafe_code)]";
    assert!(read("src/lib.rs").contains(FORBIDDEN));
    for file in sources() {
        assert!(!code(&file).replace(FORBIDDEN, "").contains("unsafe"), "{file}");
    }
}

#[test]
fn it_begins_no_thread_and_blocks_in_one_place() {
    const BEGINS: [&str; 3] = ["thread::spawn", "thread::scope", "thread::Builder"];
    const BLOCKS: [&str; 5] = ["thread::sleep", "thread::park", "Condvar", "Barrier", "sync::mpsc"];
    let mut waits = Vec::new();
    for file in sources() {
        let code = code(&file);
        for word in BEGINS.iter().chain(&BLOCKS) {
            assert!(!code.contains(word), "{file} has {word}");
        }
        waits.extend(code.matches(".poll(&mut events").map(|_| file.clone()));
    }
    assert_eq!(waits, ["reactor.rs"], "who waits for the kernel");
}

#[test]
fn the_reactor_knows_wakers_only() {
    let code = code("reactor.rs");
    for word in ["task", "Task", "executor", "Executor", "queue"] {
        assert!(!code.contains(word), "it has {word}");
    }
}

#[test]
fn each_dependency_has_a_reason() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let mut dependencies = 0;
    let mut before = "";
    for line in section.lines().filter(|line| !line.is_empty()) {
        if !line.starts_with('#') {
            assert!(before.starts_with('#'), "no reason is given for {line}");
            dependencies += 1;
        }
        before = line;
    }
    assert_eq!(dependencies, 9, "README.md says how many there are");
}
