//! Sockets: every byte arrives, once and in its order; every end is told; no descriptor is left.
//!
//! Guards against: a read that stops before 'not yet' (tokio-rs/mio#1085, #1076), a short read
//! taken for the end of what there is (tokio-rs/tokio#5866), an edge before the registration
//! (PacktPublishing/Asynchronous-Programming-in-Rust#23), one waker for two halves
//! (tokio-rs/tokio#3200), a half-close taken for a close (tokio-rs/mio#933), a hang-up without data
//! (libuv's quirk in nodejs/node#11307), a refused connection taken for one (tokio-rs/mio#1942), a
//! backlog stranded at the limit of descriptors (joyent/libuv#690, tokio-rs/tokio#4782), a
//! registration that outlives its socket (tokio-rs/mio#361, libuv/libuv#4323), one made twice
//! (redis/redis#2479), a waker kept for each dropped read (n0-computer/n0-watcher#62), a
//! descriptor lost between open and register (tokio-rs/mio#1031).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]
#![allow(clippy::async_yields_async, reason = "a future begun in one block_on, ended in another")]

mod support;

use std::cell::Cell;
use std::future::pending;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{Shutdown, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use dormouse::net::{TcpListener, TcpStream};
use dormouse::time::{sleep, timeout};
use dormouse::{Async, Runtime, spawn, yield_now};
use futures_lite::future::{poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use mio::Interest;
use mio::unix::SourceFd;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::SockRef;

use support::{
    SILENCE, add_one_event, add_one_timer, any_port, assert_falls_silent, connection,
    connection_to_std, expect, in_a_process, lab, open_descriptors, silence, until,
    wait_until_asleep,
};

const MIB: usize = 1 << 20;

/// Bytes that tell where they belong: no block of them is like another.
fn pattern(len: usize) -> Vec<u8> {
    let counter =
        (0..len.div_ceil(4)).map(|i| u32::try_from(i).unwrap().wrapping_mul(2_654_435_761));
    let mut bytes: Vec<u8> = counter.flat_map(u32::to_le_bytes).collect();
    bytes.truncate(len);
    bytes
}

/// Not with `assert_eq`: megabytes make no good message.
#[track_caller]
fn assert_same(found: &[u8], expected: &[u8]) {
    assert_eq!(found.len(), expected.len());
    let differs = found.iter().zip(expected).position(|(a, b)| a != b);
    assert_eq!(differs, None, "the first byte that differs");
}

/// Sends back what comes, through a buffer of `buffer`, until the end; then ends, too.
async fn echo(mut stream: TcpStream, buffer: usize) {
    let mut buffer = vec![0; buffer];
    while let n @ 1.. = stream.read(&mut buffer).await.unwrap() {
        stream.write_all(&buffer[..n]).await.unwrap();
    }
    stream.close().await.unwrap();
}

#[test]
fn megabytes_pass_through_the_smallest_buffers_unharmed() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, peer) = std_pair();
            for socket in [SockRef::from(&stream), SockRef::from(&peer)] {
                socket.set_send_buffer_size(4096).unwrap();
            }
            let sent = pattern(2 * MIB);
            let (to_send, mut sender) = (sent.clone(), peer.try_clone().unwrap());
            let sends = thread::spawn(move || {
                sender.write_all(&to_send).unwrap();
                sender.shutdown(Shutdown::Write).unwrap();
            });
            let mut from_us = peer;
            let receives = thread::spawn(move || {
                let mut received = Vec::new();
                from_us.read_to_end(&mut received).unwrap();
                received
            });
            echo(TcpStream::from_std(stream).unwrap(), 3000).await;
            sends.join().unwrap();
            assert_same(&receives.join().unwrap(), &sent);
        });
        assert!(runtime.metrics().vain_writes < runtime.metrics().polls);
    });
}

/// Two ends of a connection that no runtime knows of yet.
fn std_pair() -> (StdStream, StdStream) {
    let listener = StdListener::bind(any_port()).unwrap();
    let peer = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, peer)
}

#[test]
fn data_and_the_end_may_come_as_one_event() {
    lab(|runtime| {
        runtime.block_on(async {
            for _ in 0..1000 {
                let (mut stream, mut peer) = connection_to_std().await;
                let mut buffer = [0; 64];
                assert!(poll_once(stream.read(&mut buffer)).await.is_none());
                peer.write_all(b"last words").unwrap();
                drop(peer);
                assert_eq!(stream.read(&mut buffer).await.unwrap(), 10);
                assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
            }
        });
    });
}

#[test]
fn urgent_data_holds_nothing_back() {
    lab(|runtime| {
        runtime.block_on(async {
            // All before the first read; and with a reader that waits between the parts.
            for waits in [false, true] {
                let (mut stream, mut peer) = connection_to_std().await;
                let mut found = Vec::new();
                let mut buffer = [0; 64];
                if waits {
                    peer.write_all(b"before").unwrap();
                    let n = stream.read(&mut buffer).await.unwrap();
                    found.extend_from_slice(&buffer[..n]);
                    assert!(poll_once(stream.read(&mut buffer)).await.is_none());
                } else {
                    assert!(poll_once(stream.read(&mut buffer)).await.is_none());
                    peer.write_all(b"before").unwrap();
                }
                SockRef::from(&peer).send_out_of_band(b"!").unwrap();
                peer.write_all(b"after").unwrap();
                while found.len() < 11 {
                    let n = stream.read(&mut buffer).await.unwrap();
                    found.extend_from_slice(&buffer[..n]);
                }
                assert_eq!(found, b"beforeafter");
                peer.write_all(b"more").unwrap();
                assert_eq!(stream.read(&mut buffer).await.unwrap(), 4);
            }
        });
    });
}

#[test]
fn one_burst_is_read_to_its_end_in_small_pieces() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, mut peer) = connection_to_std().await;
            let server = spawn(echo(stream, 16));
            let sent = pattern(MIB);
            let to_send = sent.clone();
            let client = thread::spawn(move || {
                let mut from_us = peer.try_clone().unwrap();
                let reads = thread::spawn(move || {
                    let mut received = vec![0; MIB];
                    from_us.read_exact(&mut received).unwrap();
                    received
                });
                // One burst, and then not a byte more.
                peer.write_all(&to_send).unwrap();
                let received = reads.join().unwrap();
                (received, peer)
            });
            until(|| client.is_finished()).await;
            let (received, peer) = client.join().unwrap();
            assert_same(&received, &sent);
            drop(peer);
            server.await.unwrap();
        });
    });
}

#[test]
fn what_came_before_the_registration_is_read() {
    lab(|runtime| {
        runtime.block_on(async {
            for i in 0..1000 {
                let (stream, mut peer) = std_pair();
                if i % 2 == 0 {
                    peer.write_all(b"early").unwrap();
                }
                let mut stream = TcpStream::from_std(stream).unwrap();
                if i % 2 == 1 {
                    peer.write_all(b"early").unwrap();
                }
                assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 5);
            }
        });
    });
}

#[test]
fn two_tasks_share_a_connection_in_both_directions() {
    const EACH: usize = 8 * MIB;
    lab(|runtime| {
        runtime.block_on(async {
            let (ours, theirs) = connection().await;
            let sent = Rc::new(pattern(EACH));
            let mut tasks = Vec::new();
            for stream in [ours, theirs] {
                let (mut reader, mut writer) = stream.split();
                let (to_send, expected) = (Rc::clone(&sent), Rc::clone(&sent));
                tasks.push(spawn(async move {
                    writer.write_all(&to_send).await.unwrap();
                    // Its drop tells the other side that this was all.
                }));
                tasks.push(spawn(async move {
                    let mut received = Vec::new();
                    reader.read_to_end(&mut received).await.unwrap();
                    assert_same(&received, &expected);
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn a_half_close_ends_one_direction_only() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, mut peer) = connection_to_std().await;
            let server = spawn(echo(stream, 4096));
            let sent = pattern(8 * MIB);
            let to_send = sent.clone();
            let mut sender = peer.try_clone().unwrap();
            let sends = thread::spawn(move || {
                sender.write_all(&to_send).unwrap();
                sender.shutdown(Shutdown::Write).unwrap();
            });
            // Nobody reads what the server sends, so it soon waits for room; so does the sender.
            assert_falls_silent(runtime).await;
            let receives = thread::spawn(move || {
                let mut received = Vec::new();
                peer.read_to_end(&mut received).unwrap();
                received
            });
            server.await.unwrap();
            sends.join().unwrap();
            assert_same(&receives.join().unwrap(), &sent);
        });
    });
}

#[test]
fn a_writer_that_waits_sleeps_though_its_peer_has_closed_the_other_direction() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, peer) = connection_to_std().await;
            let fills = spawn(async move {
                while stream.write_all(&[0; 4096]).await.is_ok() {}
                stream
            });
            assert_falls_silent(runtime).await;
            peer.shutdown(Shutdown::Write).unwrap();
            assert_falls_silent(runtime).await;
            assert!(!fills.is_finished());
            // A reset ends the wait.
            drop(peer);
            drop(fills.await.unwrap());
        });
    });
}

#[test]
fn a_refused_connection_says_so_and_leaves_nothing() {
    in_a_process("a_refused_connection_says_so_and_leaves_nothing", || {
        lab(|runtime| {
            let free = StdListener::bind(any_port()).unwrap().local_addr().unwrap();
            let before = open_descriptors();
            runtime.block_on(async {
                for _ in 0..1000 {
                    let error = TcpStream::connect(free).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
                    assert!(error.to_string().contains(&free.to_string()), "{error}");
                }
                assert_eq!(open_descriptors(), before);
                silence(runtime).await;
            });
        });
    });
}

#[test]
fn a_failed_registration_leaves_no_descriptor() {
    in_a_process("a_failed_registration_leaves_no_descriptor", || {
        let listener = StdListener::bind(any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        let before = open_descriptors();
        for _ in 0..1000 {
            // Outside of a runtime, so that the registration fails.
            TcpListener::bind(any_port()).unwrap_err();
            let (stream, _) = (StdStream::connect(address).unwrap(), listener.accept().unwrap());
            TcpStream::from_std(stream).unwrap_err();
        }
        assert_eq!(open_descriptors(), before);
    });
}

#[test]
fn a_connection_given_up_leaves_nothing() {
    in_a_process("a_connection_given_up_leaves_nothing", || {
        lab(|runtime| {
            let (listener, _queued) = support::full_listener();
            let address = listener.local_addr().unwrap();
            let before = open_descriptors();
            runtime.block_on(async {
                for _ in 0..100 {
                    assert!(poll_once(TcpStream::connect(address)).await.is_none());
                    // A poll has only so many steps.
                    yield_now().await;
                }
                assert_eq!(open_descriptors(), before);
                let before = runtime.metrics();
                sleep(SILENCE).await;
                expect(runtime, &before, add_one_timer);
            });
        });
    });
}

#[test]
fn a_socket_that_outlives_its_runtime_says_so() {
    let runtime = Runtime::new().unwrap();
    let (mut stream, mut peer) = runtime.block_on(async {
        let (mut stream, peer) = connection().await;
        assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
        (stream, peer)
    });
    drop(runtime);
    lab(|other| {
        let error = other.block_on(stream.read(&mut [0; 8])).unwrap_err();
        assert!(error.to_string().contains("runtime it was opened in"), "{error}");
        let error = futures_lite::future::block_on(peer.write(b"x")).unwrap_err();
        assert!(error.to_string().contains("runtime it was opened in"), "{error}");
    });
}

#[test]
fn a_socket_of_another_runtime_says_so() {
    lab(|first| {
        let (mut stream, mut peer) = first.block_on(connection());
        lab(|second| {
            for result in [
                second.block_on(stream.read(&mut [0; 8])),
                second.block_on(peer.write(b"x")),
                futures_lite::future::block_on(stream.read(&mut [0; 8])),
            ] {
                let error = result.unwrap_err();
                assert!(error.to_string().contains("runtime it was opened in"), "{error}");
            }
        });
        first.block_on(async {
            peer.write_all(b"x").await.unwrap();
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}

#[test]
fn a_duplicate_of_a_dropped_socket_brings_no_events() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, mut peer) = std_pair();
            let duplicate = stream.try_clone().unwrap();
            let mut stream = TcpStream::from_std(stream).unwrap();
            assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
            silence(runtime).await;
            drop(stream);
            let before = runtime.metrics();
            peer.write_all(b"x").unwrap();
            sleep(SILENCE).await;
            expect(runtime, &before, add_one_timer);
            let mut stream = TcpStream::from_std(duplicate).unwrap();
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}

#[test]
fn one_descriptor_is_registered_once() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, mut peer) = std_pair();
            stream.set_nonblocking(true).unwrap();
            let fd = stream.as_raw_fd();
            let mut first = Async::new(SourceFd(&fd), Interest::READABLE).unwrap();
            for _ in 0..10 {
                let error = Async::new(SourceFd(&fd), Interest::READABLE).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            }
            let read = first.read_with(|_| (&stream).read(&mut [0; 8]));
            let mut read = Box::pin(read);
            assert!(poll_once(&mut read).await.is_none());
            peer.write_all(b"x").unwrap();
            assert_eq!((&mut read).await.unwrap(), 1);
            drop(read);
            drop(first);
            let mut again = Async::new(SourceFd(&fd), Interest::READABLE).unwrap();
            peer.write_all(b"x").unwrap();
            again.readable().await.unwrap();
        });
    });
}

#[test]
fn a_file_has_no_readiness_to_wait_for() {
    lab(|runtime| {
        runtime.block_on(async {
            let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
            let fd = file.as_raw_fd();
            let error = Async::new(SourceFd(&fd), Interest::READABLE).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        });
    });
}

#[test]
fn a_pipe_whose_writer_has_gone_ends_with_one_event() {
    lab(|runtime| {
        runtime.block_on(async {
            let (writer, reader) = mio::unix::pipe::new().unwrap();
            let mut reader = Async::new(reader, Interest::READABLE).unwrap();
            let read = reader.read_with(|mut pipe| pipe.read(&mut [0; 8]));
            let mut read = std::pin::pin!(read);
            assert!(poll_once(&mut read).await.is_none());
            let parking = nix::unistd::gettid();
            let closes = thread::spawn(move || {
                wait_until_asleep(parking);
                drop(writer);
            });
            let before = runtime.metrics();
            assert_eq!(read.await.unwrap(), 0);
            expect(runtime, &before, add_one_event);
            closes.join().unwrap();
            let before = runtime.metrics();
            sleep(SILENCE).await;
            expect(runtime, &before, add_one_timer);
        });
    });
}

#[test]
fn no_descriptor_goes_to_a_child() {
    in_a_process("no_descriptor_goes_to_a_child", || {
        let inherited = || {
            let listed = Command::new("ls").arg("/proc/self/fd").output().unwrap().stdout;
            String::from_utf8(listed).unwrap()
        };
        let before = inherited();
        lab(|runtime| {
            runtime.block_on(async {
                let mut listener = TcpListener::bind(any_port()).unwrap();
                let address = listener.local_addr().unwrap();
                let (ours, theirs) = zip(TcpStream::connect(address), listener.accept()).await;
                let _both = (ours.unwrap(), theirs.unwrap());
                assert_eq!(inherited(), before);
            });
        });
    });
}

#[test]
fn connections_stranded_at_the_limit_are_served_when_there_is_room_again() {
    in_a_process("connections_stranded_at_the_limit_are_served_when_there_is_room_again", || {
        const CLIENTS: usize = 20;
        const BACK_OFF: Duration = Duration::from_millis(100);
        lab(|runtime| {
            runtime.block_on(async {
                let mut listener = TcpListener::bind(any_port()).unwrap();
                let address = listener.local_addr().unwrap();
                let connect = |_| StdStream::connect(address).unwrap();
                let mut clients: Vec<_> = (0..CLIENTS).map(connect).collect();
                // From here on nobody connects: no new event will say that somebody waits.
                let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
                let highest = clients.iter().map(StdStream::as_raw_fd).max().unwrap();
                let limit = u64::try_from(highest).unwrap() + 5;
                setrlimit(Resource::RLIMIT_NOFILE, limit, hard).unwrap();

                let (served, refused) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
                let (count, count_refused) = (Rc::clone(&served), Rc::clone(&refused));
                let begin = Instant::now();
                let accepts = spawn(async move {
                    loop {
                        match listener.accept().await {
                            Ok((stream, _)) => {
                                count.set(count.get() + 1);
                                drop(spawn(echo(stream, 64)));
                            }
                            Err(error) => {
                                assert_eq!(error.raw_os_error(), Some(nix::libc::EMFILE));
                                count_refused.set(count_refused.get() + 1);
                                sleep(BACK_OFF).await;
                            }
                        }
                    }
                });
                until(|| refused.get() > 1).await;
                assert_eq!(served.get(), 4);
                // Two descriptors for each: its own and the server's.
                clients.drain(..4);
                until(|| served.get() == 4 + 8).await;
                clients.drain(..8);
                until(|| served.get() == CLIENTS).await;
                for client in &mut clients {
                    client.write_all(b"x").unwrap();
                }
                sleep(BACK_OFF).await;
                for client in &mut clients {
                    client.read_exact(&mut [0]).unwrap();
                }
                let tries = begin.elapsed().as_millis() / BACK_OFF.as_millis() + 1;
                assert!(refused.get() <= tries, "{} refusals in {tries} tries", refused.get());
                assert!(!accepts.is_finished());
            });
        });
    });
}

/// Each of `tasks` begins a read, gives it up, and ends.
async fn dropped_reads(tasks: usize, mut stream: TcpStream) -> TcpStream {
    for _ in 0..tasks {
        let task = spawn(async move {
            assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
            stream
        });
        stream = task.await.unwrap();
    }
    stream
}

#[test]
fn ten_thousand_dropped_reads_leave_one_waker() {
    lab(|runtime| {
        let (stream, mut peer) = runtime.block_on(connection_to_std());
        let mut stream = Some(runtime.block_on(dropped_reads(10, stream)));
        let counted = allocation_counter::measure(|| {
            let moved = stream.take().unwrap();
            stream = Some(runtime.block_on(dropped_reads(10_000, moved)));
        });
        let mut stream = stream.unwrap();
        assert_eq!(counted.count_current, 0, "{counted:?}");
        runtime.block_on(async {
            silence(runtime).await;
            // Only the last task that waited is woken; it has ended.
            let before = runtime.metrics();
            peer.write_all(b"x").unwrap();
            sleep(SILENCE).await;
            expect(runtime, &before, |m| {
                add_one_timer(m);
                m.parks += 1;
                m.returned_event = 1;
                m.events = 1;
                m.turns += 1;
                m.wakes_local += 1;
                m.wakes_finished = 1;
            });
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}

#[test]
fn a_blocking_socket_is_made_not_to_block() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, _peer) = std_pair();
            let mut stream = TcpStream::from_std(stream).unwrap();
            assert!(timeout(SILENCE / 5, stream.read(&mut [0; 8])).await.is_err());
            let listener = StdListener::bind(any_port()).unwrap();
            let mut listener = TcpListener::from_std(listener).unwrap();
            assert!(timeout(SILENCE / 5, listener.accept()).await.is_err());
        });
    });
}

#[test]
fn a_dropped_accept_loses_no_connection() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            for _ in 0..100 {
                assert!(poll_once(listener.accept()).await.is_none());
                let client = StdStream::connect(address).unwrap();
                let (_, peer) = listener.accept().await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
            }
        });
    });
}

#[test]
fn connections_reset_in_the_queue_harm_nobody() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            for _ in 0..100 {
                let client = StdStream::connect(address).unwrap();
                SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
            }
            for _ in 0..100 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let error = stream.read(&mut [0; 8]).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            }
            let mut client = StdStream::connect(address).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            client.write_all(b"x").unwrap();
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}

#[test]
fn short_connections_in_reused_places_keep_their_own_bytes() {
    const TOGETHER: usize = 32;
    lab(|runtime| {
        runtime.block_on(async {
            let mut listener = TcpListener::bind(any_port()).unwrap();
            let address = listener.local_addr().unwrap();
            let accepts = spawn(async move {
                loop {
                    drop(spawn(echo(listener.accept().await.unwrap().0, 8)));
                }
            });
            for round in 0..63_u64 {
                let clients: Vec<_> = (0..TOGETHER as u64)
                    .map(|i| {
                        let id = (round << 32 | i).to_le_bytes();
                        spawn(async move {
                            let mut stream = TcpStream::connect(address).await.unwrap();
                            stream.write_all(&id).await.unwrap();
                            // Some go without waiting for the answer.
                            if i % 4 > 0 {
                                stream.close().await.unwrap();
                                let mut answer = Vec::new();
                                stream.read_to_end(&mut answer).await.unwrap();
                                assert_eq!(answer, id);
                            }
                        })
                    })
                    .collect();
                for client in clients {
                    client.await.unwrap();
                }
            }
            accepts.abort();
        });
    });
}

#[test]
fn a_dropped_write_half_ends_its_direction_only() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, mut peer) = connection_to_std().await;
            let (mut reader, writer) = stream.split();
            let reads = spawn(async move {
                let mut text = String::new();
                reader.read_to_string(&mut text).await.unwrap();
                text
            });
            yield_now().await;
            drop(writer);
            assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
            peer.write_all(b"still here").unwrap();
            drop(peer);
            assert_eq!(reads.await.unwrap(), "still here");
        });
    });
}

#[test]
fn several_buffers_are_one_call() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection().await;
            let parts = [IoSlice::new(b"one "), IoSlice::new(b"two "), IoSlice::new(b"three")];
            assert_eq!(stream.write_vectored(&parts).await.unwrap(), 13);
            let (mut first, mut second) = ([0; 4], [0; 16]);
            let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
            assert_eq!(peer.read_vectored(&mut parts).await.unwrap(), 13);
            assert_eq!((&first[..], &second[..9]), (&b"one "[..], &b"two three"[..]));
            let before = runtime.metrics();
            assert!(poll_once(peer.read(&mut second)).await.is_none());
            expect(runtime, &before, |_| ());
        });
    });
}

#[test]
fn more_buffers_than_one_call_takes_leave_nobody_waiting() {
    const BYTES: usize = 5000;
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection().await;
            // No event is left that could hide a direction which is taken for not ready.
            for end in [&mut stream, &mut peer] {
                end.writable().await.unwrap();
                assert!(poll_once(end.read(&mut [0; 8])).await.is_none());
            }
            sleep(Duration::from_millis(1)).await;
            let mut written = 0;
            while written < BYTES {
                let parts = vec![IoSlice::new(b"x"); BYTES - written];
                written += stream.write_vectored(&parts).await.unwrap();
            }
            let mut read = 0;
            while read < BYTES {
                let mut bytes = vec![0; BYTES - read];
                let mut parts: Vec<_> = bytes.chunks_mut(1).map(IoSliceMut::new).collect();
                read += peer.read_vectored(&mut parts).await.unwrap();
            }
        });
    });
}

#[test]
fn a_peek_takes_nothing() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = connection_to_std().await;
            assert!(poll_once(stream.peek(&mut [0; 8])).await.is_none());
            peer.write_all(b"x").unwrap();
            assert_eq!(stream.peek(&mut [0; 8]).await.unwrap(), 1);
            assert_eq!(stream.peek(&mut [0; 8]).await.unwrap(), 1);
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
            assert!(poll_once(stream.peek(&mut [0; 8])).await.is_none());
        });
    });
}

#[test]
fn a_task_that_ends_closes_its_sockets() {
    lab(|runtime| {
        runtime.block_on(async {
            for aborts in [false, true] {
                let (stream, mut peer) = connection_to_std().await;
                let task = spawn(async move {
                    let _mine = stream;
                    if aborts {
                        pending::<()>().await;
                    }
                });
                yield_now().await;
                task.abort();
                yield_now().await;
                assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
            }
        });
    });
}
