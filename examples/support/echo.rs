//! # Echo: the state machine of step 9, and the future of step 12
//!
//! Problem: the steps 12 to 16 need something to poll, and are not about what it does.
//! Idea: it stands here. As a future, the machine is asked to go on by `poll`; where a call said
//! 'not yet', a closure is told which way, and whom to wake. What the closure does is for the step
//! to say.
//! Leaves out: who polls it, and when.
//! Read before: `12_future.rs`. Read next: `13_spinning_block_on.rs`.
//! Try: `cargo run --example 13_spinning_block_on`

use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use mio::net::TcpStream;

/// One connection, as step 9 keeps it.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: [u8; 64],
    /// The part of the buffer that is still to be sent back. Empty: a message is awaited.
    unsent: Range<usize>,
    pub(crate) tally: Tally,
}

/// How often it was asked to go on, and how often in vain: nothing was read or written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) asked: usize,
    pub(crate) vain: usize,
}

/// Where data goes: towards us, or away.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Connection {
        Connection { stream, buffer: [0; 64], unsent: 0..0, tally: Tally::default() }
    }

    /// Does what can be done without waiting; returns whether the client has left.
    pub(crate) fn go_on(&mut self) -> io::Result<bool> {
        self.tally.asked += 1;
        let mut vain = 1;
        loop {
            let moved = if self.unsent.is_empty() { self.read() } else { self.write() };
            match moved {
                Ok(0) => return Ok(true),
                Ok(_) => vain = 0,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.tally.vain += vain;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let n = self.stream.read(&mut self.buffer)?;
        self.unsent = 0..n;
        Ok(n)
    }

    fn write(&mut self) -> io::Result<usize> {
        let n = self.stream.write(&self.buffer[self.unsent.clone()])?;
        self.unsent.start += n;
        Ok(n)
    }

    /// Which way it said 'not yet'.
    fn waits_to(&self) -> Direction {
        if self.unsent.is_empty() { Direction::Read } else { Direction::Write }
    }
}

/// The connection as a future.
pub(crate) struct Echo<L> {
    connection: Connection,
    leave: L,
}

impl<L: FnMut(Direction, &Waker) + Unpin> Echo<L> {
    pub(crate) fn new(stream: TcpStream, leave: L) -> Echo<L> {
        Echo { connection: Connection::new(stream), leave }
    }
}

impl<L: FnMut(Direction, &Waker) + Unpin> Future for Echo<L> {
    type Output = io::Result<Tally>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Tally>> {
        if self.connection.go_on()? {
            return Poll::Ready(Ok(self.connection.tally));
        }
        let direction = self.connection.waits_to();
        (self.leave)(direction, cx.waker());
        Poll::Pending
    }
}
