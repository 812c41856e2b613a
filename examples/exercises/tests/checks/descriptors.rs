//! A connection waits, and the process has no descriptor for it: in a child process, as the limit
//! is that of the whole process.

use std::env;
use std::fs::File;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::support::{LIMIT, listener, within_limit};
use crate::form::descriptors::Acceptor;

/// Set in the child.
const CHILD: &str = "DORMOUSE_EXERCISES_CHILD";

/// So long it stays at the limit.
const SHORTAGE: Duration = Duration::from_millis(250);

/// Who has asked so often does not pause.
const STOP: u64 = 1000;

/// At once, after 100 ms, after 200 ms.
const ENOUGH: u64 = 3;

#[test]
fn at_the_limit_it_asks_now_and_then() {
    if env::var_os(CHILD).is_some() {
        return within_limit(accept_at_the_limit);
    }
    let name = concat!(module_path!(), "::at_the_limit_it_asks_now_and_then");
    let (_crate, name) = name.split_once("::").unwrap();
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").env("RUST_BACKTRACE", "0");
    let output = child.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let panic = errors.lines().skip_while(|line| !line.contains("panicked at")).nth(1);
    assert!(output.status.success(), "{}", panic.unwrap_or(&errors));
}

fn accept_at_the_limit() {
    let listener = listener();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut acceptor = Acceptor::new(listener).unwrap();
    let taken = take_all_descriptors();
    let began = Instant::now();
    while began.elapsed() < SHORTAGE && acceptor.asked() < STOP {
        acceptor.turn(SHORTAGE.saturating_sub(began.elapsed())).unwrap();
    }
    let asked = acceptor.asked();
    assert_eq!(acceptor.open(), 0, "there was no descriptor for it");

    // Nobody else connects: who waits already is to be served.
    drop(taken);
    let began = Instant::now();
    while acceptor.open() == 0 && began.elapsed() < LIMIT / 2 {
        acceptor.turn(LIMIT / 2).unwrap();
    }
    assert_eq!(acceptor.open(), 1, "there are descriptors again, and nobody is accepted");

    assert!(asked < STOP, "asked {asked} times, and stopped there; {ENOUGH} would do");
    assert!((1..=ENOUGH).contains(&asked), "asked {asked} times, and {ENOUGH} would do");
}

fn take_all_descriptors() -> Vec<File> {
    let limit = Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).unwrap();
    let null = File::open("/dev/null").unwrap();
    let mut taken = Vec::new();
    while let Ok(one_more) = null.try_clone() {
        taken.push(one_more);
    }
    taken.push(null);
    taken
}
