//! What the end of a connection costs: an event or two, and never one more for having been ignored.

use std::cell::Cell;
use std::net::{Shutdown, TcpStream as StdStream};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use dormouse::testing;
use dormouse::time::sleep;
use futures_lite::AsyncReadExt;
use futures_lite::future::poll_once;

use crate::reset;
use crate::support::{
    SILENCE, add_one_event, add_one_timer, connection_to_std, lab, silence, wait_until_asleep,
};
use crate::witness::Span;

/// Does `what` to the peer of a connection that nobody reads, and demands that nobody is polled.
fn nobody_is_polled_as_the_peer(what: impl FnOnce(StdStream)) {
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, peer) = connection_to_std().await;
            silence(runtime).await;
            let span = Span::open(runtime);
            what(peer);
            sleep(SILENCE).await;
            let did = span.close();
            let events = did.events;
            assert!((1..=2).contains(&events), "{events} events of one close");
            testing::check_events(&did, 2).unwrap();
            testing::expect(&did, |m| {
                add_one_timer(m);
                m.events += events;
                m.parks += events;
                m.returned_event += events;
                m.turns += events;
            });
            // Law 0: who asks now is told at once.
            let span = Span::open(runtime);
            assert!(matches!(stream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
            span.expect(|_| ());
        });
    });
}

#[test]
fn nobody_is_polled_as_the_peer_closes() {
    nobody_is_polled_as_the_peer(drop);
}

#[test]
fn nobody_is_polled_as_the_peer_half_closes() {
    let mut kept = None;
    nobody_is_polled_as_the_peer(|peer| {
        peer.shutdown(Shutdown::Write).unwrap();
        kept = Some(peer);
    });
}

#[test]
fn nobody_is_polled_as_the_peer_resets() {
    nobody_is_polled_as_the_peer(reset);
}

/// Does `what` to the peer of a reader: it costs one event and one poll, and no vain read.
fn one_poll_as_the_peer(what: impl FnOnce(StdStream) + Send + 'static) -> std::io::Result<usize> {
    let result = Rc::new(Cell::new(None));
    let told = Rc::clone(&result);
    lab(|runtime| {
        runtime.block_on(async {
            let (mut stream, peer) = connection_to_std().await;
            silence(runtime).await;
            let parking = nix::unistd::gettid();
            assert!(poll_once(stream.read(&mut [0; 8])).await.is_none());
            let closes = thread::spawn(move || {
                wait_until_asleep(parking);
                what(peer);
            });
            let span = Span::open(runtime);
            told.set(Some(stream.read(&mut [0; 8]).await));
            span.expect(add_one_event);
            closes.join().unwrap();
            drop(stream);
            let span = Span::open(runtime);
            sleep(SILENCE).await;
            span.expect(add_one_timer);
        });
    });
    result.take().unwrap()
}

#[test]
fn a_half_close_is_one_event_and_one_poll() {
    let (keep, kept) = mpsc::channel();
    let half_closes = move |peer: StdStream| {
        peer.shutdown(Shutdown::Write).unwrap();
        keep.send(peer).unwrap();
    };
    assert_eq!(one_poll_as_the_peer(half_closes).unwrap(), 0);
    drop(kept);
}

#[test]
fn a_close_is_one_event_and_one_poll() {
    assert_eq!(one_poll_as_the_peer(drop).unwrap(), 0);
}

#[test]
fn a_reset_is_one_event_and_one_poll() {
    let error = one_poll_as_the_peer(reset).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}
