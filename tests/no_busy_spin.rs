//! The laws of no busy-spin, seen from outside: what the kernel says of each server while nobody
//! says anything to it (DESIGN.md, "The laws").
//!
//! Two witnesses: the server's own counters, which must be exact, and the kernel's account of the
//! process. Each silence ends with a message that is answered: a server that lost every wake would
//! be as quiet. The very same check finds that `nonblocking` spins, so it can fail.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::Duration;

use dormouse_study::models::Model;
use serde_json::Value;
use support::witness::{self, Account, Verdict};
use support::{Server, ask, stream_through};

const SPAN: Duration = Duration::from_secs(2);

/// Leaves `connections` idle, watches, and then asks each of them something.
fn watch_idle(model: &str, args: &[&str], connections: usize) -> (Verdict, Account, Value) {
    let server = Server::start(model, args);
    let streams: Vec<TcpStream> = (0..connections).map(|_| server.connect()).collect();
    // Whoever was answered was accepted; and what an accept leaves to do is done by then, too.
    for stream in &streams {
        ask(stream, b"before");
    }
    let (verdict, account) = witness::watch(server.pid(), SPAN);
    for stream in &streams {
        assert_eq!(ask(stream, b"after"), b"AFTER", "silent, but is it alive?");
    }
    (verdict, account, server.stop())
}

/// Silence, with so many connections; and no more waits than `waits` events a connection bring.
fn sleeps(model: &str, connections: &[usize], waits: u64) {
    raise_descriptor_limit();
    for connections in connections {
        let (verdict, account, stats) = watch_idle(model, &[], *connections);
        println!("{model}, {connections} idle: {verdict:?}, {account:?}");
        assert_eq!(verdict, Verdict::Asleep, "{model}, {connections} idle: {account:?}; {stats}");
        let messages = 2 * *connections as u64;
        assert_eq!(stats["bytes_in"], messages / 2 * 11, "{stats}");
        let most = waits * *connections as u64 + 2;
        assert!(stats["waits"].as_u64().unwrap() <= most, "at most {most} waits: {stats}");
    }
}

fn vain(stats: &Value, name: &str) -> u64 {
    stats[name].as_u64().unwrap()
}

fn raise_descriptor_limit() {
    dormouse_study::limits::raise_descriptor_limit().unwrap();
}

// Each connection's coming, what its registration says, its two messages and its end; and two
// waits for the stop of the whole.

#[test]
fn mio_sleeps_while_nobody_speaks() {
    sleeps("mio", &[0, 1, 1000], 4);
}

#[test]
fn async_sleeps_while_nobody_speaks() {
    sleeps("async", &[0, 1, 1000], 4);
}

#[test]
fn select_sleeps_while_nobody_speaks() {
    sleeps("select", &[0, 1, 900], 4);
}

#[test]
fn poll_sleeps_while_nobody_speaks() {
    sleeps("poll", &[0, 1, 1000], 4);
}

/// It is told of each segment, and of the room that an acknowledged answer makes.
#[test]
fn signal_sleeps_while_nobody_speaks() {
    sleeps("signal", &[0, 1, 1000], 8);
}

#[test]
fn uring_sleeps_while_nobody_speaks() {
    if let Err(why) = Model::Uring.check() {
        println!("skipped: {why}");
        return;
    }
    sleeps("uring", &[0, 1, 1000], 4);
}

#[test]
fn threads_sleeps_while_nobody_speaks() {
    sleeps("threads", &[0, 1, 1000], 0);
}

#[test]
fn blocking_sleeps_while_nobody_speaks() {
    sleeps("blocking", &[0, 1], 0);
}

/// The reverse: the check is worth something, as it finds the one that is made to spin.
#[test]
fn nonblocking_is_found_to_spin_by_the_same_check() {
    let (verdict, account, stats) = watch_idle("nonblocking", &[], 1);
    println!("nonblocking, 1 idle: {verdict:?}, {account:?}");
    assert_eq!(verdict, Verdict::Spins, "{account:?}");
    assert!(vain(&stats, "vain_reads") > 10_000, "{stats}");
}

#[test]
fn nonblocking_that_asks_now_and_then_is_periodic() {
    let (verdict, account, stats) = watch_idle("nonblocking", &["--every", "1ms"], 1);
    println!("nonblocking --every 1ms, 1 idle: {verdict:?}, {account:?}");
    assert_eq!(verdict, Verdict::Periodic, "{account:?}");
    assert!(account.switches > 100, "it wakes all the time: {account:?}");
    assert!(vain(&stats, "vain_reads") > 100, "{stats}");
}

/// Law 5: one wait, one read, one write for each message, and nothing in vain.
#[test]
fn a_message_on_a_warm_connection_costs_three_system_calls() {
    const MESSAGES: u64 = 1000;
    for model in ["select", "poll", "mio", "async"] {
        let stats = exchange(model, MESSAGES);
        assert_eq!(stats["reads"], MESSAGES + 2 + vain(&stats, "vain_reads"), "{model}: {stats}");
        assert!(vain(&stats, "vain_reads") <= 1, "before the first message: {model}: {stats}");
        assert_eq!(stats["writes"], MESSAGES + 1, "{model}: {stats}");
        // Beside one wait a message: for the connection, its end, and the stop.
        let waits = stats["waits"].as_u64().unwrap();
        assert!((MESSAGES..=MESSAGES + 4).contains(&waits), "{model}: {stats}");
        assert_eq!(stats["vain_writes"], 0, "{model}: {stats}");
        assert_eq!(stats["vain_waits"], 0, "{model}: {stats}");
    }
}

/// Who sleeps in the read itself needs no call to wait, and who is handed the bytes none to read;
/// signals want one read more, in vain.
#[test]
fn a_message_costs_two_calls_on_a_thread_one_in_a_ring_and_four_by_signal() {
    const MESSAGES: u64 = 1000;
    for model in ["blocking", "threads"] {
        let stats = exchange(model, MESSAGES);
        assert_eq!((&stats["waits"], &stats["vain_reads"]), (&0.into(), &0.into()), "{stats}");
        assert_eq!(stats["writes"], MESSAGES + 1, "{stats}");
        assert_eq!(stats["reads"], MESSAGES + 2, "{stats}");
    }
    if let Err(why) = Model::Uring.check() {
        println!("uring: skipped: {why}");
    } else {
        let stats = exchange("uring", MESSAGES);
        // Beside one wait a message: for the connection, its end, the stop, and what that cancels.
        let waits = stats["waits"].as_u64().unwrap();
        assert!((MESSAGES..=MESSAGES + 5).contains(&waits), "uring: {stats}");
        assert_eq!(stats["reads"].as_u64().unwrap() + stats["writes"].as_u64().unwrap(), 0);
    }
    let stats = exchange("signal", MESSAGES);
    println!("signal: {stats}");
    assert_eq!(stats["writes"], MESSAGES + 1, "{stats}");
    assert!(vain(&stats, "vain_reads") <= MESSAGES + 4, "one a message: {stats}");
    assert!(stats["waits"].as_u64() <= Some(2 * MESSAGES + 4), "{stats}");
}

/// One client, one message after the other.
fn exchange(model: &str, messages: u64) -> Value {
    let server = Server::start(model, &[]);
    let stream = server.connect();
    ask(&stream, b"warm");
    for _ in 0..messages {
        assert_eq!(ask(&stream, b"hello"), b"HELLO");
    }
    // The end comes back when all before it is counted; it costs one wait and one read.
    assert_eq!(stream_through(&stream, b"").unwrap(), b"");
    server.stop()
}

/// The same, and the silence, as the kernel counts it.
#[test]
fn the_kernel_counts_no_system_call_in_silence_and_three_a_message() {
    for model in ["mio", "async"] {
        let server = Server::start(model, &[]);
        let streams: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
        for stream in &streams {
            ask(stream, b"warm");
        }
        let silence = witness::system_calls(server.pid(), || std::thread::sleep(SPAN));
        let ten = witness::system_calls(server.pid(), || {
            (0..10).for_each(|_| drop(ask(&streams[42], b"hello")));
        });
        let (silence, ten) = match (silence, ten) {
            (Ok(silence), Ok(ten)) => (silence, ten),
            (Err(why), _) | (_, Err(why)) => {
                println!("{model}: skipped: {why}");
                return;
            }
        };
        assert_eq!(finished(&silence), BTreeMap::new(), "{model}: {silence:#?}");
        let calls = finished(&ten);
        println!("{model}: 0 calls in {SPAN:?} of silence, for 10 messages {calls:?}");
        assert_eq!((calls["recvfrom"], calls["sendto"]), (10, 10), "{model}: {ten:#?}");
        // The last wait may still go on, or the first may have been cut in two by the attach.
        assert!((9..=11).contains(&calls["epoll_wait"]), "{model}: {ten:#?}");
        assert_eq!(calls.len(), 3, "{model}: nothing else: {ten:#?}");
    }
}

/// The calls that came to an end, by name. What the attach or the end of the tracing has cut short
/// is no call of the server's.
fn finished(lines: &[String]) -> BTreeMap<&str, usize> {
    let mut calls = BTreeMap::new();
    for line in lines {
        let cut = ["<unfinished", "<detached", "ERESTART"];
        let call =
            line.split_once(' ').map(|(_, call)| call.trim_start().trim_start_matches("<... "));
        let name = call.and_then(|call| call.split(['(', ' ']).next());
        if let Some(name) = name.filter(|_| !cut.iter().any(|cut| line.contains(cut))) {
            *calls.entry(name).or_default() += 1;
        }
    }
    calls
}
