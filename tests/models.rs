//! What only one of the models can get wrong.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use clap::ValueEnum;
use dormouse_study::counters::Counters;
use dormouse_study::models::Model;
use dormouse_study::stop::Stop;
use nix::sys::signal::Signal;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use socket2::SockRef;
use support::{DORMOUSE, OPTIONS, Server, ask, connect, count_lines};

/// A server whose log can be read at its end.
fn start(model: &str, log: &str, set: impl Fn(&mut Command)) -> Server {
    let mut command = Command::new(DORMOUSE);
    command.args(["serve", model, "--addr", "127.0.0.1:0", "--stats"]);
    command.env("RUST_LOG", log).stderr(Stdio::piped());
    set(&mut command);
    Server::spawn_logging(command)
}

/// From now on the server may have so much and no more.
fn limit(server: &Server, resource: Resource, most: u64) {
    let pid = Pid::from_raw(server.pid().cast_signed());
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    prlimit(pid, resource, limit).unwrap();
}

/// Of these clients, those that the server answers; the others may be turned away before they have
/// said anything.
fn answered(streams: Vec<TcpStream>) -> Vec<TcpStream> {
    let is_answered = |stream: &mut TcpStream| {
        stream.write_all(b"?").is_ok() && matches!(stream.read(&mut [0]), Ok(1))
    };
    streams
        .into_iter()
        .filter_map(|mut stream| is_answered(&mut stream).then_some(stream))
        .collect()
}

/// Every message is answered, and every byte of the answer is right: `load` checks it.
fn load(server: &Server, connections: &str) -> Value {
    let load = Command::new(DORMOUSE)
        .args(["load", "--addr", &server.address.to_string(), "--json"])
        .args(["--connections", connections, "--duration", "2s"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&load.stderr);
    assert!(load.status.success(), "{said}");
    serde_json::from_slice(&load.stdout).unwrap()
}

/// The kernel then sends plain SIGIO, without a descriptor, and the server tries all sockets.
#[test]
fn signal_loses_nothing_when_its_queue_overflows() {
    for (queue, connections) in [(2, 64), (64, 1000)] {
        let log = "warn,dormouse_study::models::signal=debug";
        let mut server = start("signal", log, |_| {});
        limit(&server, Resource::Sigpending, queue);
        // Read while it serves, so that a full pipe does not keep it.
        let stderr = server.take_stderr();
        let counted = thread::spawn(move || count_lines(stderr, "queue of signals was full"));
        let report = load(&server, &connections.to_string());
        let stats = server.stop();
        let overflows = counted.join().unwrap();
        println!("queue of {queue}, {connections} clients: {overflows} overflows; {report}");
        assert!(overflows > 0, "the queue never was full: {stats}");
        assert_eq!(report["served"], connections, "{report}");
        assert_eq!((&report["queued"], &report["failed"]), (&0.into(), &0.into()), "{report}");
        assert!(report["messages"].as_u64() >= Some(connections), "{report}");
        assert_eq!(stats["bytes_in"], stats["bytes_out"], "{stats}");
    }
}

/// A hundred come and speak while it can't look, and its queue has room for four signals: it hears
/// that some were lost, and then all of them.
///
/// Seen to fail when the server takes the lost ones for nothing.
#[test]
fn signal_hears_a_hundred_who_came_while_its_queue_held_four() {
    const CLIENTS: usize = 100;
    let mut server = start("signal", "warn,dormouse_study::models::signal=debug", |_| {});
    limit(&server, Resource::Sigpending, 4);
    let stderr = server.take_stderr();
    let counted = thread::spawn(move || count_lines(stderr, "queue of signals was full"));
    // It has its queue, and listens, before it is stopped.
    ask(&server.connect(), b"hello");
    server.signal(Signal::SIGSTOP);
    let streams: Vec<TcpStream> = (0..CLIENTS).map(|_| server.connect()).collect();
    for (n, mut stream) in streams.iter().enumerate() {
        stream.write_all(format!("n {n:03}").as_bytes()).unwrap();
    }
    server.signal(Signal::SIGCONT);
    for (n, mut stream) in streams.iter().enumerate() {
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, format!("N {n:03}").as_bytes());
    }
    let stats = server.stop();
    assert!(counted.join().unwrap() >= 1, "its queue was never full: {stats}");
    assert_eq!(stats["accepted"], CLIENTS + 1, "{stats}");
}

/// On a thread that is not the main one, beside others that mask nothing: those, and the children
/// of the process, stay as they were, and so does its own mask when it has ended.
///
/// Seen to fail when the sockets signal the process instead of the thread (the process dies), when
/// what came before the arming is not tried, and when the mask is not put back.
#[test]
fn signal_leaves_other_threads_children_and_its_own_mask_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let breaker = listener.try_clone().unwrap();
    let server = thread::spawn(move || {
        let before = masked("/proc/thread-self/status");
        let counters = Arc::new(Counters::new("signal", false));
        let ended = Model::Signal.serve(listener, &OPTIONS, &counters, &Stop::default());
        (before, ended.unwrap_err(), masked("/proc/thread-self/status"))
    });
    for _ in 0..500 {
        // It speaks as soon as it is connected, before it is accepted or the socket armed.
        assert_eq!(ask(&connect(address), b"early"), b"EARLY");
    }
    let child = Command::new("cat").arg("/proc/self/status").output().unwrap();
    let status = String::from_utf8(child.stdout).unwrap();
    let nothing = format!("SigBlk:\t{:016x}", 0);
    assert!(status.lines().any(|line| line == nothing), "{status}");
    // With connections that still signal.
    let streams: Vec<_> = (0..10).map(|_| connect(address)).collect();
    for stream in &streams {
        ask(stream, b"hello");
    }
    SockRef::from(&breaker).shutdown(Shutdown::Both).unwrap();
    let (before, error, after) = server.join().unwrap();
    assert!(error.to_string().starts_with("accept: "), "{error}");
    assert_eq!(before, after);
}

/// The signals that a thread masks, as the kernel writes them.
fn masked(status: &str) -> String {
    let status = std::fs::read_to_string(status).unwrap();
    status.lines().find(|line| line.starts_with("SigBlk")).unwrap().into()
}

/// Descriptors from 1024 on are refused, with the limit's name; everybody else is served.
#[test]
fn select_refuses_what_does_not_fit_in_a_set() {
    const CLIENTS: usize = 1100;
    dormouse_study::limits::raise_descriptor_limit().unwrap();
    let server = start("select", "warn", |_| {});
    let own = server.descriptors();
    let mut streams: Vec<TcpStream> = (0..CLIENTS).map(|_| server.connect()).collect();
    let mut refused = 0;
    streams.retain(|mut stream| {
        // Who is refused may be so before it has said anything.
        let answered = stream.write_all(b"?").is_ok() && matches!(stream.read(&mut [0]), Ok(1));
        refused += usize::from(!answered);
        answered
    });
    assert_eq!(streams.len() + own, 1024, "{refused} were refused");
    // Whoever leaves makes room.
    streams.truncate(1000);
    let newcomer = loop {
        let mut stream = server.connect();
        if stream.write_all(b"?").is_ok() && matches!(stream.read(&mut [0]), Ok(1)) {
            break stream;
        }
    };
    for stream in streams.iter().step_by(100).chain([&newcomer]) {
        assert_eq!(ask(stream, b"still here"), b"STILL HERE");
    }
    drop((streams, newcomer));
    let (log, _) = server.stop_and_hear();
    let lines = log.lines().filter(|line| line.contains("FD_SETSIZE is 1024"));
    assert!(lines.count() >= refused, "{log}");
    assert!(log.lines().all(|line| line.contains("descriptor 10")), "{log}");
}

/// One that can have no buffer is turned away, and nobody else is hurt.
#[test]
fn no_memory_for_one_is_no_end_of_the_others() {
    const CLIENTS: usize = 6;
    for model in ["threads", "nonblocking", "select", "poll", "mio", "signal", "uring", "async"] {
        if let Err(why) = Model::from_str(model, false).unwrap().check() {
            println!("{model}: skipped: {why}");
            continue;
        }
        let server = start(model, "warn", |server| {
            server.args(["--buffer", &(512 << 20).to_string()]);
        });
        limit(&server, Resource::As, 2 << 30);
        let welcome = answered((0..CLIENTS).map(|_| server.connect()).collect());
        assert!(!welcome.is_empty() && welcome.len() < CLIENTS, "{model}: {}", welcome.len());
        for stream in &welcome {
            assert_eq!(ask(stream, b"still here"), b"STILL HERE", "{model}");
        }
        let refused = CLIENTS - welcome.len();
        let (log, _) = server.stop_and_hear();
        let lines = log.lines().filter(|line| line.contains("choose a smaller --buffer"));
        assert_eq!(lines.count(), refused, "{model}: {log}");
    }
}

/// Out of descriptors, accepting is tried again and again; that it fails is said once.
#[test]
fn a_shortage_is_logged_once() {
    for model in ["mio", "async"] {
        let mut server = start(model, "warn", |_| {});
        let first = server.connect();
        // Served: only now has the server opened all that it needs itself.
        ask(&first, b"in");
        limit(&server, Resource::Nofile, server.descriptors() as u64 + 1);
        let stderr = server.take_stderr();
        let said = thread::spawn(move || count_lines(stderr, "Too many open files"));
        let _others: Vec<TcpStream> = (0..3).map(|_| server.connect()).collect();
        let stats = until_counted(server, &first);
        assert!(stats["accepts"].as_u64() > Some(8), "it tried for a second: {stats}");
        assert_eq!(said.join().unwrap(), 1, "{model}: {stats}");
    }
}

/// Talks for a second, so that there is time for ten tries, and ends the server.
fn until_counted(server: Server, stream: &TcpStream) -> Value {
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_secs(1) {
        ask(stream, b"here");
        thread::sleep(std::time::Duration::from_millis(10));
    }
    server.stop()
}

/// Whoever is turned away was somebody, too: the next does not wait for a sleep to end.
#[test]
fn nonblocking_turns_many_away_in_one_round() {
    const TURNED_AWAY: u64 = 20;
    let server = start("nonblocking", "off", |server| {
        server.args(["--every", "300ms", "--max-connections", "1"]);
    });
    let stream = server.connect();
    ask(&stream, b"in");
    for mut stream in (0..TURNED_AWAY).map(|_| server.connect()).collect::<Vec<_>>() {
        assert!(!matches!(stream.read(&mut [0]), Ok(1..)));
    }
    let stats = server.stop();
    // Each of them would have cost a sleep.
    assert!(stats["waits"].as_u64() < Some(TURNED_AWAY / 2), "{stats}");
}

/// A thread that can't be started is that connection's end, and nobody else's.
#[test]
fn threads_turns_away_whom_it_has_no_thread_for() {
    const CLIENTS: usize = 40;
    // A big stack, so that the limit is met by a stack and not by something small.
    let big = |server: &mut Command| {
        server.env("RUST_MIN_STACK", (64 << 20).to_string());
    };
    let server = start("threads", "warn", big);
    limit(&server, Resource::As, 1500 << 20);
    let welcome = answered((0..CLIENTS).map(|_| server.connect()).collect());
    assert!(!welcome.is_empty() && welcome.len() < CLIENTS, "{} were served", welcome.len());
    for stream in &welcome {
        assert_eq!(ask(stream, b"still here"), b"STILL HERE");
    }
    let refused = CLIENTS - welcome.len();
    let (log, stats) = server.stop_and_hear();
    assert_eq!(stats["accepted"], CLIENTS, "{stats}");
    let lines = log.lines().filter(|line| line.contains("no thread can be started"));
    assert_eq!(lines.count(), refused, "{log}");
}
