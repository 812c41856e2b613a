//! What a message costs each server, in system calls: law 5.

use std::collections::BTreeMap;
use std::net::TcpStream;

use dormouse_study::models::Model;
use serde_json::Value;

use crate::support::{Server, ask, stream_through, witness};
use crate::{SPAN, count};

/// Law 5: one wait, one read, one write for each message, and nothing in vain.
#[test]
fn a_message_on_a_warm_connection_costs_three_system_calls() {
    const MESSAGES: u64 = 1000;
    for model in ["select", "poll", "mio", "async"] {
        let stats = exchange(model, MESSAGES);
        assert_eq!(stats["reads"], MESSAGES + 2 + count(&stats, "vain_reads"), "{model}: {stats}");
        assert!(count(&stats, "vain_reads") <= 1, "before the first message: {model}: {stats}");
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
    assert!(count(&stats, "vain_reads") <= MESSAGES + 4, "one a message: {stats}");
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

/// Laws 4 and 5, as the kernel counts the calls.
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
        assert_eq!(witness::finished(&silence), BTreeMap::new(), "{model}: {silence:#?}");
        let calls = witness::finished(&ten);
        println!("{model}: 0 calls in {SPAN:?} of silence, for 10 messages {calls:?}");
        assert_eq!(calls["recvfrom"], 10, "{model}: {ten:#?}");
        // The answer of the last may be here before its call has returned, and be cut short.
        assert!((9..=10).contains(&calls["sendto"]), "{model}: {ten:#?}");
        // The last wait may still go on, or the first may have been cut in two by the attach.
        assert!((9..=11).contains(&calls["epoll_wait"]), "{model}: {ten:#?}");
        assert_eq!(calls.len(), 3, "{model}: nothing else: {ten:#?}");
    }
}
