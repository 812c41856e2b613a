//! # Uring: hand the work over, and be told when it is done
//!
//! Problem: readiness is half an answer. Told that there is something, a server still has to make
//! a call to fetch it.
//! Idea: hand the kernel the buffer beforehand. It is told not that bytes can be read, but that
//! they are there: the only call left is the one that waits.
//! Leaves out: reading what a connection that is closed early still has to say; more than one
//! thread.
//! Read before: `uring/ring.rs`. Read next: `runtime/src/lib.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve uring --stats`, and `cargo run -- client`

mod buffer;
mod entries;
mod ring;
mod setup;

use std::io::{self, ErrorKind, PipeReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use self::buffer::Buffer;
use self::ring::{Completion, Ring};
use crate::accept::{admit, retry_after};
use crate::counters::Counters;
use crate::idle::{Idle, or_silence};
use crate::options::Options;
use crate::stop::Stop;

/// Says whether the kernel lets this process have a ring.
///
/// # Errors
///
/// What is missing, in one line.
pub fn available() -> io::Result<()> {
    // On a thread of its own: the end of a ring can interrupt what its thread does next.
    let probe = thread::spawn(|| setup::set_up(2).map(drop));
    probe.join().map_err(|_| io::Error::other("io_uring: the thread that tries it panicked"))?
}

/// Serves all connections of `listener` on this thread, asleep while nothing is done, until it is
/// asked to stop.
///
/// # Errors
///
/// When there can be no ring, the listener can't accept any more, or the kernel loses track.
pub fn serve(
    listener: TcpListener,
    options: &Options,
    counters: &Counters,
    stop: &Stop,
) -> io::Result<()> {
    const ENTRIES: u32 = 1024;

    serve_on_ring(ENTRIES, listener, options, counters, stop)
}

/// [`serve`], with room for so many submissions in one call: 2 or more.
///
/// # Errors
///
/// The same.
pub fn serve_on_ring(
    entries: u32,
    listener: TcpListener,
    options: &Options,
    counters: &Counters,
    stop: &Stop,
) -> io::Result<()> {
    // A ring can watch a descriptor, not a closure: the end of a pipe is the message. And it has to
    // be told: if the process just ended, a worker of the kernel would first finish what is in
    // flight, and only then would the peers see the end.
    let (asked, ask) = io::pipe()?;
    let under_way = stop.subscribe(move || drop(ask));
    let served = Server::listen(entries, listener, asked, options, counters)?.run();
    drop(under_way);
    served
}

struct Server<'a> {
    ring: Ring,
    /// When to ask for connections again: `None` while the kernel has been asked.
    accept_at: Option<Instant>,
    stopping: bool,
    idle: Idle,
    options: &'a Options,
    counters: &'a Counters,
}

impl<'a> Server<'a> {
    fn listen(
        entries: u32,
        listener: TcpListener,
        stop: PipeReader,
        options: &'a Options,
        counters: &'a Counters,
    ) -> io::Result<Server<'a>> {
        // listen
        Ok(Server {
            ring: Ring::new(entries, listener, stop)?,
            accept_at: Some(Instant::now()),
            stopping: false,
            idle: Idle::new(options.idle_timeout),
            options,
            counters,
        })
    }

    fn run(mut self) -> io::Result<()> {
        while !self.stopping || self.ring.is_busy() {
            self.accept_when_due();
            self.wait()?;
            while let Some(completion) = self.ring.next() {
                self.go_on(completion)?;
            }
            self.close_silent();
        }
        Ok(())
    }

    fn accept_when_due(&mut self) {
        if self.accept_at.is_some_and(|at| at <= Instant::now()) {
            self.ring.accept();
            self.accept_at = None;
        }
    }

    fn wait(&mut self) -> io::Result<()> {
        // wait
        let deadline = self.accept_at.into_iter().chain(self.idle.deadline()).min();
        // IDEA: this one call submits what was handed over, and sleeps until something is done.
        // No other call is needed, neither to accept, nor to read, nor to write.
        self.counters.wait(|| self.ring.wait(deadline))?;
        Ok(())
    }

    /// Does what is next for whoever a completion is about.
    fn go_on(&mut self, completion: Completion) -> io::Result<()> {
        match completion {
            Completion::Accepted { result, more } => self.welcome(result, more)?,
            Completion::Received { key, sent, result } => self.received(key, sent, result),
            Completion::CutShort { key, unsent, result } => self.cut_short(key, unsent, result),
            Completion::StopAsked => self.stop(),
        }
        Ok(())
    }

    fn welcome(&mut self, result: io::Result<TcpStream>, more: bool) -> io::Result<()> {
        if self.stopping {
            return Ok(());
        }
        let result = self.counters.accepted(result.map(|socket| {
            let peer = peer_of(&socket);
            (socket, peer)
        }));
        if let Some(pause) = pause_before_accept(more, result.as_ref().err())? {
            self.accept_at = Some(Instant::now() + pause);
        }
        let Ok((socket, peer)) = result else { return Ok(()) };
        if admit(peer, self.options, self.counters) {
            match self.options.new_buffer().and_then(Buffer::new) {
                Ok(buffer) => {
                    let key = self.ring.insert(socket, peer, buffer);
                    self.exchange(key, 0..0);
                }
                Err(e) => self.counters.close(peer, &Err(e)),
            }
        }
        Ok(())
    }

    /// Has the unsent part of the buffer sent, and then the next message received.
    fn exchange(&mut self, key: usize, unsent: Range<usize>) {
        self.idle.moved(key);
        self.counters.submitted(self.ring.peer(key));
        self.ring.exchange(key, unsent);
    }

    fn received(&mut self, key: usize, sent: usize, result: io::Result<usize>) {
        let peer = self.ring.peer(key);
        if sent > 0 {
            // The answer before this message: the kernel says nothing of a send that succeeded.
            self.counters.sent(peer, Ok(sent)).ok();
        }
        // read
        match self.counters.received(peer, result, self.ring.buffer(key)) {
            _ if self.ring.is_closing(key) => self.ring.close(key),
            Ok(0) => self.close(key, &Ok(())),
            Ok(n) => {
                let answer = self.options.reply.answer(&mut self.ring.buffer(key)[..n]).len();
                self.exchange(key, 0..answer);
            }
            // Asked back after too long a silence: see `Idle::expired`.
            Err(e) if self.ring.is_asked_back(key, &e) => {
                // The answer may have gone out just now: then the peer has its time again.
                if sent > 0 || self.ring.has_news(key) {
                    self.exchange(key, 0..0);
                } else {
                    self.close(key, &Err(self.idle.error()));
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => self.exchange(key, 0..0),
            Err(e) => self.close(key, &Err(e)),
        }
    }

    fn cut_short(&mut self, key: usize, unsent: Range<usize>, result: io::Result<usize>) {
        // write
        match self.counters.sent(self.ring.peer(key), result) {
            _ if self.ring.is_closing(key) => self.ring.close(key),
            Ok(0) => self.close(key, &Err(ErrorKind::WriteZero.into())),
            // What stopped it halfway is the result of the next try.
            Ok(n) => self.exchange(key, unsent.start + n..unsent.end),
            Err(e) if self.ring.is_asked_back(key, &e) => self.asked_back(key, unsent),
            Err(e) if e.kind() == ErrorKind::Interrupted => self.exchange(key, unsent),
            Err(e) => self.close(key, &Err(e)),
        }
    }

    /// Nothing of this answer had gone out for too long; see `Idle::expired`.
    fn asked_back(&mut self, key: usize, unsent: Range<usize>) {
        let last_try = self.ring.send_now(key, unsent.clone());
        let last_try = self.counters.sent(self.ring.peer(key), last_try);
        match or_silence(last_try, self.options.idle_timeout) {
            Ok(n) => self.exchange(key, unsent.start + n..unsent.end),
            Err(e) => self.close(key, &Err(e)),
        }
    }

    fn close(&mut self, key: usize, end: &io::Result<()>) {
        // close
        self.idle.ended(key);
        self.counters.close(self.ring.peer(key), end);
        self.ring.close(key);
    }

    fn close_silent(&mut self) {
        // One `now` for all: who moves meanwhile is noted as later than it, so the loop ends.
        let now = Instant::now();
        while let Some(key) = self.idle.expired(now) {
            // Whether something moved only the kernel knows: the completion will tell.
            self.ring.ask_back(key);
            self.idle.moved(key);
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.accept_at = None;
        for key in self.ring.open() {
            self.close(key, &Ok(()));
        }
        self.ring.cancel_all();
    }
}

/// Says when to ask for connections again: `None` while the kernel still brings `more` of them.
///
/// # Errors
///
/// When no later try can succeed.
fn pause_before_accept(more: bool, failure: Option<&io::Error>) -> io::Result<Option<Duration>> {
    let pause = failure.map_or(Ok(Duration::ZERO), retry_after)?;
    Ok((!more).then_some(pause))
}

/// Asks for the address of a newcomer: an accept that goes on for ever has no place for addresses.
fn peer_of(socket: &TcpStream) -> SocketAddr {
    // Whoever has reset the connection already has none any more; the next operation will say so.
    socket.peer_addr().unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    /// Says after which pause to accept again, for a completion as the kernel sends it.
    fn again(more: bool, failure: Option<Errno>) -> io::Result<Option<Duration>> {
        pause_before_accept(more, failure.map(io::Error::from).as_ref())
    }

    #[test]
    fn exactly_one_accept_is_outstanding() {
        assert_eq!(again(true, None).unwrap(), None);
        assert_eq!(again(false, None).unwrap(), Some(Duration::ZERO));
        assert_eq!(again(true, Some(Errno::ECONNABORTED)).unwrap(), None);
        assert_eq!(again(false, Some(Errno::ECONNABORTED)).unwrap(), Some(Duration::ZERO));
        let pause = again(false, Some(Errno::EMFILE)).unwrap().unwrap();
        assert!(pause >= Duration::from_millis(100), "{pause:?}");
        assert_eq!(again(true, Some(Errno::EMFILE)).unwrap(), None);
        again(false, Some(Errno::EINVAL)).unwrap_err();
        again(true, Some(Errno::EINVAL)).unwrap_err();
    }
}
