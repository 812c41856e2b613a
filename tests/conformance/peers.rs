//! Peers as they are: silent, rude, gone, and many.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use dormouse_study::audit::verdict::Verdict;

use crate::Traits;
use crate::streams::upper;
use crate::support::witness;
use crate::support::{LIMIT, Server, ask, pattern, reset, stream_through, until};

pub(crate) fn a_storm_of_connections_leaves_nothing(model: Traits) {
    const CONNECTIONS: usize = 1000;
    const WARM: usize = 20;
    let server = Server::start(model.name, &[]);
    // The end comes back when the server has closed its side. So many, that each shard had some.
    for _ in 0..WARM {
        assert_eq!(stream_through(&server.connect(), b"warm").unwrap(), b"WARM");
    }
    let before = server.descriptors();
    for n in 0..CONNECTIONS {
        let mut stream = server.connect();
        match n % 4 {
            0 => drop(stream),
            1 => reset(stream),
            2 => stream.shutdown(Shutdown::Write).unwrap(),
            _ => stream.write_all(b"and away").unwrap(),
        }
    }
    assert_eq!(stream_through(&server.connect(), b"still there?").unwrap(), b"STILL THERE?");
    until("all descriptors are closed", || server.descriptors() <= before);
    let stats = server.stop();
    assert_eq!(stats["accepted"], stats["closed"], "{stats}");
    assert_eq!(stats["accepted"], (WARM + CONNECTIONS + 1) as u64, "{stats}");
}

/// A close, a half-close and a reset: each is learnt by one read, and then forgotten.
///
/// Seen to fail when a server takes an end for 'nothing yet'.
pub(crate) fn each_end_costs_one_read(model: Traits) {
    let server = Server::start(model.name, &[]);
    let connect = || {
        let stream = server.connect();
        ask(&stream, b"hello");
        stream
    };
    drop(connect());
    assert_eq!(stream_through(&connect(), b"").unwrap(), b"", "the end, and no reset");
    reset(connect());
    server.wait_until_all_have_left();
    let (verdict, account) = witness::watch(server.pid(), Duration::from_millis(300));
    assert_eq!(verdict == Verdict::Asleep, model.sleeps, "{account:?}");
    let stats = server.stop();
    let count = |name: &str| stats[name].as_u64().unwrap();
    assert_eq!((count("accepted"), count("closed"), count("resets")), (3, 3, 1), "{stats}");
    // One for the message, and one for the end, of each; in a ring there is none.
    let reads = if model.name == "uring" { 0 } else { 6 };
    assert_eq!(count("reads") - count("vain_reads"), reads, "{stats}");
    // What registering says, and, by signal, one behind each message and each end.
    assert!(!model.sleeps || count("vain_reads") <= 9, "{stats}");
}

pub(crate) fn a_peer_that_vanishes_hurts_nobody(model: Traits) {
    let server = Server::start(model.name, &[]);
    let gone = server.connect();
    gone.set_nonblocking(true).unwrap();
    // As much as fits: the server is in the midst of answering when the reset comes.
    while (&gone).write(&[b'x'; 1 << 14]).is_ok() {}
    reset(gone);
    for _ in 0..3 {
        assert_eq!(ask(&server.connect(), b"next"), b"NEXT");
    }
    let stats = server.stop();
    assert_eq!(stats["resets"], 1, "{stats}");
}

pub(crate) fn a_peer_that_never_reads_costs_no_memory(model: Traits) {
    const OFFERED: usize = 64 << 20;
    let server = Server::start(model.name, &[]);
    let stream = server.connect();
    ask(&stream, b"warm");
    let before = server.memory();
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let data = pattern(OFFERED);
    let mut taken = 0;
    // Ends when both kernel buffers are full, and for half a second nobody has made room.
    let error = loop {
        match (&stream).write(&data[taken..]) {
            Ok(n) => taken += n,
            Err(e) => break e,
        }
        assert!(taken < OFFERED, "somebody takes it all");
    };
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    let grown = server.memory().saturating_sub(before);
    assert!(grown <= 2 << 20, "{taken} bytes taken, memory grew by {grown}");
    let (verdict, account) = witness::watch(server.pid(), Duration::from_millis(500));
    assert_eq!(verdict == Verdict::Asleep, model.sleeps, "{account:?}");
    // Now it reads: nothing was lost.
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    (&stream).read_to_end(&mut answer).unwrap();
    assert!(answer == upper(&data[..taken]), "{} of {taken} bytes", answer.len());
}

/// The first article's point: while the first client is silent, a blocking server hears nobody.
pub(crate) fn a_silent_client_is_the_lesson(model: Traits) {
    let server = Server::start(model.name, &[]);
    let silent = server.connect();
    ask(&silent, b"here I am");
    let mut second = server.connect();
    second.write_all(b"and I").unwrap();
    let mut answer = [0; 5];
    if model.concurrent {
        second.read_exact(&mut answer).unwrap();
    } else {
        second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let error = second.read_exact(&mut answer).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        drop(silent);
        second.set_read_timeout(Some(LIMIT)).unwrap();
        second.read_exact(&mut answer).unwrap();
    }
    assert_eq!(&answer, b"AND I");
}

pub(crate) fn two_hundred_at_once(model: Traits) {
    let server = Server::start(model.name, &[]);
    let streams: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for round in 0..3 {
        for (n, mut stream) in streams.iter().enumerate() {
            stream.write_all(format!("{n:06}/{round}").as_bytes()).unwrap();
        }
        for (n, mut stream) in streams.iter().enumerate() {
            let mut own = [0; 8];
            stream.read_exact(&mut own).unwrap();
            assert_eq!(String::from_utf8_lossy(&own), format!("{n:06}/{round}"));
        }
    }
    drop(streams);
}

pub(crate) fn a_reset_ends_that_connection_alone(model: Traits) {
    let server = Server::start(model.name, &[]);
    let mut streams: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for stream in &streams {
        assert_eq!(ask(stream, b"one"), b"ONE");
    }
    reset(streams.swap_remove(7));
    for stream in &streams {
        assert_eq!(ask(stream, b"two"), b"TWO");
    }
    drop(streams);
    let stats = server.stop();
    assert_eq!((&stats["accepted"], &stats["resets"]), (&20.into(), &1.into()), "{stats}");
}

/// Descriptors and places that become free are taken anew: nobody gets what was another's.
pub(crate) fn every_other_leaves_and_the_rest_keep_their_answers(model: Traits) {
    let server = Server::start(model.name, &[]);
    let mut streams: Vec<(usize, TcpStream)> = (0..100).map(|n| (n, server.connect())).collect();
    for round in 0..4 {
        for (n, stream) in &streams {
            stream_out(stream, *n, round);
        }
        for (n, stream) in &streams {
            assert_eq!(stream_in(stream), format!("{n:06}/{round}"));
        }
        if round < 3 {
            // All that go, go at once; as many come.
            streams.retain(|(n, _)| n % 2 == 0 && *n != round);
            let next = 100 * (round + 1);
            streams.extend((next..next + 50).map(|n| (n, server.connect())));
        }
    }
    let (_, first) = &streams[0];
    first.shutdown(Shutdown::Write).unwrap();
    drop(streams);
    let stats = server.stop_when_all_have_left();
    assert_eq!((&stats["accepted"], &stats["resets"]), (&250.into(), &0.into()), "{stats}");
}

fn stream_out(mut stream: &TcpStream, n: usize, round: usize) {
    stream.write_all(format!("{n:06}/{round}").as_bytes()).unwrap();
}

fn stream_in(mut stream: &TcpStream) -> String {
    let mut own = [0; 8];
    stream.read_exact(&mut own).unwrap();
    String::from_utf8_lossy(&own).into()
}

/// Many times as many as there may be at once, a part of them cut off: the long form runs apart.
pub(crate) fn churn_leaves_nothing(model: Traits) {
    churn(model, 2000);
}

pub(crate) fn long_churn_leaves_nothing(model: Traits) {
    churn(model, 20_000);
}

fn churn(model: Traits, connections: usize) {
    let server = Server::start(model.name, &[]);
    let come_and_go = |n: usize| {
        for n in 0..n {
            let stream = server.connect();
            assert_eq!(ask(&stream, b"in and out"), b"IN AND OUT");
            match n % 4 {
                0 => reset(stream),
                1 => stream.shutdown(Shutdown::Write).unwrap(),
                _ => drop(stream),
            }
        }
        // The end comes back when the server has closed its side.
        assert_eq!(stream_through(&server.connect(), b"still there?").unwrap(), b"STILL THERE?");
    };
    come_and_go(connections / 4);
    // Of those that were cut off some may still be on their way out.
    let mut before = 0;
    until("the first are gone", || std::mem::replace(&mut before, server.descriptors()) == before);
    let memory = server.memory();
    come_and_go(connections);
    until("all descriptors are closed", || server.descriptors() <= before);
    let grown = server.memory().saturating_sub(memory);
    assert!(grown <= 1 << 20, "memory grew by {grown} over {connections} connections");
}
