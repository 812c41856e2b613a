//! The command line: what is right does what it says, what is wrong costs one line.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;

use support::{DORMOUSE, Server, ask, until};

fn dormouse(args: &[&str]) -> Output {
    Command::new(DORMOUSE).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Exactly one line on stderr, which names all of `names`; nothing on stdout.
fn fails(args: &[&str], status: i32, names: &[&str]) {
    let output = dormouse(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    for name in names {
        assert!(said.contains(name), "{args:?} does not name {name}: {said}");
    }
    assert!(output.stdout.is_empty(), "{args:?}");
}

#[test]
fn wrong_use_is_one_line_and_status_two() {
    fails(&["serve"], 2, &["MODEL"]);
    fails(&["serve", "epoll"], 2, &["epoll", "async"]);
    fails(&["serve", "mio", "--buffer", "0"], 2, &["--buffer", "0"]);
    fails(&["serve", "mio", "--addr", "nowhere"], 2, &["--addr", "nowhere"]);
    fails(&["serve", "mio", "--reply", "loud"], 2, &["loud", "upper"]);
    fails(&["serve", "async", "--every", "1ms"], 2, &["--every", "nonblocking"]);
    fails(&["serve", "blocking", "--max-connections", "2"], 2, &["--max-connections", "one at"]);
    fails(&["serve", "poll", "--max-connections", "0"], 2, &["--max-connections", "1 or more"]);
    fails(&["serve", "signal", "--idle-timeout", "5"], 2, &["--idle-timeout", "500ms"]);
    fails(&["serve", "mio", "--shards", "2"], 2, &["--shards", "'mio'", "only for 'async'"]);
    fails(&["serve", "async", "--shards", "0"], 2, &["--shards", "'0'", "1 to 256", "auto"]);
    fails(&["serve", "async", "--shards", "257"], 2, &["--shards", "'257'", "1 to 256"]);
    fails(&["serve", "async", "--shards", "many"], 2, &["--shards", "many", "auto"]);
    fails(&["serve", "async", "--hand-over"], 2, &["--shards"]);
    fails(&["client", "--every", "soon"], 2, &["--every", "soon"]);
    fails(&["client", "--count", "0"], 2, &["--count", "0"]);
    fails(&["load"], 2, &["--addr"]);
    fails(&["load", "--addr", "127.0.0.1:1", "--connections", "0"], 2, &["--connections"]);
    fails(&["load", "--addr", "127.0.0.1:1", "--pattern", "storm"], 2, &["storm", "pingpong"]);
    fails(&["study", "--models", "mio,epoll"], 2, &["epoll", "async"]);
    fails(&["study", "--duration", "0s"], 2, &["--duration", "0s"]);
    fails(&["dance"], 2, &["dance"]);
}

#[test]
fn a_failure_is_one_line_and_status_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&["serve", "mio", "--addr", &address], 1, &[&address, "in use"]);
    fails(&["serve", "async", "--shards", "2", "--addr", &address], 1, &[&address, "in use"]);
    drop(taken);
    // Shards share their port with each other, and with no other server.
    let server = Server::start("async", &["--shards", "2"]);
    let shared = server.address.to_string();
    for more in [&[][..], &["--shards", "2"], &["--shards", "2", "--hand-over"]] {
        let args = [&["serve", "async", "--addr", &shared], more].concat();
        fails(&args, 1, &[&shared, "another program"]);
    }
    fails(&["client", "--addr", &address], 1, &[&address, "refused"]);
    fails(&["load", "--addr", &address, "--duration", "1s"], 1, &[&address, "refused"]);
    fails(&["serve", "async", "--addr", "192.0.2.1:0"], 1, &["192.0.2.1:0"]);
}

#[test]
fn models_lists_each_on_a_line_name_first() {
    let output = dormouse(&["models"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        names,
        ["blocking", "threads", "nonblocking", "select", "poll", "mio", "signal", "uring", "async",]
    );
}

#[test]
fn help_is_there_for_each_command() {
    for args in [&["--help"][..], &["serve", "--help"], &["load", "--help"], &["study", "--help"]] {
        let output = dormouse(args);
        assert!(output.status.success() && !output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn the_client_prints_what_comes_back() {
    let server = Server::start("async", &[]);
    let address = server.address.to_string();
    let client = ["client", "--addr", &address, "--message", "good morning", "--every", "50ms"];
    let output = dormouse(&[&client[..], &["--count", "3"]].concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.replace('\n', ""), "GOOD MORNING".repeat(3));
}

#[test]
fn the_client_says_that_the_server_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || drop(listener.accept().unwrap()));
    fails(&["client", "--addr", &address, "--every", "50ms"], 1, &[&address, "left"]);
    server.join().unwrap();
}

#[test]
fn print_shows_each_message_with_its_peer_and_harms_no_terminal() {
    let mut command = Command::new(DORMOUSE);
    command.args(["serve", "async", "--addr", "127.0.0.1:0", "--print"]);
    let log = tempfile::NamedTempFile::new().unwrap();
    command.stdout(log.reopen().unwrap()).env("RUST_LOG", "off");
    let mut child = command.spawn().unwrap();
    let printed = || std::fs::read_to_string(log.path()).unwrap();
    until("it listens", || printed().ends_with('\n'));
    let address = printed().trim_end().rsplit(' ').next().unwrap().parse().unwrap();
    let stream = support::connect(address);
    ask(&stream, b"\x1b[2Jhello");
    let peer = stream.local_addr().unwrap();
    until("the message is printed", || printed().lines().count() == 2);
    assert_eq!(printed().lines().last().unwrap(), format!("{peer}: \\u{{1b}}[2Jhello"));
    child.kill().unwrap();
    child.wait().unwrap();
}
