//! The end of a connection: whose last words arrive, and whose do not.
//!
//! Guards against: an answer lost as its sender closed with something unread (tcp(7): the peer
//! gets a reset instead of an end).
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;

use dormouse::net::TcpStream;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use support::{connection_to_std, lab, until};

/// Reads one byte of many, and says a last word.
async fn half_deaf() -> (TcpStream, std::net::TcpStream) {
    let (mut stream, mut peer) = connection_to_std().await;
    peer.write_all(&[7; 1 << 14]).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 1);
    stream.write_all(b"last word").await.unwrap();
    (stream, peer)
}

#[test]
fn who_closes_with_something_unread_resets_the_connection() {
    lab(|runtime| {
        runtime.block_on(async {
            let (stream, mut peer) = half_deaf().await;
            drop(stream);
            let error = peer.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        });
    });
}

#[test]
fn who_ends_its_direction_and_reads_to_the_end_is_heard_to_the_end() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, mut peer) = half_deaf().await;
            stream.close().await.unwrap();
            let hears = thread::spawn(move || {
                let mut heard = Vec::new();
                peer.read_to_end(&mut heard).unwrap();
                heard
            });
            let mut unread = Vec::new();
            stream.read_to_end(&mut unread).await.unwrap();
            assert_eq!(unread.len(), (1 << 14) - 1);
            drop(stream);
            until(|| hears.is_finished()).await;
            assert_eq!(hears.join().unwrap(), b"last word");
        });
    });
}
