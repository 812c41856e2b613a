//! What a socket does, its halves do; and what waits for readiness does wait.
//!
//! Guards against: a half that passes a call on to the wrong direction, or answers it itself
//! (found by breaking each of these functions: no other test uses them so).
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod support;

use std::cell::Cell;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::UdpSocket as StdSocket;
use std::os::unix::net::UnixStream as StdStream;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dormouse::net::{UdpSocket, UnixStream};
use dormouse::{Async, Builder, Call, Moment};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use mio::Interest;
use socket2::SockRef;

use support::{any_port, connection_to_std, lab};

/// One of ours, and its peer.
fn pair() -> (UnixStream, StdStream) {
    let (ours, theirs) = StdStream::pair().unwrap();
    (UnixStream::from_std(ours).unwrap(), theirs)
}

/// Fails where `wait` ends before `cause`, or does not end after it.
async fn waits_for(cause: impl FnOnce(), wait: impl Future<Output = io::Result<()>>) {
    let mut wait = pin!(wait);
    assert!(poll_once(wait.as_mut()).await.is_none(), "nothing has come yet");
    cause();
    wait.await.unwrap();
}

/// Writes until nothing more is taken.
async fn fill(writer: &mut (impl futures_lite::AsyncWrite + Unpin)) {
    while poll_once(writer.write(&[0; 1 << 14])).await.is_some() {}
}

fn drain(theirs: &StdStream) {
    theirs.set_nonblocking(true).unwrap();
    while matches!((&*theirs).read(&mut [0; 1 << 14]), Ok(1..)) {}
}

#[test]
fn who_waits_for_readiness_waits() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut ours, theirs) = pair();
            assert!(poll_once(ours.read(&mut [0])).await.is_none());
            waits_for(|| (&theirs).write_all(b"x").unwrap(), ours.readable()).await;
            fill(&mut ours).await;
            waits_for(|| drain(&theirs), ours.writable()).await;
        });
    });
}

#[test]
fn who_waits_for_the_readiness_of_a_half_waits() {
    lab(|runtime| {
        runtime.block_on(async {
            let (ours, theirs) = pair();
            let (mut reads, mut writes) = ours.split();
            assert!(poll_once(reads.read(&mut [0])).await.is_none());
            waits_for(|| (&theirs).write_all(b"x").unwrap(), reads.readable()).await;
            fill(&mut writes).await;
            waits_for(|| drain(&theirs), writes.writable()).await;
        });
    });
}

#[test]
fn who_waits_for_the_readiness_of_anything_waits() {
    lab(|runtime| {
        runtime.block_on(async {
            let (ours, theirs) = StdStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let both = Interest::READABLE | Interest::WRITABLE;
            let mut ours = Async::new(mio::net::UnixStream::from_std(ours), both).unwrap();
            let read = |mut stream: &mio::net::UnixStream| stream.read(&mut [0]);
            assert!(poll_once(ours.read_with(read)).await.is_none());
            waits_for(|| (&theirs).write_all(b"x").unwrap(), ours.readable()).await;
            let write = |mut stream: &mio::net::UnixStream| stream.write(&[0; 1 << 14]);
            while poll_once(ours.write_with(write)).await.is_some() {}
            waits_for(|| drain(&theirs), ours.writable()).await;
        });
    });
}

#[test]
fn a_half_takes_several_buffers_and_sends_the_end() {
    lab(|runtime| {
        runtime.block_on(async {
            let (ours, mut theirs) = pair();
            let (mut reads, mut writes) = ours.split();
            let parts = [IoSlice::new(b"one "), IoSlice::new(b"two")];
            assert_eq!(writes.write_vectored(&parts).await.unwrap(), 7);
            writes.flush().await.unwrap();
            writes.close().await.unwrap();
            let mut text = String::new();
            theirs.read_to_string(&mut text).unwrap();
            assert_eq!(text, "one two", "and the end");
            theirs.write_all(b"three").unwrap();
            let (mut first, mut second) = ([0; 2], [0; 8]);
            let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
            assert_eq!(reads.read_vectored(&mut parts).await.unwrap(), 5);
            assert_eq!((&first, &second[..3]), (b"th", &b"ree"[..]));
        });
    });
}

#[test]
fn the_halves_of_a_connected_socket_send_and_receive() {
    lab(|runtime| {
        runtime.block_on(async {
            let ours = UdpSocket::bind(any_port()).unwrap();
            let peer = StdSocket::bind(any_port()).unwrap();
            ours.connect(peer.local_addr().unwrap()).unwrap();
            let address = ours.local_addr().unwrap();
            let (mut receiver, mut sender) = ours.split();
            let mut buffer = [0; 16];
            assert_eq!(sender.send(b"hello").await.unwrap(), 5);
            assert_eq!(peer.recv_from(&mut buffer).unwrap(), (5, address));
            peer.send_to(b"and back", address).unwrap();
            assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 8);
            assert_eq!(&buffer[..8], b"and back");
        });
    });
}

#[test]
fn anything_that_std_reads_and_writes_is_a_stream() {
    lab(|runtime| {
        runtime.block_on(async {
            let (ours, mut theirs) = StdStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let both = Interest::READABLE | Interest::WRITABLE;
            let mut ours = Async::new(mio::net::UnixStream::from_std(ours), both).unwrap();
            assert!(format!("{ours:?}").contains("Async"));
            assert_eq!(ours.write(b"to you").await.unwrap(), 6);
            let mut buffer = [0; 16];
            assert_eq!(theirs.read(&mut buffer).unwrap(), 6);
            theirs.write_all(b"back").unwrap();
            assert_eq!(ours.read(&mut buffer).await.unwrap(), 4);
            assert_eq!(&buffer[..4], b"back");
        });
    });
}

/// There is nobody left who could hear the end: so it was sent well enough.
#[test]
fn who_was_reset_can_be_closed() {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut ours, theirs) = connection_to_std().await;
            SockRef::from(&theirs).set_linger(Some(Duration::ZERO)).unwrap();
            drop(theirs);
            let gone = ours.read(&mut [0]).await.unwrap_err();
            assert_eq!(gone.kind(), ErrorKind::ConnectionReset);
            ours.close().await.unwrap();
        });
    });
}

#[test]
fn an_interrupted_call_is_made_again() {
    lab(|runtime| {
        runtime.block_on(async {
            let (ours, _theirs) = StdStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let ours = mio::net::UnixStream::from_std(ours);
            let mut ours = Async::new(ours, Interest::READABLE).unwrap();
            let calls = Cell::new(0);
            let call = |_: &mio::net::UnixStream| {
                calls.set(calls.get() + 1);
                if calls.get() < 3 { Err(ErrorKind::Interrupted.into()) } else { Ok(calls.get()) }
            };
            assert_eq!(ours.read_with(call).await.unwrap(), 3);
        });
    });
}

#[test]
fn a_read_is_told_as_a_read_and_a_write_as_a_write() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = Arc::clone(&told);
    let listener = move |moment| {
        if let Moment::Done(_, call, Some(n)) = moment {
            tells.lock().unwrap().push((call, n));
        }
    };
    let runtime = Builder::new().on_moment(listener).build().unwrap();
    runtime.block_on(async {
        let (mut ours, mut theirs) = pair();
        ours.write_all(b"to you").await.unwrap();
        theirs.write_all(b"back").unwrap();
        assert_eq!(ours.read(&mut [0; 16]).await.unwrap(), 4);
    });
    assert_eq!(*told.lock().unwrap(), [(Call::Write, 6), (Call::Read, 4)]);
}

#[test]
fn whoever_waits_is_told_to_wait_to_read_or_to_write() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = Arc::clone(&told);
    let listener = move |moment| {
        if let Moment::WakerLeft(_, is_read) = moment {
            tells.lock().unwrap().push(is_read);
        }
    };
    let runtime = Builder::new().on_moment(listener).build().unwrap();
    runtime.block_on(async {
        let (mut ours, _theirs) = pair();
        assert!(poll_once(ours.read(&mut [0])).await.is_none());
        fill(&mut ours).await;
    });
    assert_eq!(*told.lock().unwrap(), [true, false]);
}
