//! # Edge: what the kernel says once
//!
//! Problem: a loop sleeps until its socket has something to read, reads it, and sleeps again.
//! Happened: `tokio-rs/mio#1076`: a UDP socket that was read once for each event went silent after
//! some seconds, for good. `tokio-rs/mio#1085`: mio's own example of a TCP server did the same.
//! Number: how many of 60,000 bytes are read, when they are all there and nothing comes after them.
//! Try: `cargo test -p dormouse-exercises --test exercises edge`
//! Hint: mio's `Poll`, 'Draining readiness'; epoll(7), on level and edge.

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
        match self.stream.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(n) => self.received.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }
}
