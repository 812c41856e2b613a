//! # Mio: the kernel keeps the list, and says what is ready
//!
//! Problem: asking every socket costs the same whether one has something to say or none.
//! Idea: register each socket once with the kernel; one call sleeps until some are ready, and
//! names them by token. Each connection is a state machine that goes as far as readiness allows.
//! Leaves out: code that reads from top to bottom; that needs a compiler's help (`async.rs`).
//! Read before: `readiness.rs`. Read next: `signal/arm.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve mio --stats`, and `cargo run -- client`

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::connection::Connection;
use super::readiness::{News, Next, Watched};
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
    listener: std::net::TcpListener,
    options: &Options,
    counters: &Counters,
) -> io::Result<Infallible> {
    let mut server = Server::listen(listener, options, counters)?;
    let mut events = Events::with_capacity(1024);
    loop {
        server.wait(&mut events)?;
        server.accept()?;
        server.advance();
        server.close_silent();
    }
}

struct Server<'a> {
    poll: Poll,
    listener: TcpListener,
    accepting: Accepting,
    /// By token. A place is taken again after a close; no earlier event can reach the newcomer,
    /// as all events of a turn are noted before any connection is closed in it.
    connections: Slab<Watched<TcpStream>>,
    /// Connections that can go on: told so by an event, or stopped by their share of the turn.
    ready: VecDeque<usize>,
    idle: Idle,
    options: &'a Options,
    counters: &'a Counters,
}

/// Never the place of a connection: there are not so many.
const LISTENER: Token = Token(usize::MAX);

impl<'a> Server<'a> {
    fn listen(
        listener: std::net::TcpListener,
        options: &'a Options,
        counters: &'a Counters,
    ) -> io::Result<Server<'a>> {
        // listen
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Server {
            poll,
            listener,
            accepting: Accepting::default(),
            connections: Slab::new(),
            ready: VecDeque::new(),
            idle: Idle::new(options.idle_timeout),
            options,
            counters,
        })
    }

    /// Sleeps until something is ready, and notes what; not at all while some can still go on.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        // wait
        let timeout = if self.ready.is_empty() {
            time_left([self.accepting.deadline(), self.idle.deadline()])
        } else {
            Some(Duration::ZERO)
        };
        // IDEA: one call waits for all, and costs nothing while none is ready, however many are open.
        let wait = || self.poll.poll(events, timeout).map(|()| events.iter().count());
        match self.counters.wait(wait) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(e) => return Err(e),
        }
        for event in &*events {
            self.note(event);
        }
        Ok(())
    }

    /// Keeps what an event says: under edge triggering (epoll(7)) the kernel won't say it again.
    fn note(&mut self, event: &Event) {
        if event.token() == LISTENER {
            self.accepting.announce();
        } else {
            let token = event.token().0;
            if self.connections[token].note(news(event)) {
                self.ready.push_back(token);
            }
        }
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

    fn welcome(&mut self, mut stream: TcpStream, peer: SocketAddr) {
        let place = self.connections.vacant_entry();
        let token = place.key();
        let registered = self.poll.registry().register(&mut stream, Token(token), interest());
        match registered.and_then(|()| Connection::new(stream, peer, self.options)) {
            Ok(connection) => {
                // Unready yet: registering brings an event that says what is ready already.
                place.insert(Watched::new(connection));
                self.idle.moved(token);
            }
            Err(e) => self.counters.close(peer, &Err(e)),
        }
    }

    /// Lets each connection that can go on do so, once; what it then still can is for next turn.
    fn advance(&mut self) {
        for _ in 0..self.ready.len() {
            let Some(token) = self.ready.pop_front() else { return };
            self.go_on(token);
        }
    }

    /// Goes on as far as readiness and the turn allow; returns whether anything came of it.
    fn go_on(&mut self, token: usize) -> bool {
        let watched = &mut self.connections[token];
        let next = watched.advance(self.options.reply, self.counters);
        let moved = watched.take_moved();
        if moved {
            self.idle.moved(token);
        }
        match next {
            Ok(Next::Wait) => return moved,
            Ok(Next::Again) => self.ready.push_back(token),
            Ok(Next::Close) => self.close(token, Ok(())),
            Err(e) => self.close(token, Err(e)),
        }
        true
    }

    fn close_silent(&mut self) {
        // One `now` for all: who moves meanwhile is noted as later than it, so the loop ends.
        let now = Instant::now();
        while let Some(token) = self.idle.expired(now) {
            // Dealt with here. Left in `ready`, its token would name whoever has its place then.
            self.ready.retain(|queued| *queued != token);
            // It may have moved without a report: try once more, see `Idle::expired`.
            self.connections[token].note(News::BOTH);
            if !self.go_on(token) {
                self.close(token, Err(self.idle.error()));
            }
        }
    }

    fn close(&mut self, token: usize, end: io::Result<()>) {
        // close
        self.idle.ended(token);
        let mut connection = self.connections.remove(token).connection;
        let deregistered = self.poll.registry().deregister(&mut connection.stream);
        self.counters.close(connection.peer, &end.and(deregistered));
    }
}

/// What a connection registers for, once, for its whole life.
fn interest() -> Interest {
    let interest = Interest::READABLE | Interest::WRITABLE;
    // A read ends at urgent data, so it may be short though more is there: a connection has to
    // hear of it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let interest = interest | Interest::PRIORITY;
    interest
}

fn news(event: &Event) -> News {
    // An error or a hang-up is learnt by trying: the call then returns it.
    let broken = event.is_error();
    let ended = event.is_read_closed() || event.is_write_closed();
    News {
        readable: event.is_readable() || event.is_read_closed() || broken,
        writable: event.is_writable() || event.is_write_closed() || broken,
        until_not_yet: ended || event.is_priority() || broken,
    }
}
