//! Descriptors: none is left by what failed, none goes to a child, and one that is watched twice
//! harms nobody.
//!
//! Guards against: a descriptor lost between its opening and its registration (tokio-rs/mio#1031,
//! libevent/libevent#1143), one registered twice (redis/redis#2479), one that a child inherits, a
//! port that is taken by the connections of a server that has ended, a readiness that is a lie
//! (tokio-rs/mio#648).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::process::Command;

use dormouse::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use dormouse::{Async, spawn};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, event};

use support::{any_port, in_a_process, lab, open_descriptors, silence};

/// An open file that asks to be watched, which the kernel refuses.
struct Watched(File);

impl event::Source for Watched {
    fn register(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(to, token, interests)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(to, token, interests)
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(from)
    }
}

#[test]
fn a_registration_that_the_kernel_refuses_leaves_nothing() {
    in_a_process("a_registration_that_the_kernel_refuses_leaves_nothing", || {
        lab(|runtime| {
            let refused = || {
                let file = File::open(std::env::current_exe().unwrap()).unwrap();
                let error = Async::new(Watched(file), Interest::READABLE).map(drop).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            };
            runtime.block_on(async { refused() });
            let before = open_descriptors();
            let counted = allocation_counter::measure(|| {
                runtime.block_on(async { (0..1000).for_each(|_| refused()) });
            });
            assert_eq!(open_descriptors(), before);
            assert_eq!(runtime.snapshot().sources.len(), 0);
            assert_eq!(counted.count_current, 0, "{counted:?}");
        });
    });
}

#[test]
fn a_descriptor_may_be_watched_by_two_runtimes() {
    let (stream, mut peer) = std::os::unix::net::UnixStream::pair().unwrap();
    stream.set_nonblocking(true).unwrap();
    let fd = stream.as_raw_fd();
    let watch = || Async::new(SourceFd(&fd), Interest::READABLE).unwrap();
    lab(|one| {
        lab(|other| {
            let mut first = one.block_on(async { watch() });
            let mut second = other.block_on(async { watch() });
            let again = other.block_on(async { Async::new(SourceFd(&fd), Interest::READABLE) });
            assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
            assert_eq!(other.snapshot().sources.len(), 1);
            // Both are told of a message; who comes second finds nothing, and waits on.
            let take = |_: &SourceFd<'_>| (&stream).read(&mut [0; 8]);
            one.block_on(async { assert!(poll_once(pin!(first.read_with(take))).await.is_none()) });
            other.block_on(async {
                assert!(poll_once(pin!(second.read_with(take))).await.is_none());
            });
            peer.write_all(b"x").unwrap();
            assert_eq!(one.block_on(first.read_with(take)).unwrap(), 1);
            other.block_on(async {
                assert!(poll_once(pin!(second.read_with(take))).await.is_none());
                silence(other).await;
                assert!(poll_once(pin!(second.read_with(take))).await.is_none());
            });
            // One that stops to watch takes nothing from the other.
            drop(first);
            peer.write_all(b"x").unwrap();
            assert_eq!(other.block_on(second.read_with(take)).unwrap(), 1);
        });
    });
}

#[test]
fn a_connection_that_somebody_else_took_leaves_the_acceptor_waiting() {
    lab(|runtime| {
        runtime.block_on(async {
            let shared = StdListener::bind(any_port()).unwrap();
            let address = shared.local_addr().unwrap();
            let mut acceptors = Vec::new();
            for listener in [shared.try_clone().unwrap(), shared] {
                let mut listener = TcpListener::from_std(listener).unwrap();
                acceptors.push(spawn(async move {
                    let accepted = listener.accept().await.unwrap();
                    (listener, accepted)
                }));
            }
            silence(runtime).await;
            let before = runtime.metrics();
            let _first = StdStream::connect(address).unwrap();
            silence(runtime).await;
            let did = runtime.metrics().since(before);
            // Both were told; and the new connection can be written to: its own event.
            assert_eq!((did.events, did.vain_accepts), (2 + 1, 1), "{did:#?}");
            let waits = acceptors.iter().position(|task| !task.is_finished()).unwrap();
            let waits = acceptors.remove(waits);
            assert!(acceptors.remove(0).is_finished());
            let second = StdStream::connect(address).unwrap();
            let (_, (_, peer)) = waits.await.unwrap();
            assert_eq!(peer, second.local_addr().unwrap());
        });
    });
}

#[test]
fn no_socket_of_whatever_kind_goes_to_a_child() {
    in_a_process("no_socket_of_whatever_kind_goes_to_a_child", || {
        let inherited = || {
            let listed = Command::new("ls").arg("/proc/self/fd").output().unwrap().stdout;
            String::from_utf8(listed).unwrap()
        };
        let before = inherited();
        let path = std::env::temp_dir().join(format!("dormouse-{}-child", std::process::id()));
        lab(|runtime| {
            runtime.block_on(async {
                let mut listener = TcpListener::bind(any_port()).unwrap();
                let _tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let _accepted = listener.accept().await.unwrap();
                let _udp = UdpSocket::bind(any_port()).unwrap();
                let mut listener = UnixListener::bind(&path).unwrap();
                let _unix = UnixStream::connect(&path).await.unwrap();
                let _accepted = listener.accept().await.unwrap();
                std::fs::remove_file(&path).unwrap();
                let _pair = UnixStream::pair().unwrap();
                assert_eq!(inherited(), before);
            });
        });
    });
}

#[test]
fn a_server_that_closed_first_listens_at_its_port_again_at_once() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut address = any_port();
            for _ in 0..3 {
                let mut listener = TcpListener::bind(address).unwrap();
                address = listener.local_addr().unwrap();
                let mut client = StdStream::connect(address).unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                // The connection stays behind at this side, and would keep the port for a while.
                drop((stream, listener));
                assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
            }
        });
    });
}

#[test]
fn both_families_of_addresses_are_served() {
    lab(|runtime| {
        runtime.block_on(async {
            for address in ["127.0.0.1:0", "[::1]:0"] {
                let address: SocketAddr = address.parse().unwrap();
                let mut listener = match TcpListener::bind(address) {
                    Ok(listener) => listener,
                    Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                        println!("skipped: {error}");
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                };
                let address = listener.local_addr().unwrap();
                let mut client = TcpStream::connect(address).await.unwrap();
                let (mut stream, peer) = listener.accept().await.unwrap();
                assert_eq!(
                    (client.peer_addr().unwrap(), peer.is_ipv6()),
                    (address, address.is_ipv6())
                );
                client.write_all(b"x").await.unwrap();
                assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
                let (mut one, mut other) =
                    (UdpSocket::bind(address).unwrap(), UdpSocket::bind(any_of(address)).unwrap());
                other.send_to(b"y", address).await.unwrap();
                assert_eq!(one.recv_from(&mut [0; 8]).await.unwrap().0, 1);
            }
        });
    });
}

/// Any port of the same address.
fn any_of(mut address: SocketAddr) -> SocketAddr {
    address.set_port(0);
    address
}
