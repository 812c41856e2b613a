//! # Select: one call asks about all sockets, in the oldest form
//!
//! Problem: asking every socket in turn finds almost always nothing, and never sleeps.
//! Idea: hand the kernel the whole list, and sleep in one call until one of it is ready (4.2BSD,
//! 1983). The list is a set of bits, one per descriptor, so no descriptor above 1023 fits.
//! Leaves out: bigger sets. They exist on some systems, and hide the limit that `poll.rs` lacks.
//! Read before: `nonblocking.rs`. Read next: `poll.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve select --stats`, and `cargo run -- client`

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::sys::select::{FD_SETSIZE, FdSet, select};
use nix::sys::time::{TimeVal, TimeValLike};
use slab::Slab;

use super::connection::{Connection, Step};
use crate::accept::{ACCEPTS_A_TURN, Accepting};
use crate::counters::Counters;
use crate::idle::{Idle, time_left};
use crate::options::Options;

/// Serves all connections of `listener` on this thread, asleep while none has anything to say.
///
/// # Errors
///
/// Only when the listener can't accept any more, or the kernel refuses to wait.
pub fn serve(
    listener: &TcpListener,
    options: &Options,
    counters: &Counters,
) -> io::Result<Infallible> {
    let mut server = Server::listen(listener, options, counters)?;
    loop {
        let ready = server.wait()?;
        server.accept()?;
        server.advance(ready);
        server.close_silent();
    }
}

struct Server<'a> {
    listener: &'a TcpListener,
    accepting: Accepting,
    /// By *token*, the number that stands for a connection: that of its place here.
    connections: Slab<Connection<TcpStream>>,
    idle: Idle,
    options: &'a Options,
    counters: &'a Counters,
}

impl<'a> Server<'a> {
    fn listen(
        listener: &'a TcpListener,
        options: &'a Options,
        counters: &'a Counters,
    ) -> io::Result<Server<'a>> {
        // listen
        listener.set_nonblocking(true)?;
        fits(listener)?;
        Ok(Server {
            listener,
            accepting: Accepting::default(),
            connections: Slab::new(),
            idle: Idle::new(options.idle_timeout),
            options,
            counters,
        })
    }

    /// Sleeps until something is ready, and returns which connections are.
    fn wait(&mut self) -> io::Result<Vec<usize>> {
        // wait
        // Rebuilt for each call, as the kernel writes its answer over the question.
        let (mut readable, mut writable) = (FdSet::new(), FdSet::new());
        // Left out while accepting has a time of its own (`accept.rs`): in a pause it would end the
        // sleep, and where more are in the queue there is none.
        if self.accepting.deadline().is_none() {
            readable.insert(self.listener.as_fd());
        }
        for (_, connection) in &self.connections {
            let wanted = if connection.wants_to_write() { &mut writable } else { &mut readable };
            wanted.insert(connection.stream.as_fd());
        }
        let timeout = time_left([self.accepting.deadline(), self.idle.deadline()]);
        // IDEA: one call asks about all; its cost grows with the highest descriptor.
        // The kernel goes through all the bits below it; and the answer names nobody, so we go
        // through all connections to find who is meant.
        let mut left = timeout.map(timeval);
        let wait = || Ok(count(select(None, &mut readable, &mut writable, None, &mut left)?));
        match self.counters.wait(wait) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(Vec::new()),
            Err(e) => return Err(e),
        }
        let told = readable.contains(self.listener.as_fd());
        let ready = self.connections.iter().filter(|(_, connection)| {
            let fd = connection.stream.as_fd();
            readable.contains(fd) || writable.contains(fd)
        });
        let ready = ready.map(|(token, _)| token).collect();
        if told {
            self.accepting.announce();
        }
        Ok(ready)
    }

    /// Takes connections until the queue is empty, or until the others should have their turn.
    fn accept(&mut self) -> io::Result<()> {
        for _ in 0..ACCEPTS_A_TURN {
            let accept = || self.listener.accept();
            match self.accepting.next(self.options, self.counters, accept)? {
                Some((stream, peer)) => self.welcome(stream, peer),
                None => break,
            }
        }
        Ok(())
    }

    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr) {
        // It must not wait even here: the write of an answer is tried unasked, and 'ready' may be
        // wrong by the time of the call (select(2), "BUGS").
        let ready = stream.set_nonblocking(true).and_then(|()| fits(&stream));
        match ready.and_then(|()| Connection::new(stream, peer, self.options)) {
            Ok(connection) => self.idle.moved(self.connections.insert(connection)),
            Err(e) => self.counters.close(peer, &Err(e)),
        }
    }

    /// Lets each connection that is ready do one exchange; what is left is reported again.
    fn advance(&mut self, ready: Vec<usize>) {
        for token in ready {
            self.exchange(token);
        }
    }

    /// One exchange; returns whether anything came of it.
    fn exchange(&mut self, token: usize) -> bool {
        match self.connections[token].exchange(self.options.reply, self.counters) {
            Ok(Step::Whole | Step::Short) => self.idle.moved(token),
            Ok(Step::NotYet) => return false,
            Ok(Step::Ended) => self.close(token, &Ok(())),
            Err(e) => self.close(token, &Err(e)),
        }
        true
    }

    fn close_silent(&mut self) {
        // One `now` for all: who moves meanwhile is noted as later than it, so the loop ends.
        let now = Instant::now();
        while let Some(token) = self.idle.expired(now) {
            // It may have moved without a report: try once more, see `Idle::expired`.
            if !self.exchange(token) {
                self.close(token, &Err(self.idle.error()));
            }
        }
    }

    fn close(&mut self, token: usize, end: &io::Result<()>) {
        // close
        self.idle.ended(token);
        self.counters.close(self.connections.remove(token).peer, end);
    }
}

/// Whether the set has a bit for it: beyond the last, inserting would write elsewhere.
fn fits(socket: &impl AsRawFd) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    if usize::try_from(fd).is_ok_and(|fd| fd < FD_SETSIZE) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "descriptor {fd} does not fit in an fd_set (FD_SETSIZE is {FD_SETSIZE}): serve with poll \
         or mio"
    )))
}

/// Rounds up to whole microseconds, the unit of `select(2)`: rounding down would end in a loop
/// that does not wait. A time too long for the unit becomes a year.
fn timeval(left: Duration) -> TimeVal {
    const YEAR_US: i64 = 365 * 24 * 3600 * 1_000_000;

    let us = i64::try_from(left.as_nanos().div_ceil(1000)).unwrap_or(YEAR_US);
    TimeVal::microseconds(us.min(YEAR_US))
}

/// `select(2)` returns how many bits it has left set, never less than none.
fn count(found: i32) -> usize {
    usize::try_from(found).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rustix::io::fcntl_dupfd_cloexec;

    use super::*;

    #[test]
    fn a_listener_that_does_not_fit_is_an_error() {
        crate::limits::raise_descriptor_limit().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let first_beyond = i32::try_from(FD_SETSIZE).unwrap();
        let listener = TcpListener::from(fcntl_dupfd_cloexec(&listener, first_beyond).unwrap());
        let options = Options {
            reply: crate::reply::Reply::Upper,
            buffer: 1,
            max_connections: None,
            idle_timeout: None,
            every: None,
        };
        let counters = Counters::new("select", false);
        let error = Server::listen(&listener, &options, &counters).err().unwrap();
        assert!(error.to_string().contains("does not fit"), "{error}");
    }

    #[test]
    fn a_timeout_is_rounded_up() {
        for (ns, us) in [(0, 0), (1, 1), (1000, 1), (1001, 2)] {
            assert_eq!(timeval(Duration::from_nanos(ns)), TimeVal::microseconds(us), "{ns} ns");
        }
        assert!(timeval(Duration::MAX) > TimeVal::seconds(3600));
    }
}
