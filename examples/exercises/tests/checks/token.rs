//! Two sockets have an event in one batch; the first to be handled closes the other, and opens a
//! third.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Instant;

use mio::Token;

use super::support::{LIMIT, within_limit};
use crate::form::token::Sockets;

/// A socket that does not wait, and what is sent to it.
fn socket(datagrams: usize) -> mio::net::UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for _ in 0..datagrams {
        peer.send_to(b"hello", socket.local_addr().unwrap()).unwrap();
    }
    socket.set_nonblocking(true).unwrap();
    mio::net::UdpSocket::from_std(socket)
}

/// All events, once so many have come.
fn wait_for(sockets: &mut Sockets, events: usize) -> VecDeque<Token> {
    let (mut tokens, began) = (VecDeque::new(), Instant::now());
    while tokens.len() < events && began.elapsed() < LIMIT {
        tokens.extend(sockets.wait(LIMIT).unwrap());
    }
    assert_eq!(tokens.len(), events, "each socket with a datagram has an event");
    tokens
}

#[test]
fn an_event_is_not_for_who_came_later() {
    within_limit(|| {
        let mut sockets = Sockets::new().unwrap();
        let both = [sockets.open(socket(1)).unwrap(), sockets.open(socket(1)).unwrap()];
        let mut batch = wait_for(&mut sockets, both.len());

        let first = batch.pop_front().unwrap();
        assert_eq!(sockets.get(first).unwrap().recv(&mut [0; 16]).unwrap(), 5);
        let other = both.into_iter().find(|token| *token != first).unwrap();
        sockets.close(other).unwrap();
        let newcomer = socket(0);
        let address = newcomer.local_addr().unwrap();
        sockets.open(newcomer).unwrap();

        let mut strays = 0;
        for stale in batch {
            let Some(socket) = sockets.get(stale) else { continue };
            assert_eq!(socket.local_addr().unwrap(), address, "the old one is closed");
            let nothing = socket.recv(&mut [0; 16]).unwrap_err();
            assert_eq!(nothing.kind(), ErrorKind::WouldBlock, "nobody wrote to it");
            strays += 1;
        }
        assert!(strays == 0, "{strays} event of a closed socket reached a new one, and 0 would do");
    });
}

#[test]
fn a_token_finds_its_socket_until_it_is_closed() {
    within_limit(|| {
        let mut sockets = Sockets::new().unwrap();
        let both = [sockets.open(socket(1)).unwrap(), sockets.open(socket(0)).unwrap()];
        assert_eq!(wait_for(&mut sockets, 1), [both[0]]);
        let addresses = both.map(|token| sockets.get(token).unwrap().local_addr().unwrap());
        assert_ne!(addresses[0], addresses[1]);
        sockets.close(both[0]).unwrap();
        assert!(sockets.get(both[0]).is_none());
        assert_eq!(sockets.get(both[1]).unwrap().local_addr().unwrap(), addresses[1]);
    });
}
