//! # Signal: the kernel interrupts when a socket is ready
//!
//! Problem: even asking about all sockets at once is asking.
//! Idea: ask nobody; each socket is told once to send a signal when something happens to it. The
//! signals queue up, and the thread sleeps until there are some.
//! Leaves out: handlers: the signals are masked, and read from their queue.
//! Read before: `signal/queue.rs`. Read next: `uring/setup.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve signal --stats`, and `cargo run -- client`

pub mod arm;
pub mod queue;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use log::debug;
use rustix::event::PollFlags;

use self::arm::arm;
use self::queue::{Queue, Signal};
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
/// Only when the listener can't accept any more, or the kernel refuses to send signals.
pub fn serve(
    listener: TcpListener,
    options: &Options,
    counters: &Counters,
) -> io::Result<Infallible> {
    let mut server = Server::listen(listener, options, counters)?;
    loop {
        server.wait()?;
        server.accept()?;
        server.advance();
        server.close_silent();
    }
}

struct Server<'a> {
    listener: TcpListener,
    accepting: Accepting,
    /// By descriptor, as that is what a signal names.
    connections: HashMap<RawFd, Watched<TcpStream>>,
    /// Connections that can go on: told so by a signal, or stopped by their share of the turn.
    ready: VecDeque<RawFd>,
    idle: Idle,
    options: &'a Options,
    counters: &'a Counters,
    /// Last, so that it is dropped last: the listener and the sockets signal until they are closed.
    queue: Queue,
}

impl<'a> Server<'a> {
    fn listen(
        listener: TcpListener,
        options: &'a Options,
        counters: &'a Counters,
    ) -> io::Result<Server<'a>> {
        // listen
        listener.set_nonblocking(true)?;
        let queue = Queue::open()?;
        arm(&listener)?;
        // Who came before the arming is announced by no signal.
        let mut accepting = Accepting::default();
        accepting.announce();
        Ok(Server {
            listener,
            accepting,
            connections: HashMap::new(),
            ready: VecDeque::new(),
            idle: Idle::new(options.idle_timeout),
            options,
            counters,
            queue,
        })
    }

    /// Sleeps until there are signals, and notes what they say; not at all while some connections
    /// can still go on.
    fn wait(&mut self) -> io::Result<()> {
        // wait
        let timeout = if self.ready.is_empty() {
            time_left([self.accepting.deadline(), self.idle.deadline()])
        } else {
            Some(Duration::ZERO)
        };
        // A read of the queue can't end by itself, so a limit of time costs a call of its own.
        if let Some(timeout) = timeout
            && !self.is_signalled_within(timeout)?
        {
            return Ok(());
        }
        // IDEA: one call brings the news of all sockets, and none of them was asked for.
        // But news is no state: what is said once and not used up now must be remembered.
        let mut signals = Vec::new();
        match self.counters.wait(|| self.queue.read(&mut signals)) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(e) => return Err(e),
        }
        for signal in signals {
            match signal {
                Signal::Ready { fd, flags } => {
                    self.signalled(fd);
                    self.note(fd, news(flags));
                }
                Signal::Lost => self.sweep(),
            }
        }
        Ok(())
    }

    fn is_signalled_within(&self, timeout: Duration) -> io::Result<bool> {
        match self.counters.wait(|| self.queue.wait(timeout).map(usize::from)) {
            Ok(n) => Ok(n > 0),
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Tells `counters` whose socket a signal was about.
    fn signalled(&self, fd: RawFd) {
        if let Some(watched) = self.connections.get(&fd) {
            self.counters.signalled(watched.connection.peer);
        }
    }

    /// Keeps what a signal says. One about a socket that was closed since is nobody's; where the
    /// descriptor is another's by now, that one is tried in vain.
    fn note(&mut self, fd: RawFd, news: News) {
        if fd == self.listener.as_raw_fd() {
            self.accepting.announce();
        } else if let Some(watched) = self.connections.get_mut(&fd)
            && watched.note(news)
        {
            self.ready.push_back(fd);
        }
    }

    /// Takes everybody for ready, after signals were lost: nobody knows whose.
    fn sweep(&mut self) {
        debug!("the queue of signals was full: all {} sockets are tried", self.connections.len());
        self.accepting.announce();
        for (fd, watched) in &mut self.connections {
            if watched.note(ANYTHING) {
                self.ready.push_back(*fd);
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

    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr) {
        let fd = stream.as_raw_fd();
        let armed = stream.set_nonblocking(true).and_then(|()| arm(&stream));
        match armed.and_then(|()| Connection::new(stream, peer, self.options)) {
            Ok(connection) => {
                self.connections.insert(fd, Watched::new(connection));
                // What came before the arming is never signalled: try once.
                self.note(fd, ANYTHING);
                self.idle.moved(key(fd));
            }
            Err(e) => self.counters.close(peer, &Err(e)),
        }
    }

    /// Lets each connection that can go on do so, once; what it then still can is for next turn.
    fn advance(&mut self) {
        for _ in 0..self.ready.len() {
            let Some(fd) = self.ready.pop_front() else { return };
            self.go_on(fd);
        }
    }

    /// Goes on as far as readiness and the turn allow; returns whether anything came of it.
    fn go_on(&mut self, fd: RawFd) -> bool {
        // Closed since it was queued; if the descriptor is another's by now, that one is tried.
        let Some(watched) = self.connections.get_mut(&fd) else { return false };
        let next = watched.advance(self.options.reply, self.counters);
        let moved = watched.take_moved();
        if moved {
            self.idle.moved(key(fd));
        }
        match next {
            Ok(Next::Wait) => return moved,
            Ok(Next::Again) => self.ready.push_back(fd),
            Ok(Next::Close) => self.close(fd, &Ok(())),
            Err(e) => self.close(fd, &Err(e)),
        }
        true
    }

    fn close_silent(&mut self) {
        // One `now` for all: who moves meanwhile is noted as later than it, so the loop ends.
        let now = Instant::now();
        while let Some(key) = self.idle.expired(now) {
            let fd = RawFd::try_from(key).expect("each key was made of a descriptor");
            // It may have moved without a report: try once more, see `Idle::expired`.
            if let Some(watched) = self.connections.get_mut(&fd) {
                watched.note(ANYTHING);
            }
            if !self.go_on(fd) {
                self.close(fd, &Err(self.idle.error()));
            }
        }
    }

    fn close(&mut self, fd: RawFd, end: &io::Result<()>) {
        // close
        self.idle.ended(key(fd));
        if let Some(closed) = self.connections.remove(&fd) {
            self.counters.close(closed.connection.peer, end);
        }
    }
}

fn key(fd: RawFd) -> usize {
    usize::try_from(fd).expect("an open descriptor is never negative")
}

/// Each direction may be ready: only 'not yet' ends the trying.
const ANYTHING: News = News { readable: true, writable: true, until_not_yet: true };

/// What the flags of a signal say. Those that speak of room only leave out 'readable', those that
/// speak of data only leave out 'writable'; all others are taken for both.
///
/// The end of a stream is signalled with the same flags as data, and both signals may be noted
/// before one read. If a short read were taken for the last one, nobody would hear of that end: so
/// each call is repeated until it says 'not yet'.
fn news(flags: PollFlags) -> News {
    let room = PollFlags::OUT | PollFlags::WRNORM | PollFlags::WRBAND;
    let data = PollFlags::IN | PollFlags::RDNORM;
    News { readable: !room.contains(flags), writable: !data.contains(flags), until_not_yet: true }
}
