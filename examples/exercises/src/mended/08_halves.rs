//! # Halves, mended: a place for each direction
//!
//! Fault: there was one place for a waker. The task that said 'not yet' last threw out the other's,
//! and that one then slept through its event; its neighbour was woken instead, for nothing.
//! Mend: two directions, two places; an event says which of the two it is about, and wakes that
//! one. One place per direction is enough as long as no two tasks wait in the same direction; where
//! they may, it takes a list.
//! In dormouse: `Source::side` and `Source::report` in `runtime/src/source.rs`. That nobody else
//! waits in a direction is kept by ownership: `split` in `runtime/src/net/split.rs`.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::task::{Context, Poll, Waker};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// A connection that one task may read from while another writes to it.
pub struct Duplex {
    stream: TcpStream,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
}

impl Duplex {
    /// Registers `stream`: whoever gets an event under `token` is to [`report`](Duplex::report) it.
    pub fn new(mut stream: TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Duplex { stream, reader: Cell::new(None), writer: Cell::new(None) })
    }

    /// Reads what is there, or leaves the waker of the task that reads.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = (&self.stream).read(buffer);
        or_wait(read, cx, &self.reader)
    }

    /// Writes what there is room for, or leaves the waker of the task that writes.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = (&self.stream).write(bytes);
        or_wait(written, cx, &self.writer)
    }

    /// Wakes whoever waits for what the kernel says has changed.
    pub fn report(&self, event: &Event) {
        // A stream that has failed is both: either task must go on to find out.
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            wake(&self.reader);
        }
        if event.is_writable() || event.is_write_closed() || event.is_error() {
            wake(&self.writer);
        }
    }
}

fn or_wait(
    moved: io::Result<usize>,
    cx: &mut Context<'_>,
    waiter: &Cell<Option<Waker>>,
) -> Poll<io::Result<usize>> {
    match moved {
        Err(e) if e.kind() == ErrorKind::WouldBlock => {
            waiter.set(Some(cx.waker().clone()));
            Poll::Pending
        }
        moved => Poll::Ready(moved),
    }
}

fn wake(waiter: &Cell<Option<Waker>>) {
    if let Some(waker) = waiter.take() {
        waker.wake();
    }
}
