//! # Connection: a state machine that goes as far as readiness allows
//!
//! Problem: with one thread for all, no connection may wait in the middle of its work.
//! Idea: what a waiting thread would remember on its stack (reading, or how far it has written)
//! is a value here, so the work can be left at any point, and taken up there later.
//! Leaves out: reading ahead while an answer is unsent, so a peer fills one buffer at most.
//! Read before: `nonblocking.rs`. Read next: `mio.rs`, which owns all connections.
//! Try: `cargo run -- serve mio --buffer 7`, and a long `--message` from `cargo run -- client`

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::SocketAddr;
use std::ops::Range;

use mio::event::Event;
use mio::net::TcpStream;

use crate::counters::Counters;
use crate::options::Options;
use crate::reply::Reply;

/// One peer, how far its work has come, and what the kernel has said about its socket.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    buffer: Vec<u8>,
    state: State,
    readiness: Readiness,
    /// It is among those that will be advanced: once is enough.
    queued: bool,
}

/// What the kernel has said about a socket, and no call has disproved yet.
struct Readiness {
    readable: bool,
    writable: bool,
    /// Whether a short read or write still means that the next one would be vain.
    short_means_empty: bool,
}

// IDEA: where the work stands is a value, not a place in the code that a thread sleeps at.
enum State {
    Reading,
    /// The part of the buffer that the kernel has not taken yet.
    Writing(Range<usize>),
    Ended,
}

/// What should become of a connection now.
pub(super) enum Next {
    /// Leave it alone until an event says more.
    Wait,
    /// It could go on, but has had its share of this turn.
    Again,
    /// All is said and sent.
    Close,
}

impl Connection {
    /// Starts unready: registering brings an event that says what is ready already.
    pub(super) fn new(stream: TcpStream, peer: SocketAddr, options: &Options) -> Connection {
        Connection {
            stream,
            peer,
            buffer: vec![0; options.buffer],
            state: State::Reading,
            readiness: Readiness {
                readable: false,
                writable: false,
                short_means_empty: cfg!(unix),
            },
            queued: false,
        }
    }

    /// Adds what `event` says to what is known; returns whether it must be queued to advance.
    pub(super) fn note(&mut self, event: &Event) -> bool {
        // An error or a hang-up is learnt by trying: the call then returns it.
        let broken = event.is_error();
        self.readiness.readable |= event.is_readable() || event.is_read_closed() || broken;
        self.readiness.writable |= event.is_writable() || event.is_write_closed() || broken;
        // After these the end, the error or the bytes behind urgent ones bring no new edge.
        let last = event.is_read_closed() || event.is_write_closed() || event.is_priority();
        self.readiness.short_means_empty &= !(last || broken);
        !mem::replace(&mut self.queued, true)
    }

    /// Goes on until the socket is not ready, or this connection has had its share of the turn.
    pub(super) fn advance(&mut self, reply: Reply, counters: &Counters) -> io::Result<Next> {
        const SHARE: usize = 16;

        let mut reads = 0;
        self.queued = false;
        loop {
            match &self.state {
                State::Reading if !self.readiness.readable => return Ok(Next::Wait),
                State::Reading if reads == SHARE => {
                    self.queued = true;
                    return Ok(Next::Again);
                }
                State::Reading => {
                    reads += 1;
                    self.read(reply, counters)?;
                }
                State::Writing(unsent) if unsent.is_empty() => self.state = State::Reading,
                State::Writing(_) if !self.readiness.writable => return Ok(Next::Wait),
                State::Writing(unsent) => {
                    let unsent = unsent.clone();
                    self.write(unsent, counters)?;
                }
                State::Ended => return Ok(Next::Close),
            }
        }
    }

    fn read(&mut self, reply: Reply, counters: &Counters) -> io::Result<()> {
        // read
        match counters.read(self.peer, self.stream.read(&mut self.buffer), &self.buffer) {
            Ok(0) => self.state = State::Ended,
            Ok(n) => {
                // Fewer bytes than asked for: the socket is empty, so don't ask in vain (epoll(7)).
                self.readiness.readable =
                    n == self.buffer.len() || !self.readiness.short_means_empty;
                self.state = State::Writing(0..reply.answer(&mut self.buffer[..n]).len());
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => self.readiness.readable = false,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    fn write(&mut self, unsent: Range<usize>, counters: &Counters) -> io::Result<()> {
        // write
        match counters.write(self.peer, self.stream.write(&self.buffer[unsent.clone()])) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => {
                self.readiness.writable = n == unsent.len() || !self.readiness.short_means_empty;
                self.state = State::Writing(unsent.start + n..unsent.end);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => self.readiness.writable = false,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }
}
