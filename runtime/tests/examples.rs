//! The examples run, and what they claim of themselves holds.
#![allow(clippy::unwrap_used)]

use std::process::Command;

/// Runs an example, as a reader does, and returns what it prints. It ends by itself.
fn run(example: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--example", example]);
    let output = cargo.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example}: {}\n{said}{errors}", output.status);
    said
}

#[test]
fn an_idle_connection_needs_no_buffer() {
    let said = run("idle_without_buffer");
    print!("{said}");
    // "10000 idle connections: 380 bytes of heap for each, in all", or fewer, and why.
    let words: Vec<_> = said.split_whitespace().collect();
    let [count, "idle", "connections:", bytes, "bytes", ..] = words[..] else { panic!("{said}") };
    let (count, bytes): (u64, u64) = (count.parse().unwrap(), bytes.parse().unwrap());
    assert!(count == 10_000 || said.contains("the limit of descriptors"), "{said}");
    assert!((1..=600).contains(&bytes), "{said}");
}
