//! What only the server on `io_uring` has to show: that its two queues lose nothing, that memory
//! lent to the kernel comes back, and that it says why where there is no ring.
//!
//! What it shares with all models is in `tests/conformance/`. Where the kernel gives no ring, each
//! of these tests says so, and passes.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dormouse_study::audit::verdict::Verdict;
use dormouse_study::counters::Counters;
use dormouse_study::limits::raise_descriptor_limit;
use dormouse_study::models::uring::{available, serve_on_ring};
use dormouse_study::options::Options;
use dormouse_study::stop::Stop;
use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use socket2::SockRef;
use support::witness;
use support::{DORMOUSE, LIMIT, OPTIONS, Server, ask, connect, pattern, stream_through, until};

/// Descriptors are counted, so the tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());

    raise_descriptor_limit().unwrap();
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same; `None` where there is no ring to be had.
fn turn() -> Option<MutexGuard<'static, ()>> {
    let turn = alone();
    available().inspect_err(|e| println!("SKIPPED: {e}")).ok()?;
    Some(turn)
}

/// The server on a thread of this process.
struct Local {
    address: SocketAddr,
    /// The server's own, to break it underneath.
    listener: TcpListener,
    counters: Arc<Counters>,
    stop: Arc<Stop>,
    served: JoinHandle<io::Result<()>>,
}

impl Local {
    fn start(entries: u32, options: Options) -> Local {
        let listener = dormouse_study::listen::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let counters = Arc::new(Counters::new("uring", false));
        let stop = Arc::new(Stop::default());
        let (its_listener, its_counters, its_stop) =
            (listener.try_clone().unwrap(), Arc::clone(&counters), Arc::clone(&stop));
        let served = thread::spawn(move || {
            serve_on_ring(entries, its_listener, &options, &its_counters, &its_stop)
        });
        Local { address: listener.local_addr().unwrap(), listener, counters, stop, served }
    }

    fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Waits for the server to end.
    fn ended(self) -> io::Result<()> {
        until("the server ends", || self.served.is_finished());
        self.served.join().unwrap()
    }

    /// Asks the server to stop: it must do so in time, and without an error.
    fn stop(self) -> Arc<Counters> {
        // It may not have come so far as to be asked.
        ask(&self.connect(), b"hello");
        assert!(self.stop.request(Duration::from_millis(500)), "all is closed in time");
        let counters = Arc::clone(&self.counters);
        self.ended().unwrap();
        counters
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Reads until the connection ends, in whatever way; a timeout is no end.
fn see_the_end(mut stream: &TcpStream) {
    let mut heard = [0; 1 << 14];
    loop {
        match stream.read(&mut heard) {
            Ok(0) => return,
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionReset => return,
            Err(e) => panic!("the peer does not see the end: {e}"),
        }
    }
}

#[test]
fn a_tiny_ring_loses_nothing() {
    const CLIENTS: usize = 200;
    const MESSAGES: usize = 100;
    let Some(_turn) = turn() else { return };
    let server = Local::start(4, OPTIONS);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let streams: Vec<_> = (0..CLIENTS / 4).map(|_| server.connect()).collect();
                for _ in 0..MESSAGES {
                    // All at once: many more completions, and new work, than the queues hold.
                    for mut stream in &streams {
                        stream.write_all(b"message").unwrap();
                    }
                    for mut stream in &streams {
                        let mut answer = [0; 7];
                        stream.read_exact(&mut answer).unwrap();
                        assert_eq!(&answer, b"MESSAGE");
                    }
                }
            });
        }
    });
    // Had the kernel dropped a completion, the server would have ended with an error.
    let counters = server.stop();
    let all = (CLIENTS * MESSAGES * 7 + 5) as u64;
    assert_eq!((counters.bytes_in.load(Relaxed), counters.bytes_out.load(Relaxed)), (all, all));
    assert_eq!(counters.closed.load(Relaxed), CLIENTS as u64 + 1);
}

#[test]
fn a_half_close_still_gets_its_whole_answer() {
    let Some(_turn) = turn() else { return };
    for (entries, buffer) in [(2, 7), (4, 4096), (1024, 3 << 20)] {
        let server = Local::start(entries, Options { buffer, ..OPTIONS });
        // Connections inherit it: a long answer has to wait for room again and again.
        SockRef::from(&server.listener).set_send_buffer_size(4096).unwrap();
        let stream = server.connect();
        let data = pattern(1 << 20);
        assert!(stream_through(&stream, &data).unwrap() == data.to_ascii_uppercase(), "{buffer}");
        server.stop();
    }
}

#[test]
fn one_answer_is_one_system_call() {
    const MESSAGES: u64 = 1000;
    let Some(_turn) = turn() else { return };
    let server = Server::start("uring", &[]);
    let stream = server.connect();
    for _ in 0..MESSAGES {
        ask(&stream, b"hello");
    }
    assert_eq!(stream_through(&stream, b"").unwrap(), b"");
    let stats = server.stop();
    // One for the connection, one for its end, two to stop.
    assert!(stats["waits"].as_u64().unwrap() <= MESSAGES + 4, "{stats}");
    for calls in ["accepts", "reads", "writes", "vain_waits"] {
        assert_eq!(stats[calls], 0, "{calls}: {stats}");
    }
    assert_eq!((&stats["bytes_in"], &stats["bytes_out"]), (&5000.into(), &5000.into()), "{stats}");
}

#[test]
fn it_sleeps_while_nobody_speaks() {
    let Some(_turn) = turn() else { return };
    for connections in [0, 1, 1000] {
        let server = Server::start("uring", &[]);
        let streams: Vec<_> = (0..connections).map(|_| server.connect()).collect();
        for stream in &streams {
            ask(stream, b"before");
        }
        let (verdict, account) = witness::watch(server.pid(), Duration::from_millis(500));
        for stream in &streams {
            assert_eq!(ask(stream, b"after"), b"AFTER", "silent, but is it alive?");
        }
        let stats = server.stop();
        assert_eq!(verdict, Verdict::Asleep, "{connections} idle: {account:?}; {stats}");
        // No more waits than there were events: a connection's coming, and its two messages.
        assert!(stats["waits"].as_u64().unwrap() <= 3 * connections + 3, "{stats}");
        assert_eq!(stats["vain_waits"], 0, "{stats}");
    }
}

#[test]
fn a_connection_that_is_dropped_ends_for_its_peer_at_once() {
    let Some(_turn) = turn() else { return };
    let before = descriptors();
    let idle_timeout = Some(Duration::from_millis(100));
    let server = Local::start(1024, Options { idle_timeout, ..OPTIONS });
    let (silent, stuck) = (server.connect(), server.connect());
    ask(&silent, b"hello");
    stuck.set_nonblocking(true).unwrap();
    while (&stuck).write(&[b'x'; 1 << 14]).is_ok() {}
    stuck.set_nonblocking(false).unwrap();
    // With a receive in flight, and with a send; a peer that sees nothing runs into its timeout.
    see_the_end(&silent);
    see_the_end(&stuck);
    until("both are closed", || server.counters.closed.load(Relaxed) == 2);
    drop((silent, stuck));
    server.stop();
    assert_eq!(descriptors(), before);
}

/// Whoever's time is up again before the server is done with the others must not keep it there.
#[test]
fn a_limit_shorter_than_a_turn_ends_connections_and_not_the_server() {
    let Some(_turn) = turn() else { return };
    let idle_timeout = Some(Duration::from_nanos(1));
    let server = Local::start(1024, Options { idle_timeout, ..OPTIONS });
    let silent: Vec<_> = (0..50).map(|_| server.connect()).collect();
    silent.iter().for_each(see_the_end);
    until("all are closed", || server.counters.closed.load(Relaxed) == 50);
    assert!(server.stop.request(Duration::from_millis(500)), "and it hears");
    server.ended().unwrap();
}

#[test]
fn above_the_limit_connections_are_closed_at_once() {
    let Some(_turn) = turn() else { return };
    let server = Local::start(1024, Options { max_connections: Some(2), ..OPTIONS });
    let (first, second) = (server.connect(), server.connect());
    ask(&first, b"hello");
    ask(&second, b"hello");
    see_the_end(&server.connect());
    assert_eq!(ask(&second, b"still here"), b"STILL HERE");
    drop(first);
    until("a place is free", || server.counters.closed.load(Relaxed) == 2);
    ask(&server.connect(), b"hello");
    drop(second);
    until("another place is free", || server.counters.closed.load(Relaxed) >= 3);
    let counters = server.stop();
    assert_eq!(counters.accepted.load(Relaxed), counters.closed.load(Relaxed));
}

/// The listener breaks while a hundred receives are in flight, and peers send.
#[test]
fn an_error_that_ends_the_server_leaves_neither_memory_nor_descriptors_to_the_kernel() {
    const BUFFER: usize = 64 << 10;
    let Some(_turn) = turn() else { return };
    let before = descriptors();
    let canaries = || vec![vec![0xC5_u8; BUFFER]; 100];
    let older = canaries();
    let server = Local::start(1024, Options { buffer: BUFFER, ..OPTIONS });
    let streams: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for stream in &streams {
        ask(stream, b"hello");
    }
    SockRef::from(&server.listener).shutdown(Shutdown::Both).unwrap();
    let younger = thread::scope(|scope| {
        for stream in &streams {
            scope.spawn(move || {
                let mut stream = stream;
                while stream.write(&[b'x'; 1 << 14]).is_ok() {}
            });
        }
        let error = server.ended().unwrap_err();
        assert!(error.to_string().starts_with("accept: "), "{error}");
        // In the place of the buffers, while the peers still send.
        let younger = canaries();
        streams.iter().for_each(see_the_end);
        younger
    });
    drop(streams);
    let intact = |canary: &Vec<u8>| canary.iter().all(|byte| *byte == 0xC5);
    assert!(older.iter().all(intact) && younger.iter().all(intact), "the kernel wrote to them");
    assert_eq!(descriptors(), before);
}

#[test]
fn a_stop_in_the_middle_of_work_ends_all_connections() {
    const CLIENTS: u64 = 50;
    let Some(_turn) = turn() else { return };
    for entries in [2, 1024] {
        let server = Local::start(entries, OPTIONS);
        let streams: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
        for stream in &streams {
            ask(stream, b"hello");
        }
        let counters = thread::scope(|scope| {
            for stream in &streams {
                // Some never read an answer until the end has come.
                scope.spawn(move || {
                    let mut stream = stream;
                    while stream.write(&[b'x'; 1 << 14]).is_ok() {}
                });
            }
            for stream in streams.iter().skip(10) {
                scope.spawn(move || see_the_end(stream));
            }
            let busy = || server.counters.bytes_out.load(Relaxed) > 1 << 20;
            until("they are in the middle of it", busy);
            let start = Instant::now();
            assert!(server.stop.request(LIMIT), "it stops");
            assert!(start.elapsed() < Duration::from_millis(500), "in {:?}", start.elapsed());
            let counters = Arc::clone(&server.counters);
            server.ended().unwrap();
            counters
        });
        streams.iter().for_each(see_the_end);
        let ends = (counters.accepted.load(Relaxed), counters.closed.load(Relaxed));
        assert_eq!(ends, (CLIENTS, CLIENTS));
    }
}

/// Connections vanish while the kernel reads for them, and while it writes; then the server ends
/// with a hundred operations in flight. In debug builds each buffer has canaries (`uring/buffer.rs`):
/// one that died would end the server with a panic.
#[test]
fn peers_vanish_and_the_end_comes_with_a_hundred_operations_in_flight() {
    const BUFFER: usize = 64 << 10;
    const LEAVE: u64 = 50;
    const STAY: u64 = 100;
    let Some(_turn) = turn() else { return };
    let before = descriptors();
    let server = Local::start(1024, Options { buffer: BUFFER, ..OPTIONS });
    let connect = |_| {
        let stream = server.connect();
        assert_eq!(ask(&stream, b"hello"), b"HELLO");
        stream
    };
    let leave: Vec<_> = (0..LEAVE).map(connect).collect();
    let stay: Vec<_> = (0..STAY).map(connect).collect();
    // Every other one gets no further with its answer: a send is in flight. Else it is a receive.
    for stream in leave.iter().chain(&stay).step_by(2) {
        stream.set_nonblocking(true).unwrap();
        while (&*stream).write(&[b'x'; 1 << 14]).is_ok() {}
        stream.set_nonblocking(false).unwrap();
    }
    leave.into_iter().enumerate().for_each(|(n, stream)| match n % 4 {
        0 | 1 => support::reset(stream),
        _ => drop(stream),
    });
    until("the server has seen them leave", || server.counters.closed.load(Relaxed) == LEAVE);
    assert_eq!(server.counters.accepted.load(Relaxed), LEAVE + STAY);
    assert!(server.stop.request(LIMIT), "it stops");
    let counters = Arc::clone(&server.counters);
    server.ended().unwrap();
    assert_eq!(counters.closed.load(Relaxed), LEAVE + STAY);
    stay.iter().for_each(see_the_end);
    drop(stay);
    assert_eq!(descriptors(), before);
}

/// The end of a ring can interrupt what its thread does next, without any signal: a wait for
/// events, or a sleep. A runtime on that thread must not mind.
#[test]
fn the_end_of_a_ring_disturbs_no_runtime() {
    let Some(_turn) = turn() else { return };
    for _ in 0..20 {
        let listener = dormouse_study::listen::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let breaker = listener.try_clone().unwrap();
        let thread = thread::spawn(move || {
            let counters = Counters::new("uring", false);
            let served = serve_on_ring(64, listener, &OPTIONS, &counters, &Stop::default());
            assert!(served.is_err(), "its listener was broken");
            let runtime = dormouse::Runtime::new().unwrap();
            for _ in 0..5 {
                let (begin, pause) = (Instant::now(), Duration::from_millis(5));
                runtime.block_on(dormouse::time::sleep(pause));
                assert!(begin.elapsed() >= pause, "early");
            }
            let metrics = runtime.metrics();
            dormouse::testing::check_books(&metrics).unwrap();
            metrics.returned_interrupted
        });
        let streams: Vec<_> = (0..20).map(|_| connect(address)).collect();
        for stream in &streams {
            ask(stream, b"hello");
        }
        // With twenty receives in flight.
        SockRef::from(&breaker).shutdown(Shutdown::Both).unwrap();
        println!("interrupted: {}", thread.join().unwrap());
    }
}

/// What hides the call, as containers do, and what the user must be told then.
const HIDDEN: [(i32, &str); 2] =
    [(libc::EPERM, "a seccomp filter"), (libc::ENOSYS, "this kernel has no io_uring")];

/// Runs `dormouse` in a process from which `io_uring_setup` is hidden, so that it fails with
/// `errno`.
fn without_io_uring(errno: i32, args: &str) -> Output {
    program_without_io_uring(DORMOUSE, errno, args)
}

fn program_without_io_uring(program: &str, errno: i32, args: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "become_a_program_without_io_uring", "--ignored", "--nocapture"])
        .env("PROGRAM", program)
        .env("HIDE_WITH", errno.to_string())
        .env("ARGS", args)
        .output()
        .unwrap()
}

#[test]
fn where_io_uring_is_hidden_one_line_says_so() {
    let _turn = alone();
    let commands = ["serve uring --addr 127.0.0.1:0", "timeline uring"];
    for ((errno, reason), command) in
        HIDDEN.into_iter().flat_map(|hidden| commands.map(|command| (hidden, command)))
    {
        let output = without_io_uring(errno, command);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        // Where the switch is set as well, it is the switch that is named.
        let named = said.contains(reason) || said.contains("kernel.io_uring_disabled");
        assert!(said.starts_with("error: io_uring is not available: ") && named, "{said}");
        assert!(!String::from_utf8(output.stdout).unwrap().contains("listening"), "too early");
    }
}

#[test]
fn where_io_uring_is_hidden_the_study_compares_the_others() {
    let _turn = alone();
    let output = without_io_uring(HIDDEN[0].0, "study --models mio,uring --duration 300ms");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    let row = |model: &str| {
        let is_its = |line: &&str| line.split_whitespace().next() == Some(model);
        printed.lines().find(is_its).unwrap_or_else(|| panic!("no {model}: {printed}"))
    };
    assert!(row("uring").contains("not available here: io_uring is not available"), "{printed}");
    assert!(row("mio").chars().any(|c| c.is_ascii_digit()), "{printed}");
}

#[test]
fn where_io_uring_is_hidden_the_step_says_so_and_is_skipped() {
    let _turn = alone();
    let step = "run --quiet --example 11_completion";
    let output = program_without_io_uring(env!("CARGO"), HIDDEN[0].0, step);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("skipped: io_uring is not available: "), "{printed}");
    assert!(!printed.contains("words"), "{printed}");
}

/// Not a test: the child of those above, which becomes that program.
#[test]
#[ignore = "started by another test"]
fn become_a_program_without_io_uring() {
    let Ok(errno) = std::env::var("HIDE_WITH") else { return };
    let hide = SeccompAction::Errno(errno.parse().unwrap());
    let filter = SeccompFilter::new(
        [(libc::SYS_io_uring_setup, vec![])].into(),
        SeccompAction::Allow,
        hide,
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
    let args = std::env::var("ARGS").unwrap();
    let program = std::env::var("PROGRAM").unwrap();
    panic!("{}", Command::new(program).args(args.split_whitespace()).exec());
}
