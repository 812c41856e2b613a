//! # Runtimes: one test body, whatever runs it
//!
//! Problem: an assertion 'for any runtime' must be shown on more than one.
//! Idea: a body takes the future of a read, and the peer that it reads from: a plain socket of
//! std. What differs between runtimes, how a socket is made and who polls, is with the caller.
//! Leaves out: the runtimes themselves: `tests/`.
//! Read before: `asleep/src/lib.rs`. Read next: `tests/this_thread.rs`.
//! Try: `cargo test -p asleep-runtimes`
#![allow(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "the errors are those of the sockets, the panics those of the tests"
)]

use std::future::poll_fn;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use asleep::{assert_idle, assert_polls, assert_process_idle};
use futures_lite::future::yield_now;

const SPAN: Duration = Duration::from_millis(100);

/// How much a read brings.
pub const MESSAGE: &[u8] = b"hello";

/// A connection over loopback: our side, which does not block, and the peer's.
pub fn connection() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let peer = TcpStream::connect(listener.local_addr()?)?;
    let (ours, _) = listener.accept()?;
    ours.set_nonblocking(true)?;
    Ok((ours, peer))
}

/// A read without a message is idle, and then answers.
pub async fn idle_read(
    read: impl Future<Output = io::Result<Vec<u8>>>,
    mut peer: TcpStream,
) -> io::Result<()> {
    let mut read = pin!(read);
    assert_idle(SPAN, &mut read).await;
    peer.write_all(MESSAGE)?;
    assert_eq!(read.await?, MESSAGE);
    Ok(())
}

/// The same, with all threads of the process asleep.
pub async fn idle_read_in_process(
    read: impl Future<Output = io::Result<Vec<u8>>>,
    mut peer: TcpStream,
) -> io::Result<()> {
    let mut read = pin!(read);
    assert_process_idle(SPAN, &mut read).await;
    peer.write_all(MESSAGE)?;
    assert_eq!(read.await?, MESSAGE);
    Ok(())
}

/// A message costs two polls: one that finds nothing, one that finds it.
pub async fn message_costs_two_polls(
    read: impl Future<Output = io::Result<Vec<u8>>>,
    peer: TcpStream,
) -> io::Result<()> {
    let mut read = pin!(read);
    let mut peer = Some(peer);
    let mut write = move || peer.take().map_or(Ok(()), |mut peer| peer.write_all(MESSAGE));
    let read_then_write = poll_fn(|cx| {
        let polled = read.as_mut().poll(cx);
        // The read waits by now, so the message is an event to it, and cannot come too early.
        if polled.is_pending()
            && let Err(error) = write()
        {
            return Poll::Ready(Err(error));
        }
        polled
    });
    assert_eq!(assert_polls(2, read_then_write).await?, MESSAGE);
    Ok(())
}

/// A task that spins, to be run beside an [`idle_read`], or as a test that must fail.
pub async fn spin() {
    loop {
        yield_now().await;
    }
}

/// Must panic: the future wakes itself for ever.
pub async fn spinner_is_not_idle() {
    let mut spinner = pin!(spin());
    assert_idle(SPAN, &mut spinner).await;
}

/// Must panic: the future is polled for ever.
pub async fn spinner_takes_more_polls() {
    assert_polls(1000, spin()).await;
}

/// The message of the panic that ends `assertion`.
pub fn message_of(assertion: impl FnOnce() -> io::Result<()>) -> String {
    let panic = catch_unwind(AssertUnwindSafe(assertion)).expect_err("it is caught");
    *panic.downcast().expect("a panic with a message")
}
