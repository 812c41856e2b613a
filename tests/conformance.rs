//! One suite for all models: every case runs against every model, as `case::model`.
//!
//! The servers are processes of their own, the peers real sockets. What makes models differ
//! stands in one table, [`MODELS`]. The last cases are for the suite itself: servers that are
//! broken on purpose must fail it.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::catch_unwind;
use std::thread;
use std::time::Duration;

use dormouse_study::models::Model;
use libtest_mimic::{Arguments, Trial};
use nix::sys::signal::Signal;
use socket2::SockRef;
use support::witness::{self, Verdict};
use support::{LIMIT, Server, ask, connect, pattern, reset, stream_through, until};

/// All that a case may know of a model.
#[derive(Clone, Copy)]
struct Traits {
    name: &'static str,
    /// Serves several connections at a time. Otherwise the second waits for the first to leave.
    concurrent: bool,
    /// Sleeps while nobody says anything.
    sleeps: bool,
}

const MODELS: &[Traits] = &[
    Traits { name: "blocking", concurrent: false, sleeps: true },
    Traits { name: "threads", concurrent: true, sleeps: true },
    Traits { name: "nonblocking", concurrent: true, sleeps: false },
    Traits { name: "select", concurrent: true, sleeps: true },
    Traits { name: "poll", concurrent: true, sleeps: true },
    Traits { name: "mio", concurrent: true, sleeps: true },
    Traits { name: "signal", concurrent: true, sleeps: true },
    Traits { name: "async", concurrent: true, sleeps: true },
];

type Case = (&'static str, fn(Traits));

/// Cases for every model.
const CASES: &[Case] = &[
    ("what_comes_in_goes_back", what_comes_in_goes_back),
    ("a_long_stream_comes_back_byte_by_byte", a_long_stream_comes_back_byte_by_byte),
    ("a_tiny_buffer_is_enough", a_tiny_buffer_is_enough),
    ("a_burst_and_then_silence_is_answered_whole", a_burst_and_then_silence_is_answered_whole),
    ("one_byte_at_a_time", one_byte_at_a_time),
    ("small_socket_buffers", small_socket_buffers),
    ("an_urgent_byte_loses_no_other", an_urgent_byte_loses_no_other),
    ("a_storm_of_connections_leaves_nothing", a_storm_of_connections_leaves_nothing),
    ("a_peer_that_vanishes_hurts_nobody", a_peer_that_vanishes_hurts_nobody),
    ("a_peer_that_never_reads_costs_no_memory", a_peer_that_never_reads_costs_no_memory),
    ("a_signal_ends_it_whatever_it_waits_for", a_signal_ends_it_whatever_it_waits_for),
    ("the_port_is_free_at_once", the_port_is_free_at_once),
    ("a_silent_client_is_the_lesson", a_silent_client_is_the_lesson),
];

/// Cases that make sense only where several connections are served at a time.
const CONCURRENT_CASES: &[Case] = &[
    ("two_hundred_at_once", two_hundred_at_once),
    ("a_reset_ends_that_connection_alone", a_reset_ends_that_connection_alone),
    ("out_of_descriptors_it_serves_on", out_of_descriptors_it_serves_on),
];

fn main() {
    let known: Vec<_> = MODELS.iter().map(|model| model.name).collect();
    let all: Vec<_> = Model::ALL.iter().map(|model| model.name()).collect();
    assert_eq!(known, all, "each model has its row in the table");
    let trial = |(name, case): &Case, model: Traits| {
        let case = *case;
        Trial::test(format!("{name}::{}", model.name), move || {
            case(model);
            Ok(())
        })
    };
    let mut trials = Vec::new();
    for model in MODELS {
        trials.extend(CASES.iter().map(|case| trial(case, *model)));
        let concurrent = CONCURRENT_CASES.iter();
        trials.extend(concurrent.filter(|_| model.concurrent).map(|case| trial(case, *model)));
    }
    trials.push(Trial::test("the_suite_notices_a_server_that_is_broken", || {
        the_suite_notices_a_server_that_is_broken();
        Ok(())
    }));
    let mut arguments = Arguments::from_args();
    // Each case has a process of its own, and some measure silence: two at a time is enough.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials).exit();
}

fn upper(data: &[u8]) -> Vec<u8> {
    data.to_ascii_uppercase()
}

fn what_comes_in_goes_back(model: Traits) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for (reply, answer) in [("upper", upper(&every_byte)), ("verbatim", every_byte.clone())] {
        let server = Server::start(model.name, &["--reply", reply]);
        let stream = server.connect();
        for _ in 0..3 {
            assert_eq!(ask(&stream, &every_byte), answer, "--reply {reply}");
        }
        // The end comes back once the server has done, and counted, all that it had to do.
        assert_eq!(stream_through(&stream, b"").unwrap(), b"");
        let stats = server.stop();
        assert_eq!((&stats["accepted"], &stats["bytes_in"]), (&1.into(), &768.into()), "{stats}");
        assert_eq!(stats["bytes_out"], 768, "{stats}");
        assert_eq!(stats["model"], model.name);
    }
    let server = Server::start(model.name, &["--reply", "none"]);
    assert_eq!(stream_through(&server.connect(), &every_byte).unwrap(), b"", "--reply none");
    let stats = server.stop();
    assert_eq!((&stats["bytes_in"], &stats["bytes_out"]), (&256.into(), &0.into()), "{stats}");
}

fn a_long_stream_comes_back_byte_by_byte(model: Traits) {
    let data = pattern(4 << 20);
    for (reply, answer) in [("upper", upper(&data)), ("verbatim", data.clone())] {
        let server = Server::start(model.name, &["--reply", reply]);
        check_stream(server.address, &data, &answer);
        let stats = server.stop();
        assert_eq!((&stats["accepted"], &stats["closed"]), (&1.into(), &1.into()), "{stats}");
    }
}

/// Half-closes after the last byte: the whole answer still comes, and then the end.
fn check_stream(address: SocketAddr, data: &[u8], answer: &[u8]) {
    let echo = stream_through(&connect(address), data).unwrap();
    let differs = echo.iter().zip(answer).position(|(got, wanted)| got != wanted);
    assert_eq!((echo.len(), differs), (answer.len(), None), "bytes, and the first that differs");
}

fn a_tiny_buffer_is_enough(model: Traits) {
    let data = pattern(50_000);
    for buffer in ["1", "7"] {
        let server = Server::start(model.name, &["--buffer", buffer]);
        check_stream(server.address, &data, &upper(&data));
    }
}

/// Told once that there is something, a server must not need a second hint for the rest.
fn a_burst_and_then_silence_is_answered_whole(model: Traits) {
    let server = Server::start(model.name, &["--buffer", "16"]);
    let data = pattern(1_000_000);
    let stream = server.connect();
    let mut answer = vec![0; data.len()];
    thread::scope(|scope| {
        scope.spawn(|| (&stream).write_all(&data).unwrap());
        (&stream).read_exact(&mut answer).unwrap();
    });
    assert!(answer == upper(&data));
}

fn one_byte_at_a_time(model: Traits) {
    let server = Server::start(model.name, &[]);
    let stream = server.connect();
    for byte in pattern(500) {
        assert_eq!(ask(&stream, &[byte]), upper(&[byte]));
    }
}

fn small_socket_buffers(model: Traits) {
    let server = Server::start(model.name, &[]);
    let stream = server.connect();
    // Smaller ones make the kernel's own timers the slowest part of it.
    SockRef::from(&stream).set_recv_buffer_size(16 * 1024).unwrap();
    SockRef::from(&stream).set_send_buffer_size(4096).unwrap();
    let data = pattern(1 << 20);
    assert!(stream_through(&stream, &data).unwrap() == upper(&data));
}

fn an_urgent_byte_loses_no_other(model: Traits) {
    let server = Server::start(model.name, &[]);
    let mut stream = server.connect();
    stream.write_all(b"before").unwrap();
    SockRef::from(&stream).send_out_of_band(b"!").unwrap();
    stream.write_all(b"behind").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"BEFOREBEHIND", "the urgent byte goes another way");
}

fn a_storm_of_connections_leaves_nothing(model: Traits) {
    const CONNECTIONS: usize = 1000;
    let server = Server::start(model.name, &[]);
    // The end comes back when the server has closed its side.
    assert_eq!(stream_through(&server.connect(), b"warm").unwrap(), b"WARM");
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
    assert_eq!(stats["accepted"], CONNECTIONS as u64 + 2, "{stats}");
}

fn a_peer_that_vanishes_hurts_nobody(model: Traits) {
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

fn a_peer_that_never_reads_costs_no_memory(model: Traits) {
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

fn a_signal_ends_it_whatever_it_waits_for(model: Traits) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        // For the first connection,
        let stats = Server::start(model.name, &[]).stop_with(signal);
        assert_eq!(stats["accepted"], 0, "{stats}");
        // for a message, and for a peer that does not read.
        let server = Server::start(model.name, &[]);
        let (stuck, silent) = (server.connect(), server.connect());
        ask(&stuck, b"hello");
        stuck.set_nonblocking(true).unwrap();
        while (&stuck).write(&[b'x'; 1 << 14]).is_ok() {}
        server.stop_with(signal);
        drop(silent);
    }
}

fn the_port_is_free_at_once(model: Traits) {
    let server = Server::start(model.name, &[]);
    let address = server.address;
    let stream = server.connect();
    ask(&stream, b"hello");
    // The server closes first, so its side of the connection keeps the port for a while.
    server.stop();
    drop(stream);
    let mut again = std::process::Command::new(support::DORMOUSE);
    again.args(["serve", model.name, "--stats", "--addr", &address.to_string()]);
    let server = Server::spawn(again);
    assert_eq!((server.address, ask(&server.connect(), b"again")), (address, b"AGAIN".to_vec()));
}

/// The first article's point: while the first client is silent, a blocking server hears nobody.
fn a_silent_client_is_the_lesson(model: Traits) {
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

fn two_hundred_at_once(model: Traits) {
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

fn a_reset_ends_that_connection_alone(model: Traits) {
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

/// At the limit it serves those it has; once some leave, it takes those who have waited, though
/// no new connection tells it to.
fn out_of_descriptors_it_serves_on(model: Traits) {
    const CLIENTS: usize = 40;
    let server = Server::start_with_descriptors(model.name, 24);
    let mut streams: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    for mut stream in &streams {
        stream.write_all(b"here").unwrap();
    }
    let is_answered = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let answered = stream.peek(&mut [0; 8]).is_ok();
        stream.set_nonblocking(false).unwrap();
        answered
    };
    let answered =
        |streams: &[TcpStream]| streams.iter().filter(|stream| is_answered(stream)).count();
    until("the descriptors are used up", || server.descriptors() >= 24);
    until("those admitted are answered", || answered(&streams) >= 8);
    let admitted = answered(&streams);
    assert!(admitted < CLIENTS, "all {CLIENTS} were admitted");
    if model.sleeps {
        let (_, account) = witness::watch(server.pid(), Duration::from_secs(1));
        assert!(account.ticks <= 2 && account.switches <= 30, "it spins: {account:?}");
    }
    // 8 of those admitted leave, and nobody comes.
    for _ in 0..8 {
        let leaver = streams.iter().position(is_answered).unwrap();
        drop(streams.swap_remove(leaver));
    }
    until("those who waited are served", || answered(&streams) >= admitted);
    while let Some(leaver) = streams.iter().position(is_answered) {
        drop(streams.swap_remove(leaver));
        until("the next is served", || streams.is_empty() || answered(&streams) > 0);
    }
    assert!(streams.is_empty(), "{} were never served", streams.len());
}

/// What a broken server does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    DropsTheLastByte,
    NeverCloses,
}

fn the_suite_notices_a_server_that_is_broken() {
    let data = pattern(100_000);
    let passes = |fault| {
        let address = broken_server(fault);
        catch_unwind(|| {
            let stream = connect(address);
            stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            assert!(stream_through(&stream, &data).unwrap() == upper(&data));
        })
        .is_ok()
    };
    assert!(passes(Fault::None), "a sound server passes");
    for fault in [Fault::DropsTheLastByte, Fault::NeverCloses] {
        assert!(!passes(fault), "a server that {fault:?} passes, too");
    }
}

/// Serves one connection, on a thread of its own.
fn broken_server(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut data = Vec::new();
        stream.read_to_end(&mut data).unwrap();
        data.make_ascii_uppercase();
        let dropped = usize::from(fault == Fault::DropsTheLastByte);
        stream.write_all(&data[..data.len() - dropped]).unwrap();
        if fault == Fault::NeverCloses {
            thread::sleep(LIMIT);
        }
    });
    address
}
