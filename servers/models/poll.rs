//! # Poll: the same question, without the limit
//!
//! Problem: a set of bits ends at descriptor 1023, and three sockets cost as much as a thousand, if
//! one of the three has a high descriptor.
//! Idea: hand over an array instead, one entry per socket: which one, and what to wait for, the
//! *interest* (System V, 1986). The question still travels whole, each time.
//! Leaves out: a list that the kernel keeps; that is `mio.rs`.
//! Read before: `select.rs`. Read next: `readiness.rs`.
//! Try: `diff servers/models/select.rs servers/models/poll.rs`

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
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
    /// By token: the number of its place here.
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
        // Rebuilt for each call: the kernel goes through all of it anyway, and a list that is kept
        // must be kept in step with every change of a connection.
        let mut entries = Vec::with_capacity(1 + self.connections.len());
        for (_, connection) in &self.connections {
            // Interest in writing only while something waits to be written: a socket almost always
            // has room, and the call would never sleep.
            let writes = connection.wants_to_write();
            let wanted = if writes { PollFlags::OUT } else { PollFlags::IN };
            entries.push(PollFd::new(&connection.stream, wanted));
        }
        // Left out while accepting has a time of its own (`accept.rs`): in a pause it would end the
        // sleep, and where more are in the queue there is none.
        if self.accepting.deadline().is_none() {
            entries.push(PollFd::new(self.listener, PollFlags::IN));
        }
        let timeout = time_left([self.accepting.deadline(), self.idle.deadline()]);
        // IDEA: one call asks about all; its cost grows with the number that is watched.
        let wait = || Ok(poll(&mut entries, timeout.map(timespec).as_ref())?);
        match self.counters.wait(wait) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(Vec::new()),
            Err(e) => return Err(e),
        }
        // An error or a hang-up is reported unasked; the next step finds out what it is.
        let is_ready = |entry: &PollFd<'_>| !entry.revents().is_empty();
        // The listener's entry, if there is one, is behind all others.
        let told = entries.get(self.connections.len()).is_some_and(is_ready);
        let tokens = self.connections.iter().map(|(token, _)| token).zip(&entries);
        let ready = tokens.filter(|(_, entry)| is_ready(entry)).map(|(token, _)| token).collect();
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
        let ready = stream.set_nonblocking(true);
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

/// A time too long for the unit becomes a year.
fn timespec(left: Duration) -> Timespec {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

    Timespec::try_from(left.min(YEAR)).expect("a year fits")
}
