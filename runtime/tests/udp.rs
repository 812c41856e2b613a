//! UDP: every datagram comes once and whole, an empty one is no end, and two tasks share a socket.
//!
//! Guards against: datagrams that lie there as only one was read per event (tokio-rs/mio#1076),
//! an empty one taken for the end, one waker for two directions (tokio-rs/tokio#3200).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::UdpSocket as StdSocket;
use std::rc::Rc;

use dormouse::net::UdpSocket;
use dormouse::{spawn, yield_now};
use futures_lite::future::poll_once;

use support::{any_port, lab};

#[test]
fn every_datagram_comes_once_and_an_empty_one_is_no_end() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut receiver = UdpSocket::bind(any_port()).unwrap();
            let sender = StdSocket::bind(any_port()).unwrap();
            let address = receiver.local_addr().unwrap();
            let mut buffer = [0; 64];
            assert!(poll_once(receiver.recv_from(&mut buffer)).await.is_none(), "none is there");
            // All before the first is read: one event for a hundred.
            for n in 0..100_u8 {
                sender.send_to(&vec![n; usize::from(n % 20)], address).unwrap();
            }
            for n in 0..100_u8 {
                let (len, from) = receiver.recv_from(&mut buffer).await.unwrap();
                assert_eq!(buffer[..len], vec![n; usize::from(n % 20)]);
                assert_eq!(from, sender.local_addr().unwrap());
            }
            assert!(poll_once(receiver.recv_from(&mut buffer)).await.is_none(), "that was all");
        });
    });
}

#[test]
fn two_tasks_share_a_socket_one_for_each_direction() {
    const MESSAGES: u32 = 1000;
    lab(|runtime| {
        runtime.block_on(async {
            let (mut receiver, mut sender) = UdpSocket::bind(any_port()).unwrap().split();
            let echo = StdSocket::bind(any_port()).unwrap();
            let address = echo.local_addr().unwrap();
            let echoes = std::thread::spawn(move || {
                let mut buffer = [0; 64];
                for _ in 0..MESSAGES {
                    let (n, from) = echo.recv_from(&mut buffer).unwrap();
                    echo.send_to(&buffer[..n], from).unwrap();
                }
            });
            let count = Rc::new(Cell::new(0));
            let next = Rc::clone(&count);
            let task = spawn(async move {
                let mut buffer = [0; 64];
                for n in 0..MESSAGES {
                    let (len, from) = receiver.recv_from(&mut buffer).await.unwrap();
                    assert_eq!((&buffer[..len], from), (&n.to_le_bytes()[..], address));
                    count.set(n + 1);
                }
            });
            for n in 0..MESSAGES {
                sender.send_to(&n.to_le_bytes(), address).await.unwrap();
                // Not more than the kernel's buffers hold: what finds no room is gone.
                while next.get() + 10 < n {
                    yield_now().await;
                }
            }
            task.await.unwrap();
            echoes.join().unwrap();
        });
    });
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    lab(|runtime| {
        runtime.block_on(async {
            let mut one = UdpSocket::bind(any_port()).unwrap();
            let (peer, stranger) =
                (StdSocket::bind(any_port()).unwrap(), StdSocket::bind(any_port()).unwrap());
            let address = one.local_addr().unwrap();
            assert!(one.send(b"to whom?").await.is_err());
            one.connect(peer.local_addr().unwrap()).unwrap();
            stranger.send_to(b"from a stranger", address).unwrap();
            peer.send_to(b"from the peer", address).unwrap();
            let mut buffer = [0; 64];
            assert_eq!(one.recv(&mut buffer).await.unwrap(), 13);
            assert_eq!(&buffer[..13], b"from the peer");
            assert_eq!(one.send(b"back").await.unwrap(), 4);
            assert_eq!(peer.recv_from(&mut buffer).unwrap(), (4, address));
            // Nobody is there any more: the next call says so, once.
            drop(peer);
            one.send(b"anybody?").await.unwrap();
            assert_eq!(
                one.recv(&mut buffer).await.unwrap_err().kind(),
                ErrorKind::ConnectionRefused
            );
            assert!(poll_once(one.recv(&mut buffer)).await.is_none());
        });
    });
}

#[test]
fn a_datagram_too_long_is_an_error_and_the_next_one_comes() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut one, mut other) =
                (UdpSocket::bind(any_port()).unwrap(), UdpSocket::bind(any_port()).unwrap());
            let address = other.local_addr().unwrap();
            assert!(one.send_to(&vec![0; 70_000], address).await.is_err());
            one.send_to(&vec![7; 60_000], address).await.unwrap();
            let mut buffer = vec![0; 65_536];
            assert_eq!(other.recv_from(&mut buffer).await.unwrap().0, 60_000);
        });
    });
}
