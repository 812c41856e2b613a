//! SIGUSR1 shows what a running `async` server's tasks wait for, and harms nobody.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use nix::sys::signal::Signal;

use support::{Server, ask};

/// The lines of one snapshot: as many as its first one promises.
fn snapshot(server: &mut Server) -> Vec<String> {
    let first = server.line();
    let mut counts = first.split(';').map(|part| part.split_once("s: ").map(|(_, n)| n.parse()));
    let mut count = || counts.next().unwrap().unwrap().unwrap_or_else(|_| panic!("{first}"));
    let (tasks, sources): (usize, usize) = (count(), count());
    let rest = (0..tasks + sources + 2).map(|_| server.line()).collect::<Vec<_>>();
    [vec![first], rest].concat()
}

#[test]
fn a_signal_shows_the_tasks_and_what_they_wait_for() {
    let mut server = Server::start("async", &["--idle-timeout", "1h"]);
    let streams: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for _ in 0..2 {
        for stream in &streams {
            assert_eq!(ask(stream, b"here"), b"HERE");
        }
        server.signal(Signal::SIGUSR1);
        let lines = snapshot(&mut server);
        let text = lines.join("\n");
        assert!(
            lines[0].starts_with("tasks: 4; sources: 4; the next deadline is in 3599."),
            "{text}"
        );
        let count = |part| lines.iter().filter(|line| line.contains(part)).count();
        assert_eq!(
            (count("acceptor"), count("TcpListener"), count("TcpStream")),
            (1, 1, 3),
            "{text}"
        );
        // Each of the connections: a source, and a deadline.
        let waits =
            lines.iter().filter(|line| line.contains(" waits ") && line.contains("async.rs"));
        let waits: Vec<_> = waits.filter(|line| line.contains("read ")).collect();
        assert_eq!(waits.len(), 3, "{text}");
    }
    let stats = server.stop();
    assert_eq!(stats["bytes_in"], 24, "{stats}");
}

#[test]
fn each_shard_shows_its_own() {
    let mut server = Server::start("async", &["--shards", "2"]);
    // Enough that the kernel gives some to each, which have begun by then.
    for _ in 0..64 {
        assert_eq!(ask(&server.connect(), b"here"), b"HERE");
    }
    server.signal(Signal::SIGUSR1);
    let mut shards: Vec<String> = (0..2).map(|_| snapshot(&mut server)[0].clone()).collect();
    shards.sort();
    assert!(shards[0].starts_with("shard 1: tasks: "), "{shards:?}");
    assert!(shards[1].starts_with("shard 2: tasks: "), "{shards:?}");
    server.stop();
}
