//! Law 5: a message that is smaller than the buffer and comes in one piece, on a warm connection,
//! costs one return, one poll and three system calls: wait, read, write.
//!
//! Guards against: a waker registered before every call (tokio-rs/tokio#2779), a read until 'not
//! yet' where a short one says enough, a lost edge after a partial read (tokio-rs/mio#1085).

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::process::Command;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;

use dormouse::net::{TcpListener, TcpStream};
use dormouse::{Metrics, Runtime, spawn, testing};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use crate::clients::{self, Clients, MESSAGE};
use crate::support::{
    self, add_one_event, any_port, connection_to_std, lab, silence, wait_until_asleep,
};
use crate::witness::{Span, elsewhere};

/// Echoes `messages` of 64 bytes through a buffer of `buffer`; the client sends each when this
/// thread has parked. Returns the metrics as each message was read.
async fn warm_messages(runtime: &Runtime, messages: usize, buffer: usize) -> Vec<Metrics> {
    let (mut stream, mut client) = connection_to_std().await;
    let parking = nix::unistd::gettid();
    let client = thread::spawn(move || {
        let mut answer = [0; 64];
        for _ in 0..messages {
            wait_until_asleep(parking);
            client.write_all(&[7; 64]).unwrap();
            client.read_exact(&mut answer).unwrap();
        }
        client
    });
    let mut buffer = vec![0; buffer];
    let mut read = Vec::new();
    for _ in 0..messages {
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 64);
        read.push(runtime.metrics());
        stream.write_all(&buffer[..64]).await.unwrap();
    }
    drop(client.join().unwrap());
    // The first messages come while the connection is new.
    read.split_off(2)
}

#[test]
fn a_message_costs_one_park_one_poll_and_no_vain_call() {
    const MESSAGES: u16 = 1002;
    lab(|runtime| {
        let span = Span::open(runtime);
        let read = runtime.block_on(warm_messages(runtime, MESSAGES.into(), 128));
        span.close();
        for pair in read.windows(2) {
            testing::expect(&pair[1].since(pair[0]), add_one_event);
        }
        let all = read[read.len() - 1].since(read[0]);
        testing::check_cost(&all, u64::from(MESSAGES) - 3).unwrap();
    });
}

#[test]
fn a_message_that_just_fills_the_buffer_costs_one_more_read() {
    lab(|runtime| {
        let span = Span::open(runtime);
        let read = runtime.block_on(warm_messages(runtime, 100, 64));
        span.close();
        for pair in read.windows(2) {
            testing::expect(&pair[1].since(pair[0]), |m| {
                add_one_event(m);
                m.vain_reads += 1;
            });
        }
    });
}

/// The third witness: what strace sees of the runtime's thread between two marks. It stops the
/// thread at each call, so the second is not heard.
#[test]
fn a_message_is_three_system_calls() {
    const NAME: &str = "cost::a_message_is_three_system_calls";
    if support::is_alone() {
        return lab(|runtime| {
            runtime.block_on(async {
                warm_messages(runtime, 3, 128).await;
                nix::unistd::write(std::io::stderr(), b"begin").unwrap();
                warm_messages(runtime, 103, 128).await;
                nix::unistd::write(std::io::stderr(), b"end").unwrap();
            });
        });
    }
    let log = std::env::temp_dir().join(format!("dormouse-strace-{}", std::process::id()));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&log).arg(std::env::current_exe().unwrap());
    let traced = match support::this_test_alone(NAME, strace).output() {
        Ok(output) if output.status.success() => std::fs::read_to_string(&log).unwrap(),
        Ok(output) if output.status.code() == Some(101) => {
            panic!("traced, it failed: {}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            return println!("skipped: strace can't trace here: {reason}");
        }
        Err(error) => return println!("skipped: no strace here: {error}"),
    };
    std::fs::remove_file(&log).unwrap();
    // A line is `thread call(arguments) = result`, or the second half of one that was interrupted.
    let calls = traced.lines().filter_map(|line| line.split_once(' '));
    let calls = calls.filter(|(_, call)| !call.trim_start().starts_with("<... "));
    let calls: Vec<_> = calls.map(|(thread, call)| (thread, call.trim_start())).collect();
    let (runs, _) = *calls.iter().find(|(_, call)| call.contains("\"begin\"")).unwrap();
    let ours = calls.iter().filter(|(thread, _)| *thread == runs).map(|(_, call)| *call);
    let ours = ours.skip_while(|call| !call.contains("\"begin\""));
    let ours: Vec<_> = ours.take_while(|call| !call.contains("\"end\"")).collect();
    let is = |call: &str, name: &str| call.starts_with(name);
    // From wait to wait: what comes between the wait and the next is what one message costs.
    let waits: Vec<_> = (0..ours.len()).filter(|i| is(ours[*i], "epoll_")).collect();
    let waits: Vec<_> = waits.into_iter().filter(|i| !is(ours[*i], "epoll_ctl")).collect();
    let warm = waits.windows(2).filter(|pair| pair[1] - pair[0] == 3).count();
    let shown = ours.join("\n");
    assert!(warm >= 100, "{warm} of 103 messages were wait, read, write:\n{shown}");
    for pair in waits.windows(2).skip(3) {
        let message = &ours[pair[0]..pair[1]];
        assert!(is(message[1], "recv") || is(message[1], "read"), "{message:?}");
        assert!(is(message[2], "send") || is(message[2], "write"), "{message:?}");
        assert_eq!(message.len(), 3, "{message:?}");
    }
}

/// A burst in pieces far smaller: one return for all of it, no call in vain, and after each 32
/// reads the task lets others go first, and the kernel is asked who else there is.
#[test]
fn a_burst_on_one_connection_is_one_return() {
    const PIECE: usize = 16;
    const PIECES_PER_POLL: u64 = 32;
    const POLLS: u64 = 10;
    const BURST: usize = PIECE * 320;
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection_to_std().await;
            assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
            silence(runtime).await;
            let span = Span::open(runtime);
            peer.write_all(&vec![7; BURST]).unwrap();
            for _ in 0..POLLS * PIECES_PER_POLL {
                assert_eq!(stream.read(&mut [0; PIECE]).await.unwrap(), PIECE);
            }
            span.expect(|m| {
                add_one_event(m);
                let itself = POLLS - 1;
                (m.turns, m.polls, m.enqueued) = (1 + itself, 1 + itself, 1 + itself);
                m.wakes_local = 1 + itself;
                (m.polls_nowait, m.vain_polls_nowait) = (itself, itself);
            });
            assert!(poll_once(stream.read(&mut [0; 8])).await.is_none(), "that was all");
        });
    });
}

/// What all connections have in common: how many messages there were, and who waits for the last.
#[derive(Default)]
struct Burst {
    read: Cell<usize>,
    waiter: Cell<Option<Waker>>,
}

impl Burst {
    /// Waits for the last of `messages`.
    async fn all(&self, messages: usize) {
        poll_fn(|cx| {
            self.waiter.set(Some(cx.waker().clone()));
            if self.read.get() == messages { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

async fn echo_and_count(mut stream: TcpStream, burst: Rc<Burst>, connections: usize) {
    let mut buffer = [0; 2 * MESSAGE.len()];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        assert_eq!(n, MESSAGE.len());
        stream.write_all(&buffer[..n]).await.unwrap();
        burst.read.set(burst.read.get() + 1);
        if burst.read.get() == connections {
            burst.waiter.take().unwrap().wake();
        }
    }
}

/// A burst on many connections costs each task one poll; the returns are as few as the events fit
/// into, if all messages are there before the runtime looks.
fn one_poll_each(test: &str, connections: usize) {
    const EVENTS_AT_ONCE: u64 = 1024;
    const POLLS_BETWEEN_LOOKS: u64 = 64;
    if clients::obeys() {
        return;
    }
    let (connections, _turn) = clients::as_many_as_possible(connections);
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            let mut clients = Clients::start(test, address, connections);
            let burst = Rc::new(Burst::default());
            for _ in 0..connections {
                let (stream, _) = listener.accept().await.unwrap();
                drop(spawn(echo_and_count(stream, Rc::clone(&burst), connections)));
            }
            clients.have("connected");
            let messages = u64::try_from(connections).unwrap();
            let least = messages.div_ceil(EVENTS_AT_ONCE);
            for round in 1.. {
                silence(runtime).await;
                burst.read.set(0);
                let span = Span::open(runtime);
                clients.tell("send");
                clients.have("sent");
                burst.all(connections).await;
                let did = span.close();
                clients = elsewhere(move |_| clients.receive()).await;
                let returns = did.parks;
                testing::expect(&did, |m| {
                    (m.parks, m.returned_event, m.events) = (returns, returns, messages);
                    // A turn for each, and one for us, who are woken by the last.
                    (m.turns, m.polls) = (returns + 1, messages + 1);
                    (m.wakes_local, m.enqueued) = (messages + 1, messages + 1);
                    // After so many polls the kernel is asked whether there is more.
                    (m.polls_nowait, m.vain_polls_nowait) = (did.polls_nowait, did.polls_nowait);
                });
                // A busy machine may deliver some messages a moment after they were sent.
                if returns == least {
                    let in_the_end = messages - (least - 1) * EVENTS_AT_ONCE;
                    assert_eq!(did.polls_nowait, u64::from(in_the_end >= POLLS_BETWEEN_LOOKS));
                    break;
                }
                assert!(round < 20, "never in {least} returns: {did:#?}");
            }
        });
    });
}

#[test]
fn a_burst_on_a_thousand_connections_is_one_return() {
    one_poll_each("cost::a_burst_on_a_thousand_connections_is_one_return", 1000);
}

#[test]
fn a_burst_on_three_thousand_connections_is_three_returns() {
    one_poll_each("cost::a_burst_on_three_thousand_connections_is_three_returns", 3000);
}
