//! # Mio: the kernel keeps the list, and says what is ready
//!
//! Problem: asking every socket costs the same whether one has something to say or none.
//! Idea: register each socket once with the kernel; one call sleeps until some are ready, and
//! names them by token. Each connection is a state machine that goes as far as readiness allows.
//! Leaves out: code that reads from top to bottom; that needs a compiler's help (`async.rs`).
//! Read before: `mio/connection.rs`. Read next: `runtime/src/lib.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve mio --stats`, and `cargo run -- client`

mod connection;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use self::connection::{Connection, Next};
use crate::accept::retry_after;
use crate::counters::Counters;
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
        server.advance_ready();
    }
}

struct Server<'a> {
    poll: Poll,
    listener: TcpListener,
    /// When to accept next: `None` once the queue was found empty, until an event says otherwise.
    accept_at: Option<Instant>,
    /// By token. A place is taken again after a close; no event of before can reach the newcomer,
    /// as all events of a turn are noted before any connection is closed in it.
    connections: Slab<Connection>,
    /// Connections that can go on: told so by an event, or stopped by their share of the turn.
    ready: VecDeque<usize>,
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
            accept_at: None,
            connections: Slab::new(),
            ready: VecDeque::new(),
            options,
            counters,
        })
    }

    /// Sleeps until something is ready, and notes what; not at all while some can still go on.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        // wait
        let timeout = if self.ready.is_empty() {
            self.accept_at.map(|at| at.saturating_duration_since(Instant::now()))
        } else {
            Some(Duration::ZERO)
        };
        // IDEA: one call waits for all sockets. Its cost grows with those that are ready, not
        // with those that are open, and while none is ready it costs nothing.
        let woken = self.poll.poll(events, timeout).map(|()| events.iter().count());
        match self.counters.wait(woken) {
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
            // A pause after a shortage goes on: newcomers don't bring descriptors.
            self.accept_at.get_or_insert_with(Instant::now);
        } else {
            let token = event.token().0;
            if self.connections[token].note(event) {
                self.ready.push_back(token);
            }
        }
    }

    /// Takes connections until the queue is empty, or until the others should have their turn.
    fn accept(&mut self) -> io::Result<()> {
        const SHARE: usize = 64;

        if self.accept_at.is_none_or(|at| at > Instant::now()) {
            return Ok(());
        }
        for _ in 0..SHARE {
            match self.counters.accept(self.listener.accept()) {
                Ok((stream, peer)) => self.welcome(stream, peer),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.accept_at = None;
                    break;
                }
                Err(e) => {
                    self.accept_at = Some(Instant::now() + retry_after(&e)?);
                    break;
                }
            }
        }
        Ok(())
    }

    fn welcome(&mut self, mut stream: TcpStream, peer: SocketAddr) {
        let place = self.connections.vacant_entry();
        match self.poll.registry().register(&mut stream, Token(place.key()), interest()) {
            Ok(()) => {
                place.insert(Connection::new(stream, peer, self.options));
            }
            Err(e) => self.counters.close(peer, &Err(e)),
        }
    }

    /// Lets each connection that can go on do so, once; what it then still can is for next turn.
    fn advance_ready(&mut self) {
        for _ in 0..self.ready.len() {
            let Some(token) = self.ready.pop_front() else { return };
            match self.connections[token].advance(self.options.reply, self.counters) {
                Ok(Next::Wait) => {}
                Ok(Next::Again) => self.ready.push_back(token),
                Ok(Next::Close) => self.close(token, Ok(())),
                Err(e) => self.close(token, Err(e)),
            }
        }
    }

    fn close(&mut self, token: usize, end: io::Result<()>) {
        // close
        let mut connection = self.connections.remove(token);
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
