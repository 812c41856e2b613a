//! # Descriptors, mended: leave the listener alone for a while
//!
//! Fault: the call failed, the connection stayed in the queue, so the listener was ready, so the
//! call was made again, at once.
//! Mend: after a failure there is a pause, in which the listener is not among those that are waited
//! for. Its end is a reason to ask by itself: where the kernel reports a change only (epoll, edge
//! triggered), to wait until the listener is ready again could be to wait for ever.
//! In dormouse: `retry_after` in `servers/accept.rs`, which also tells the errors apart: one that
//! concerns a single connection is not slept on. `Accepting::next` there keeps the time.
//! Leaves out: that difference.

use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// For how long nobody is accepted once a call has failed.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes in connections.
pub struct Acceptor {
    listener: TcpListener,
    open: Vec<TcpStream>,
    asked: u64,
    /// Until then nobody is accepted.
    paused_until: Option<Instant>,
}

impl Acceptor {
    /// Will take the connections that `listener` has.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Acceptor { listener, open: Vec::new(), asked: 0, paused_until: None })
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// How often accept(2) was called.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Waits for a connection, at most so long, and takes it. A connection that fails is no reason
    /// to end the server.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<()> {
        if !self.may_accept(timeout)? {
            return Ok(());
        }
        self.asked += 1;
        match self.listener.accept() {
            Ok((stream, _peer)) => self.open.push(stream),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => {
                println!("accept: {e}");
                self.paused_until = Some(Instant::now() + PAUSE);
            }
        }
        Ok(())
    }

    /// The end of a pause is a reason to ask, as a connection is.
    fn may_accept(&mut self, timeout: Duration) -> io::Result<bool> {
        let Some(until) = self.paused_until else {
            return wait(Some(&self.listener), timeout);
        };
        let left = until.saturating_duration_since(Instant::now());
        wait(None, left.min(timeout))?;
        if Instant::now() < until {
            return Ok(false);
        }
        self.paused_until = None;
        Ok(true)
    }
}

/// Returns whether there is a connection to take.
fn wait(listener: Option<&TcpListener>, timeout: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
    let entries = listener.map(|listener| PollFd::new(listener, PollFlags::IN));
    match poll(&mut Vec::from_iter(entries), Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
