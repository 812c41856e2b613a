//! Limits: of the machine, and of the command line.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use socket2::SockRef;

use crate::Traits;
use crate::support::witness;
use crate::support::{Server, ask, fill, until};

/// At the limit it serves those it has, and tries to accept ten times a second; once some leave, it
/// takes those who have waited, though no new connection tells it to.
///
/// Seen to fail when [`Accepting`](dormouse_study::accept::Accepting) does not pause, and when it
/// waits to be told of the next one.
pub(crate) fn out_of_descriptors_it_serves_on(model: Traits) {
    const CLIENTS: usize = 40;
    let start = Instant::now();
    let server = Server::start_with_descriptors(model.name, 24);
    let mut streams: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    for mut stream in &streams {
        stream.write_all(b"here").unwrap();
    }
    until("the descriptors are used up", || server.descriptors() >= 24);
    until("those admitted are answered", || answered(&streams) >= 8);
    let admitted = answered(&streams);
    assert!(admitted < CLIENTS, "all {CLIENTS} were admitted");
    if model.sleeps {
        let (_, account) = witness::watch(server.pid(), Duration::from_secs(1));
        let (little, few) = (Duration::from_millis(20), 30 * model.accepts_on());
        assert!(account.cpu <= little && account.switches() <= few, "it spins: {account:?}");
    }
    let mut old = streams.iter().find(|stream| is_answered(stream)).unwrap();
    old.read_exact(&mut [0; 4]).unwrap();
    assert_eq!(ask(old, b"still here"), b"STILL HERE");
    old.write_all(b"here").unwrap();
    // 8 of those admitted leave, later some more, and nobody comes.
    let mut times = Vec::new();
    for leavers in [8, 1, 1, 1] {
        until("as many as before are answered", || answered(&streams) >= admitted);
        for _ in 0..leavers {
            let leaver = streams.iter().position(is_answered).unwrap();
            drop(streams.swap_remove(leaver));
        }
        let left = Instant::now();
        until("those who waited are served", || answered(&streams) >= admitted);
        times.push(left.elapsed());
    }
    // Twice the pause, once at least: other programs may keep the server from the CPU.
    let quick = |time: &Duration| *time <= Duration::from_millis(200);
    assert!(times.iter().any(quick), "those who waited are served late: {times:?}");
    while let Some(leaver) = streams.iter().position(is_answered) {
        drop(streams.swap_remove(leaver));
        until("the next is served", || streams.is_empty() || answered(&streams) > 0);
    }
    assert!(streams.is_empty(), "{} were never served", streams.len());
    let stats = server.stop();
    let count = |name: &str| stats[name].as_u64().unwrap();
    let failed = count("accepts").saturating_sub(count("vain_accepts") + count("accepted"));
    let pauses = u64::try_from(start.elapsed().as_millis() / 100).unwrap();
    assert!(failed <= (pauses + 1) * model.accepts_on(), "in {pauses} pauses: {stats}");
}

fn is_answered(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let answered = stream.peek(&mut [0; 8]).is_ok();
    stream.set_nonblocking(false).unwrap();
    answered
}

fn answered(streams: &[TcpStream]) -> usize {
    streams.iter().filter(|stream| is_answered(stream)).count()
}

/// Above the limit a connection is closed at once; once somebody leaves, the next is welcome.
pub(crate) fn one_more_than_allowed_is_turned_away(model: Traits) {
    let server = Server::start(model.name, &["--max-connections", "3"]);
    let mut streams: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for stream in &streams {
        assert_eq!(ask(stream, b"in"), b"IN");
    }
    for _ in 0..5 {
        let mut end = Vec::new();
        server.connect().read_to_end(&mut end).unwrap();
        assert_eq!(end, b"", "nothing but the end");
    }
    for stream in &streams {
        assert_eq!(ask(stream, b"still in"), b"STILL IN");
    }
    streams.pop();
    until("there is room again", || {
        let mut stream = server.connect();
        stream.write_all(b"?").unwrap();
        // Turned away with a byte unread: an end, or a reset.
        let answered = matches!(stream.read(&mut [0]), Ok(1));
        if answered {
            streams.push(stream);
        }
        answered
    });
    assert_eq!(ask(&streams[2], b"in again"), b"IN AGAIN");
    drop(streams);
    let stats = server.stop_when_all_have_left();
    assert!(stats["accepted"].as_u64() >= Some(9), "{stats}");
}

/// Who reads slowly is not silent, though the kernel reports room only once there is a lot of it.
pub(crate) fn a_slow_reader_is_not_silent(model: Traits) {
    const LIMIT: Duration = Duration::from_millis(500);
    let server = Server::start(model.name, &["--idle-timeout", "500ms"]);
    let stream = server.connect();
    ask(&stream, b"hello");
    let sent = fill(&stream);
    let (start, mut read) = (Instant::now(), 0);
    while start.elapsed() < 5 * LIMIT {
        // Fast enough that TCP tells of new room (64 KiB at a time) well within the limit.
        (&stream).read_exact(&mut [0; 16_000]).unwrap();
        read += 16_000;
        std::thread::sleep(LIMIT / 20);
    }
    // The rest comes as fast as it is read.
    while read < sent {
        match (&stream).read(&mut [0; 1 << 14]) {
            Ok(0) | Err(_) => panic!("{read} of {sent} bytes came"),
            Ok(n) => read += n,
        }
    }
}

/// Who has said all, and does not read the answer, is let go as well.
pub(crate) fn a_half_closed_peer_that_never_reads_is_let_go(model: Traits) {
    let server = Server::start(model.name, &["--idle-timeout", "500ms"]);
    let mut stream = server.connect();
    SockRef::from(&stream).set_recv_buffer_size(4096).unwrap();
    ask(&stream, b"hello");
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    // About as much as the server can take in while it can send nothing: so the end comes through.
    stream.write_all(&vec![b'x'; 3_000_000]).ok();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let stats = server.stop_when_all_have_left();
    assert_eq!(stats["accepted"], 1, "{stats}");
}

/// A server that was kept from looking takes nobody for silent whose message has come meanwhile.
pub(crate) fn who_spoke_while_it_could_not_look_is_answered(model: Traits) {
    let server = Server::start(model.name, &["--idle-timeout", "1s"]);
    let clients = if model.concurrent { 100 } else { 1 };
    let streams: Vec<_> = (0..clients).map(|_| server.connect()).collect();
    for stream in &streams {
        ask(stream, b"before");
    }
    server.signal(Signal::SIGSTOP);
    for mut stream in &streams {
        stream.write_all(b"meanwhile").unwrap();
    }
    // What has to pass is the server's own limit.
    std::thread::sleep(Duration::from_millis(1200));
    server.signal(Signal::SIGCONT);
    for mut stream in &streams {
        let mut answer = [0; 9];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"MEANWHILE");
    }
}

/// Neither who says nothing nor who never reads is kept for ever; who talks is.
pub(crate) fn a_silent_peer_is_let_go_after_its_time(model: Traits) {
    const LIMIT: Duration = Duration::from_millis(600);
    let server = Server::start(model.name, &["--idle-timeout", "600ms"]);
    let connect = || {
        let stream = server.connect();
        ask(&stream, b"hello");
        stream
    };
    let silent = connect();
    if model.concurrent {
        let talker = connect();
        let deaf = connect();
        fill(&deaf);
        let start = Instant::now();
        let mut said = 0;
        // Somebody who says a word now and then, for three times as long as the limit.
        while start.elapsed() < 3 * LIMIT {
            assert_eq!(ask(&talker, b"word"), b"WORD", "after {said} words");
            said += 1;
            std::thread::sleep(LIMIT / 10);
        }
        until("the deaf one is let go", || deaf.take_error().unwrap().is_some());
    }
    let mut end = Vec::new();
    // An end, not a reset: nothing of it was unread.
    (&silent).read_to_end(&mut end).unwrap();
    assert_eq!(end, b"");
    // The next is served, also where one waits for the other.
    assert_eq!(ask(&server.connect(), b"next"), b"NEXT");
    let stats = server.stop_when_all_have_left();
    assert_eq!(stats["accepted"], if model.concurrent { 4 } else { 2 }, "{stats}");
}
