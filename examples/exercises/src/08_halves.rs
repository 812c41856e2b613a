//! # Halves: two tasks, one connection
//!
//! Problem: one task reads from a connection, another writes to it, and each may have to wait.
//! Happened: `nervosnetwork/tentacle#262`: of a stream that can be split, the reading half was
//! woken when it was the writing half's turn. `tokio-rs/tokio#7445`: a stream made for tests kept
//! one timer for both halves; the half that was polled last pushed out the other, which then hung.
//! Number: how often the task that reads is woken when something to read comes. Once would do.
//! Try: `cargo test -p dormouse-exercises --test exercises halves`
//! Hint: let the reader wait first, then the writer. Who is known to the stream now?

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::task::{Context, Poll, Waker};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// A connection that one task may read from while another writes to it.
pub struct Duplex {
    stream: TcpStream,
    waiter: Cell<Option<Waker>>,
}

impl Duplex {
    /// Registers `stream`: whoever gets an event under `token` is to [`report`](Duplex::report) it.
    pub fn new(mut stream: TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Duplex { stream, waiter: Cell::new(None) })
    }

    /// Reads what is there, or leaves the waker of the task that reads.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = (&self.stream).read(buffer);
        self.or_wait(read, cx)
    }

    /// Writes what there is room for, or leaves the waker of the task that writes.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = (&self.stream).write(bytes);
        self.or_wait(written, cx)
    }

    fn or_wait(&self, moved: io::Result<usize>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match moved {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                self.waiter.set(Some(cx.waker().clone()));
                Poll::Pending
            }
            moved => Poll::Ready(moved),
        }
    }

    /// Wakes whoever waits, as the kernel says that something has changed.
    pub fn report(&self, _event: &Event) {
        if let Some(waker) = self.waiter.take() {
            waker.wake();
        }
    }
}
