//! # Edge, mended: read until 'not yet'
//!
//! Fault: one read for each event. The kernel reports the moment at which something comes, not that
//! something is there; what is left in the socket brings no event of its own.
//! Mend: reads go on until the kernel says 'not yet', or the end: from then on whatever comes is a
//! new event. (A call that a signal interrupts says neither, so it is tried again, too.) A larger
//! buffer only makes the fault rarer.
//! In dormouse: `Side::clear` in `runtime/src/source.rs`: 'ready' is remembered until a call says
//! 'not yet'; `Side::clear_after_short_call` says when a short read may spare that call.
//! Leaves out: a peer that never stops would keep the loop for itself. dormouse counts steps:
//! `Executor::may_go_on` in `runtime/src/executor.rs`.

use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// What a peer has sent so far.
pub struct Inbox {
    poll: Poll,
    events: Events,
    stream: TcpStream,
    received: Vec<u8>,
    ended: bool,
}

impl Inbox {
    /// Will read from `stream`, which does not wait.
    pub fn new(mut stream: TcpStream) -> io::Result<Self> {
        let poll = Poll::new()?;
        poll.registry().register(&mut stream, Token(0), Interest::READABLE)?;
        let (events, received) = (Events::with_capacity(8), Vec::new());
        Ok(Inbox { poll, events, stream, received, ended: false })
    }

    /// All that has come so far.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Whether the peer has said that no more will come.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Waits until there is something to read, at most so long, and reads it. Returns whether there
    /// was an event.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<bool> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(false),
            waited => waited?,
        }
        if self.events.is_empty() {
            return Ok(false);
        }
        self.read()?;
        Ok(true)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16];
        while !self.ended {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(n) => self.received.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
