//! Law 4: with no event, deadline, wake from outside or signal, nothing happens, whatever the
//! number of connections. One exception: out of descriptors, accepting is tried again, by a timer.
//!
//! Guards against: an idle loop that turns (nim-lang/Nim#1990, smol-rs/smol#162), a writer that is
//! woken while there is no room (tokio-rs/mio#933), a listener that can't accept and says so for
//! ever (joyent/libuv#690, tokio-rs/tokio#3529).

use std::cell::Cell;
use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::sleep;
use dormouse::{Runtime, spawn, testing, yield_now};
use futures_lite::AsyncWriteExt;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::clients::{self, Clients};
use crate::support::{
    SILENCE, add_one_event, add_one_timer, add_one_unpark, any_port, assert_falls_silent,
    connection_to_std, in_a_process, lab, silence, until,
};
use crate::witness::{Span, assert_silence, elsewhere, sleep_watched};
use crate::{MILLISECOND, assert_answers, echo};

/// An echo server in the runtime that runs; its address, and how many connections it has had.
pub(crate) fn server() -> (SocketAddr, Rc<Cell<usize>>) {
    let mut listener = TcpListener::bind(any_port()).unwrap();
    let (address, accepted) = (listener.local_addr().unwrap(), Rc::new(Cell::new(0)));
    let count = Rc::clone(&accepted);
    drop(spawn(async move {
        loop {
            drop(spawn(echo(listener.accept().await.unwrap().0)));
            count.set(count.get() + 1);
        }
    }));
    (address, accepted)
}

#[test]
fn an_idle_runtime_takes_no_turns() {
    lab(|runtime| {
        runtime.block_on(async {
            silence(runtime).await;
            assert_silence(runtime).await;
            let (address, _) = server();
            silence(runtime).await;
            assert_silence(runtime).await;
            assert_answers(&mut TcpStream::connect(address).await.unwrap()).await;
        });
    });
}

#[test]
fn an_idle_connection_costs_nothing() {
    lab(|runtime| {
        runtime.block_on(async {
            let (address, _) = server();
            let mut client = TcpStream::connect(address).await.unwrap();
            assert_answers(&mut client).await;
            silence(runtime).await;
            assert_silence(runtime).await;
            assert_answers(&mut client).await;
        });
    });
}

fn idle_connections_cost_nothing(test: &str, connections: usize) {
    if clients::obeys() {
        return;
    }
    let (connections, _turn) = clients::as_many_as_possible(connections);
    lab(|runtime| {
        runtime.block_on(async {
            let (address, accepted) = server();
            let mut clients = Clients::start(test, address, connections);
            until(|| accepted.get() == connections).await;
            clients.have("connected");
            silence(runtime).await;
            assert_silence(runtime).await;
            // Law 0, for each of them.
            clients.tell("send");
            drop(elsewhere(move |_| clients.receive()).await);
        });
    });
}

#[test]
fn a_thousand_idle_connections_cost_nothing() {
    idle_connections_cost_nothing("silence::a_thousand_idle_connections_cost_nothing", 1000);
}

#[test]
fn ten_thousand_idle_connections_cost_nothing() {
    idle_connections_cost_nothing("silence::ten_thousand_idle_connections_cost_nothing", 10_000);
}

#[test]
#[ignore = "with the others of `cargo test --test load_held`"]
fn fifteen_thousand_idle_connections_cost_nothing() {
    idle_connections_cost_nothing(
        "silence::fifteen_thousand_idle_connections_cost_nothing",
        15_000,
    );
}

/// Writes until nothing more goes in.
async fn stuck_writer(runtime: &Runtime, len: usize) -> (std::net::TcpStream, impl Future) {
    let (mut stream, peer) = connection_to_std().await;
    let writes = spawn(async move { stream.write_all(&vec![0; len]).await.unwrap() });
    assert_falls_silent(runtime).await;
    assert!(!writes.is_finished(), "the system took {len} bytes that nobody reads");
    (peer, writes)
}

const MORE_THAN_BUFFERS_HOLD: usize = 16 << 20;

#[test]
fn a_peer_that_never_reads_costs_nothing() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut peer, writes) = stuck_writer(runtime, MORE_THAN_BUFFERS_HOLD).await;
            // Now and then the kernel still moves something between the two full buffers.
            let mut tries = 0;
            while sleep_watched(runtime).await != Default::default() {
                tries += 1;
                assert!(tries < 20, "it never sleeps: {:#?}", runtime.metrics());
            }
            // Law 0: it reads in the end, and the rest comes.
            let reads = thread::spawn(move || {
                peer.read_exact(&mut vec![0; MORE_THAN_BUFFERS_HOLD]).unwrap();
                peer
            });
            writes.await;
            reads.join().unwrap();
        });
    });
}

/// Not one poll for each byte: the kernel says when there is room worth a call.
#[test]
fn a_peer_that_reads_byte_by_byte_costs_no_poll_without_an_event() {
    const BYTES: u64 = 20;
    lab(|runtime| {
        runtime.block_on(async {
            let (mut peer, writes) = stuck_writer(runtime, MORE_THAN_BUFFERS_HOLD).await;
            let span = Span::open(runtime);
            let peer = elsewhere(move |_| {
                for _ in 0..BYTES {
                    peer.read_exact(&mut [0]).unwrap();
                    thread::sleep(10 * MILLISECOND);
                }
                peer
            });
            let mut peer = peer.await;
            let did = span.close();
            testing::check_events(&did, BYTES).unwrap();
            assert!(did.vain_writes <= did.events, "{did:#?}");
            testing::expect(&did, |m| {
                add_one_unpark(m);
                (0..did.events).for_each(|_| add_one_event(m));
                m.vain_writes = did.vain_writes;
            });
            let rest = MORE_THAN_BUFFERS_HOLD - usize::try_from(BYTES).unwrap();
            let reads = thread::spawn(move || peer.read_exact(&mut vec![0; rest]).map(|()| peer));
            writes.await;
            reads.join().unwrap().unwrap();
        });
    });
}

/// The exception: out of descriptors, one try each 100 ms, each counted as a deadline.
#[test]
fn out_of_descriptors_accepting_is_tried_by_a_timer_alone() {
    const TRIES: u64 = 4;
    const RETRY: Duration = Duration::from_millis(100);
    in_a_process("silence::out_of_descriptors_accepting_is_tried_by_a_timer_alone", || {
        lab(|runtime| {
            runtime.block_on(async {
                let mut listener = TcpListener::bind(any_port()).unwrap();
                let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap());
                let (limit, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
                let next = u64::try_from(client.as_ref().unwrap().as_raw_fd()).unwrap() + 1;
                silence(runtime).await;

                let span = Span::open(runtime);
                let begin = Instant::now();
                setrlimit(Resource::RLIMIT_NOFILE, next, hard).unwrap();
                for _ in 0..TRIES {
                    let error = listener.accept().await.unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(nix::libc::EMFILE));
                    sleep(RETRY).await;
                }
                setrlimit(Resource::RLIMIT_NOFILE, limit, hard).unwrap();
                let did = span.close();
                assert!(begin.elapsed() >= RETRY * u32::try_from(TRIES).unwrap());
                testing::expect(&did, |m| {
                    (0..TRIES).for_each(|_| add_one_timer(m));
                    // The client that waits was announced once, and is not again.
                    (m.events, m.events_stale) = (did.events, 0);
                });
                testing::check_events(&did, 0).unwrap();
                testing::check_silence(&did, TRIES).unwrap();

                // Law 0: no event will say that it still waits.
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"x").await.unwrap();
                client.as_mut().unwrap().read_exact(&mut [0]).unwrap();
            });
        });
    });
}

#[test]
fn a_future_that_spins_is_given_away_by_its_polls() {
    lab(|runtime| {
        runtime.block_on(async {
            let spins = spawn(async {
                loop {
                    yield_now().await;
                }
            });
            let before = runtime.metrics();
            sleep(SILENCE).await;
            let did = runtime.metrics().since(before);
            let breach = testing::check_silence(&did, 1).unwrap_err();
            assert_eq!(breach.law(), 4, "{breach}");
            assert!(did.polls > 1000 && did.polls_nowait > 10, "{did:#?}");
            assert_eq!(did.parks, 0, "{did:#?}");
            spins.abort();
        });
    });
}
