//! Load held: many connections leave nothing behind, and those that stay cost nothing while they
//! are silent.
//!
//! These take minutes, so they run when asked for:
//!
//!     cargo test --test load_held -- --ignored --nocapture
//!
//! With `DORMOUSE_TEST_CONNECTIONS=100000` before it, fewer connections come and go.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dormouse_study::audit::verdict::Verdict;
use dormouse_study::limits::raise_descriptor_limit;
use nix::sys::signal::Signal;
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Socket, Type};
use support::{LIMIT, Server, reset, stream_through, until, with_patience, witness};

const AT_A_TIME: usize = 1000;
/// After so many the server has what memory it needs for as many as there are at a time.
const WARM: usize = 10_000;
const MEBIBYTE: u64 = 1 << 20;

/// Memory and descriptors are measured, so the tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());

    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects as number `number`: each 16,384 have an address of their own, as an address has some
/// 28,000 ports towards one server, each taken for a minute after its connection.
fn connect_as(number: usize, server: SocketAddr) -> TcpStream {
    let source = Ipv4Addr::from_bits(Ipv4Addr::new(127, 2, 0, 0).to_bits() + upper_bits(number));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    setsockopt(&socket, IpBindAddressNoPort, &true).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket.set_write_timeout(Some(LIMIT)).unwrap();
    socket.into()
}

fn upper_bits(number: usize) -> u32 {
    u32::try_from(number >> 14).unwrap()
}

/// All of these send, and then each gets its answer.
fn all_are_answered(streams: &[TcpStream]) {
    for mut stream in streams {
        stream.write_all(b"hello").unwrap();
    }
    for mut stream in streams {
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HELLO");
    }
}

/// As clients do: most are cut off (which leaves no port taken), some hang up, some half-close and
/// wait for the end.
fn leave(number: usize, mut stream: TcpStream) {
    match number % 8 {
        0 => {
            stream.shutdown(Shutdown::Write).unwrap();
            let end = stream.read(&mut [0]);
            assert!(matches!(end, Ok(0)), "instead of the end: {end:?}");
        }
        1 => drop(stream),
        _ => reset(stream),
    }
}

/// What a server has when nobody is connected.
#[derive(Clone, Copy, Debug)]
struct AtRest {
    descriptors: usize,
    memory: u64,
}

/// Lets the connections with these numbers come and go, at most [`AT_A_TIME`] of them at a time;
/// each round the server must have as many descriptors open, and none in the end.
fn come_and_go(server: &Server, numbers: std::ops::Range<usize>, own: usize) -> AtRest {
    let mut number = numbers.start;
    while number < numbers.end {
        let round = number..numbers.end.min(number + AT_A_TIME);
        number = round.end;
        let streams: Vec<_> =
            round.clone().map(|number| connect_as(number, server.address)).collect();
        all_are_answered(&streams);
        assert_eq!(server.descriptors(), own + streams.len(), "one for each");
        round.zip(streams).for_each(|(number, stream)| leave(number, stream));
        until("all descriptors are closed", || server.descriptors() <= own);
    }
    AtRest { descriptors: server.descriptors(), memory: server.memory() }
}

/// What it is like after `warm` and after `total` connections; and how many came each second.
fn before_and_after(server: &Server, warm: usize, total: usize) -> (AtRest, AtRest) {
    // The end comes back when the server has closed its side.
    stream_through(&server.connect(), b"hello").expect("the first is let go");
    let (own, begin) = (server.descriptors(), Instant::now());
    let before = come_and_go(server, 0..warm, own);
    let after = come_and_go(server, warm..total, own);
    let seconds = begin.elapsed().as_secs_f64();
    println!("after {warm} connections: {before:?}");
    println!("after {total} connections: {after:?}");
    #[allow(clippy::cast_precision_loss, reason = "it is far below 2^52")]
    let rate = total as f64 / seconds;
    println!("{seconds:.0} s, {rate:.0} connections per second, {AT_A_TIME} at a time");
    (before, after)
}

/// What differs that should not.
fn left(before: AtRest, after: AtRest) -> Option<String> {
    let grown = after.memory.saturating_sub(before.memory);
    if after.descriptors != before.descriptors {
        Some(format!("descriptors: {} before, {} after", before.descriptors, after.descriptors))
    } else if grown > MEBIBYTE {
        Some(format!("the memory grew by {grown} bytes"))
    } else {
        None
    }
}

/// How many connections were asked for.
fn asked_for(otherwise: usize) -> usize {
    let asked = std::env::var("DORMOUSE_TEST_CONNECTIONS").ok();
    let count = asked.map_or(otherwise, |count| count.parse().unwrap());
    assert!(count > WARM, "ask for more than {WARM} connections");
    count
}

#[test]
#[ignore = "a million connections take some minutes"]
fn a_million_connections_leave_nothing() {
    let _alone = alone();
    let total = asked_for(1_000_000);
    let mut server = Server::start("async", &[]);
    let (before, after) = before_and_after(&server, WARM, total);
    assert_eq!(left(before, after), None);
    // Nor has the runtime a task left, beside the one that accepts, or a source, or a timer.
    server.signal(Signal::SIGUSR1);
    assert_eq!(server.line(), "tasks: 1; sources: 1; no deadline");
    let stats = server.stop();
    let connections = total as u64 + 1;
    assert_eq!((&stats["accepted"], &stats["closed"]), (&connections.into(), &connections.into()));
    assert_eq!(stats["bytes_out"], connections * 5, "{stats}");
}

/// 15,000 clients, or as many as this process and the server may have descriptors for.
fn as_many_as_possible() -> usize {
    const WANTED: u64 = 15_000;
    // What either has open beside its connections.
    const OTHERS: u64 = 100;
    let possible = raise_descriptor_limit().unwrap() - OTHERS;
    if possible < WANTED {
        println!("only {possible} connections, not {WANTED}: the limit of descriptors");
    }
    usize::try_from(WANTED.min(possible)).unwrap()
}

/// By the kernel's account of its threads, and by the system calls where strace may look: a turn
/// would be a switch, and a call.
fn assert_asleep(server: &Server) {
    const SPAN: Duration = Duration::from_secs(2);
    let (verdict, account) = witness::watch(server.pid(), SPAN);
    assert!(verdict == Verdict::Asleep && account.is_idle(), "{verdict:?}: {account:?}");
    print!("{SPAN:?} of silence: {} switches, {:?} of CPU time; ", account.switches(), account.cpu);
    match witness::system_calls(server.pid(), || thread::sleep(SPAN)) {
        Ok(lines) => {
            assert_eq!(witness::finished(&lines), BTreeMap::new(), "{lines:#?}");
            println!("and as long again: 0 system calls");
        }
        Err(why) => println!("its system calls: skipped: {why}"),
    }
}

fn held_at_once(model: &str) {
    let _alone = alone();
    let connections = as_many_as_possible();
    let server = Server::start(model, &[]);
    stream_through(&server.connect(), b"hello").unwrap();
    let (own, memory) = (server.descriptors(), server.memory());
    let streams: Vec<_> = (0..connections).map(|n| connect_as(n, server.address)).collect();
    all_are_answered(&streams);
    assert_eq!(server.descriptors(), own + connections, "one for each");
    let each = (server.memory() - memory) / connections as u64;
    println!("{model}: {connections} at once, each answered, {each} bytes of memory each");
    assert_asleep(&server);
    // Silent, but alive.
    all_are_answered(&streams);
    drop(streams);
    until("all descriptors are closed", || server.descriptors() <= own);
    let stats = server.stop();
    assert_eq!(stats["accepted"], connections as u64 + 1, "{stats}");
    assert_eq!(stats["closed"], stats["accepted"], "{stats}");
    // Three for each at the most (it comes, it speaks twice), and one as it leaves.
    assert!(stats["waits"].as_u64().unwrap() <= 4 * connections as u64 + 20, "{stats}");
}

#[test]
#[ignore = "with the others of this file"]
fn fifteen_thousand_at_once_cost_async_nothing_in_silence() {
    held_at_once("async");
}

#[test]
#[ignore = "with the others of this file"]
fn fifteen_thousand_at_once_cost_mio_nothing_in_silence() {
    held_at_once("mio");
}

const LEAK: &str = "DORMOUSE_TEST_LEAK";

#[test]
fn a_server_that_leaks_is_noticed() {
    let _alone = alone();
    raise_descriptor_limit().unwrap();
    for (leak, is_noticed) in
        [("memory", "the memory grew by "), ("descriptors", "the first is let go")]
    {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "become_a_server_that_leaks", "--ignored", "--nocapture"]);
        let server = Server::spawn_talkative(command.env(LEAK, leak));
        let run = AssertUnwindSafe(|| {
            let (before, after) = before_and_after(&server, 1000, 3000);
            panic!("{}", left(before, after).unwrap_or_default());
        });
        let patience = Duration::from_secs(1);
        let panic = catch_unwind(|| with_patience(patience, run)).unwrap_err();
        let said = panic.downcast_ref::<String>().unwrap();
        assert!(said.contains(is_noticed), "{said}");
        server.kill();
    }
}

/// Not a test: the server of the one above.
#[test]
#[ignore = "started by another test"]
fn become_a_server_that_leaks() {
    let Ok(leak) = std::env::var(LEAK) else { return };
    let listener = dormouse_study::listen::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    println!("\nlistening on {}", listener.local_addr().unwrap());
    for mut stream in listener.incoming().map(Result::unwrap) {
        let leaks_memory = leak == "memory";
        thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                stream.write_all(&buffer[..n].to_ascii_uppercase()).ok();
            }
            if leaks_memory {
                // More than the stacks of the threads that end give back.
                std::mem::forget(vec![1_u8; 1 << 15]);
            } else {
                std::mem::forget(stream);
            }
        });
    }
}
