//! Nobody is starved: not by a task that is always ready, nor by deadlines that are always due.
//!
//! Guards against smol-rs/smol#171, tokio-rs/tokio#5209 and monoio-rs/monoio#3 (a task that wakes
//! itself), tokio-rs/tokio#5946 and tokio-rs/website#422 (a socket that is always ready),
//! tokio-rs/tokio#8146 (deadlines).
#![allow(clippy::unwrap_used)]

mod support;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use dormouse::net::{TcpListener, TcpStream, UdpSocket};
use dormouse::time::{sleep, timeout};
use dormouse::{JoinHandle, Runtime, spawn, yield_now};
use futures_lite::future::zip;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

const LIMIT: Duration = Duration::from_secs(30);

/// An echo over loopback that a thread of its own plays the client of: so many round trips.
async fn echoes(round_trips: usize) {
    let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let client = thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        for _ in 0..round_trips {
            stream.write_all(b"?").unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut byte = [0];
    while stream.read(&mut byte).await.unwrap() == 1 {
        stream.write_all(&byte).await.unwrap();
    }
    client.join().unwrap();
}

fn for_ever<F: Future<Output = ()> + 'static>(
    mut step: impl FnMut() -> F + 'static,
) -> JoinHandle<()> {
    spawn(async move {
        loop {
            step().await;
        }
    })
}

#[test]
fn a_task_that_wakes_itself_leaves_sockets_and_timers_their_turn() {
    let _watchdog = support::HangGuard::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let hot = for_ever(yield_now);
        timeout(LIMIT, echoes(20)).await.expect("sockets get their turn");
        timeout(LIMIT, sleep(Duration::from_millis(5))).await.expect("timers get their turn");
        assert!(!hot.is_finished());
    });
    let metrics = runtime.metrics();
    assert!(metrics.polls_nowait > 0, "the hot task is seen: {metrics:?}");
    assert!(metrics.polls_nowait <= metrics.polls / 64 + metrics.parks + 1, "{metrics:?}");
}

#[test]
fn deadlines_that_are_always_due_leave_sockets_their_turn() {
    let _watchdog = support::HangGuard::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        // Due by the time that anybody looks: the thread never parks.
        let hot = for_ever(|| sleep(Duration::from_nanos(1)));
        timeout(LIMIT, echoes(20)).await.expect("sockets get their turn");
        hot.abort();
    });
}

/// A peer that sends all it can, for ever.
fn firehose(address: SocketAddr) {
    thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        while stream.write_all(&[7; 1 << 14]).is_ok() {}
    });
}

#[test]
fn a_socket_that_is_always_ready_does_not_keep_the_thread_to_itself() {
    let _watchdog = support::HangGuard::new();
    let runtime = Runtime::new().unwrap();
    let reads = Rc::new(Cell::new(0_u64));
    let counted = Rc::clone(&reads);
    runtime.block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        firehose(listener.local_addr().unwrap());
        let (mut stream, _) = listener.accept().await.unwrap();
        spawn(async move {
            // So small that the kernel's buffer never is empty.
            while stream.read(&mut [0; 16]).await.unwrap() > 0 {
                counted.set(counted.get() + 1);
            }
        });
        timeout(LIMIT, echoes(20)).await.expect("the others get their turn");
    });
    let (metrics, reads) = (runtime.metrics(), reads.get());
    // 32 calls a poll at most, so many reads take many polls.
    assert!(metrics.polls * 32 >= reads, "{reads} reads in {metrics:?}");
}

/// Sends to itself, without ever having to wait for room, until `end` says so.
async fn sends_until(sends: &Cell<u64>, end: impl Fn() -> bool) {
    let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let itself = socket.local_addr().unwrap();
    while !end() {
        socket.send_to(b"", itself).await.unwrap();
        sends.set(sends.get() + 1);
    }
}

#[test]
fn two_sockets_of_one_task_that_are_always_ready_both_get_on() {
    const SENDS: u64 = 100_000;
    let _watchdog = support::HangGuard::new();
    let (first, second) = (Cell::new(0), Cell::new(0));
    dormouse::block_on(async {
        // Each poll begins with the first one, which could use up all the steps.
        let end = || first.get() >= SENDS || second.get() >= SENDS / 100;
        zip(sends_until(&first, end), sends_until(&second, end)).await;
    });
    assert!(first.get() < SENDS, "the second one has sent {} times", second.get());
}

#[test]
fn connections_that_keep_coming_do_not_keep_the_thread_to_themselves() {
    const CONNECTIONS: usize = 1000;
    let _watchdog = support::HangGuard::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> =
            (0..CONNECTIONS).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        // All of them are in the queue. Who accepts them in one go would need one poll.
        let accepting = spawn(async move {
            let mut accepted: Vec<TcpStream> = Vec::new();
            while accepted.len() < CONNECTIONS {
                accepted.push(listener.accept().await.unwrap().0);
            }
            accepted
        });
        let mut yields = 0;
        while !accepting.is_finished() {
            yield_now().await;
            yields += 1;
        }
        assert_eq!(accepting.await.unwrap().len(), clients.len());
        assert!(yields >= CONNECTIONS / 32, "others were polled {yields} times meanwhile");
    });
}
