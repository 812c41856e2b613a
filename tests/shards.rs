//! What several shards must do together that one server does alone.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use dormouse_study::counters::Counters;
use dormouse_study::listen::bind_shared;
use dormouse_study::models::shards;
use dormouse_study::stop::Stop;
use socket2::SockRef;
use support::{DORMOUSE, OPTIONS, Server, ask, connect, stream_through, until};

/// Both ways to come to a shard.
const WAYS: [&[&str]; 2] = [&[], &["--hand-over"]];

/// Two shards, whose log can be read.
fn start(args: &[&str]) -> Server {
    let mut command = Command::new(DORMOUSE);
    command.args(["serve", "async", "--shards", "2", "--addr", "127.0.0.1:0", "--stats"]);
    command.args(args).env("RUST_LOG", "info").stderr(Stdio::piped());
    Server::spawn_logging(command)
}

/// How many connections each shard says at its end that it had, the first shard's first.
fn served(log: &str) -> Vec<u64> {
    let mut shards: Vec<(&str, u64)> = log
        .lines()
        .filter_map(|line| line.split_once("shard ")?.1.strip_suffix(" connections"))
        .map(|said| said.split_once(" served ").unwrap())
        .map(|(number, connections)| (number, connections.parse().unwrap()))
        .collect();
    shards.sort_unstable();
    shards.into_iter().map(|(_, connections)| connections).collect()
}

/// The kernel spreads by chance: that of 200 one shard gets less than 40 is as good as impossible.
/// Who hands over takes turns.
#[test]
fn connections_are_spread_over_all_shards() {
    const CLIENTS: u64 = 200;
    for way in WAYS {
        let server = start(way);
        let streams: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
        for stream in &streams {
            assert_eq!(ask(stream, b"whose am I?"), b"WHOSE AM I?");
        }
        drop(streams);
        until("all have left", || server.descriptors() < 50);
        let (log, stats) = server.stop_and_hear();
        let [one, two] = served(&log)[..] else { panic!("{log}") };
        println!("{way:?}: {one} and {two}");
        assert_eq!(one + two, CLIENTS, "{log}");
        assert!(one.min(two) >= if way.is_empty() { 40 } else { CLIENTS / 2 }, "{one}, {two}");
        assert_eq!((&stats["accepted"], &stats["closed"]), (&CLIENTS.into(), &CLIENTS.into()));
        assert_eq!(stats["bytes_in"], 11 * CLIENTS, "{stats}");
        assert_eq!(stats["bytes_out"], 11 * CLIENTS, "{stats}");
    }
}

/// Those that are connected when it ends see an end, and are counted as closed; none is left out.
#[test]
fn a_stop_closes_what_all_shards_have_open() {
    const CLIENTS: u64 = 100;
    for way in WAYS {
        let server = start(way);
        let streams: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
        for stream in &streams {
            ask(stream, b"here");
        }
        // One of them is in mid-answer.
        support::fill(&streams[0]);
        let start = std::time::Instant::now();
        let (log, stats) = server.stop_and_hear();
        // A machine under load may take a while to let it run: the bound is that of a hang.
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert_eq!(served(&log).iter().sum::<u64>(), CLIENTS, "{log}");
        assert_eq!((&stats["accepted"], &stats["closed"]), (&CLIENTS.into(), &CLIENTS.into()));
        assert!(!log.contains("did not close"), "{log}");
        for stream in &streams[1..] {
            assert_eq!(stream_through(stream, b"").unwrap_or_default(), b"");
        }
    }
}

/// The limit is one for all: of those who come at a time as many are let in as it says.
#[test]
fn the_shards_have_one_limit_of_connections() {
    const PLACES: usize = 20;
    for way in WAYS {
        let args = [&["--shards", "2", "--max-connections", "20"], way].concat();
        let server = Server::start("async", &args);
        let address = server.address;
        for round in 0..10 {
            let come = move || {
                let mut stream = connect(address);
                // Who is turned away may be so before it has said anything.
                let answered =
                    stream.write_all(b"?").is_ok() && matches!(stream.read(&mut [0]), Ok(1));
                answered.then_some(stream)
            };
            let clients: Vec<_> = (0..2 * PLACES).map(|_| thread::spawn(come)).collect();
            let guests = clients.into_iter().filter_map(|client| client.join().unwrap());
            let guests: Vec<TcpStream> = guests.collect();
            assert_eq!(guests.len(), PLACES, "in round {round}, {way:?}");
            for guest in guests {
                // Once its end has come back, its place is free.
                assert_eq!(stream_through(&guest, b"bye").unwrap(), b"BYE");
            }
        }
        let stats = server.stop();
        let all = 10 * 2 * PLACES;
        assert_eq!((&stats["accepted"], &stats["closed"]), (&all.into(), &all.into()), "{stats}");
    }
}

/// A command that a server starts inherits none of its sockets.
#[test]
fn no_socket_outlives_an_exec() {
    for way in WAYS {
        let server = start(way);
        let streams: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for stream in &streams {
            assert_eq!(ask(stream, b"in"), b"IN");
        }
        let process = format!("/proc/{}", server.pid());
        let mut sockets = 0;
        for entry in std::fs::read_dir(format!("{process}/fd")).unwrap() {
            let path = entry.unwrap().path();
            if !std::fs::read_link(&path).unwrap().to_string_lossy().starts_with("socket:") {
                continue;
            }
            let number = path.file_name().unwrap().to_string_lossy().into_owned();
            let info = std::fs::read_to_string(format!("{process}/fdinfo/{number}")).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
            assert_ne!(flags & nix::libc::O_CLOEXEC, 0, "descriptor {number}: {info}");
            sockets += 1;
        }
        assert_eq!(sockets, 20 + if way.is_empty() { 2 } else { 1 }, "{way:?}");
    }
}

/// Runs `dormouse serve async` with these limits of the shell and these options; it must fail.
fn fails_to_start(limits: &str, options: &str) -> String {
    let serve = format!("{limits}; exec {DORMOUSE} serve async --addr 127.0.0.1:0 {options}");
    let mut command = Command::new("sh");
    // A stack so big that the limit of memory is met by a stack, and not by something small.
    command.args(["-c", &serve]).env("RUST_MIN_STACK", (64 << 20).to_string());
    let Output { status, stderr, .. } = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("ask for fewer with --shards"), "{said}");
    said
}

/// All shards begin, or none: a server with less than it was asked for would hide it.
#[test]
fn a_shard_that_cannot_begin_is_the_end_of_all() {
    let said = fails_to_start("ulimit -n 20", "--shards 64");
    assert!(said.contains("127.0.0.1") && said.contains("64 times"), "{said}");
    let said = fails_to_start("ulimit -n 20", "--shards 8");
    assert!(said.contains("shard") && said.contains("no runtime"), "{said}");
    let said = fails_to_start("ulimit -n 20", "--shards 16 --hand-over");
    assert!(said.contains("no runtime"), "{said}");
    let said = fails_to_start("ulimit -v 1000000", "--shards 64");
    assert!(said.contains("shard") && said.contains("no thread"), "{said}");
    let said = fails_to_start("ulimit -v 1000000", "--shards 64 --hand-over");
    assert!(said.contains("no thread"), "{said}");
}

/// Two shards, or an acceptor and two shards, on threads of this process.
struct Local {
    listeners: Vec<TcpListener>,
    counters: Arc<Counters>,
    served: thread::JoinHandle<io::Result<()>>,
}

impl Local {
    fn start(hand_over: bool) -> Local {
        let any = (Ipv4Addr::LOCALHOST, 0).into();
        let listeners = bind_shared(any, if hand_over { 1 } else { 2 }).unwrap();
        let mut own: Vec<_> = listeners.iter().map(|one| one.try_clone().unwrap()).collect();
        let counters = Arc::new(Counters::new("async", false));
        let its_counters = Arc::clone(&counters);
        let served = thread::spawn(move || {
            let stop = Stop::default();
            if hand_over {
                shards::hand_over(own.remove(0), 2, &OPTIONS, &its_counters, &stop)
            } else {
                shards::serve(own, &OPTIONS, &its_counters, &stop)
            }
        });
        Local { listeners, counters, served }
    }
}

/// One listener breaks underneath: the others end as well, with its error, and leave nobody open.
#[test]
fn a_listener_that_breaks_ends_all_shards_with_its_error() {
    for hand_over in [false, true] {
        let server = Local::start(hand_over);
        let address = server.listeners[0].local_addr().unwrap();
        let streams: Vec<_> = (0..40).map(|_| connect(address)).collect();
        for stream in &streams {
            assert_eq!(ask(stream, b"hello"), b"HELLO");
        }
        let broken = server.listeners.last().unwrap();
        SockRef::from(broken).shutdown(std::net::Shutdown::Both).unwrap();
        until("the server ends", || server.served.is_finished());
        let error = server.served.join().unwrap().unwrap_err().to_string();
        let name = if hand_over { "acceptor: accept: " } else { "shard 2: accept: " };
        assert!(error.starts_with(name), "{error}");
        for stream in &streams {
            assert_eq!(stream_through(stream, b"").unwrap_or_default(), b"");
        }
        let counted = [&server.counters.accepted, &server.counters.closed];
        assert_eq!(counted.map(|counter| counter.load(Relaxed)), [40, 40]);
    }
}

/// `auto` is one per core that this process may use, each with its thread.
#[test]
fn auto_is_a_shard_per_core() {
    let server = Server::start("async", &["--shards", "auto", "--hand-over"]);
    let cores = thread::available_parallelism().unwrap().get();
    let tasks = || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap().flatten();
        let names = threads.map(|thread| std::fs::read_to_string(thread.path().join("comm")));
        names.filter(|name| name.as_ref().is_ok_and(|name| name.starts_with("shard "))).count()
    };
    if cores > 1 {
        until("each has its thread", || tasks() == cores);
    }
    assert_eq!(ask(&server.connect(), b"hello"), b"HELLO");
    server.stop();
}
