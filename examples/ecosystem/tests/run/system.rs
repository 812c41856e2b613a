//! The examples that wait for the system itself: its peer is the kernel, or a process of it.

use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, kill_process};

use crate::example::{Process, has, run};

#[test]
fn signals_alone() {
    assert_eq!(run("signals", &[]), "SIGUSR1\nSIGUSR1\nSIGUSR1\nSIGTERM\n");
}

/// From this process, each after the one before was seen.
#[test]
fn signals_of_another_process() {
    let mut example = Process::start("signals", &["--serve"]);
    assert_eq!(example.line(), format!("process {}", example.pid()));
    for _ in 0..5 {
        kill_process(example.pid(), Signal::USR1).unwrap();
        assert_eq!(example.line(), "SIGUSR1");
    }
    kill_process(example.pid(), Signal::TERM).unwrap();
    assert_eq!(example.finish(), "SIGTERM\n");
}

#[test]
fn child_alone() {
    if has("tr") {
        let printed = run("child", &[]);
        assert_eq!(printed, "1048576 bytes through tr, and all are right; exit status: 0\n");
    }
}

/// It counts what the kernel says, not how often it looked: so it can't be early.
#[test]
#[cfg(target_os = "linux")]
fn timerfd_alone() {
    let begin = std::time::Instant::now();
    let printed = run("timerfd", &[]);
    let ran = begin.elapsed();
    let deadlines: u32 = printed.split(' ').next().unwrap().parse().unwrap();
    assert!(deadlines >= 40, "{printed}");
    assert!(ran >= deadlines * std::time::Duration::from_micros(250), "{ran:?}: {printed}");
}

#[test]
#[cfg(target_os = "linux")]
fn inotify_alone() {
    let printed = run("inotify", &[]);
    assert!(printed.ends_with("\nwritten: one\nwritten: two\nwritten: end\n"), "{printed}");
}

#[test]
#[cfg(target_os = "linux")]
fn inotify_sees_what_others_write() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("watched");
    std::fs::create_dir_all(&folder).unwrap();
    let mut example = Process::start("inotify", &[folder.to_str().unwrap()]);
    assert_eq!(example.line(), format!("watching {}", folder.display()));
    // A process of its own: from here a file may stay open for longer, in the child of a fork that
    // another test makes meanwhile.
    let write = "for n in $(seq 0 99) end; do echo content > \"$0/$n\"; done";
    let mut writer = Command::new("sh");
    assert!(writer.args(["-c", write]).arg(&folder).status().unwrap().success());
    for number in 0..100 {
        assert_eq!(example.line(), format!("written: {number}"));
    }
    assert_eq!(example.finish(), "written: end\n");
}

#[test]
#[cfg(target_os = "linux")]
fn regular_file_has_no_readiness() {
    let printed = run("regular_file", &[]);
    let lines = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let lines = lines.unwrap().lines().count();
    let expected = [
        "a pipe: can be waited for",
        "a file: PermissionDenied, Operation not permitted (os error 1)",
        &format!("{lines} lines, read on a thread that may wait"),
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}
