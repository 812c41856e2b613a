//! # Token: which socket an event is for
//!
//! Problem: the kernel reports events by a number, a batch at a time. While the batch is worked
//! through, sockets are closed, and others are opened.
//! Happened: `redis/redis#333`, and as a question in `#4877`: an event early in a batch closes
//! connection 47, the next one opens a connection that is given the number 47, and a later one, for
//! the old 47, is handed to the newcomer.
//! Number: how many events reach a socket that was opened after they were reported. None would do.
//! Try: `cargo test -p dormouse-exercises --test exercises token`
//! Hint: what does `usize` of a `Slab` say of a socket, and for how long is it true?

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::event::Event;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

/// The open sockets of a server, each under its token.
pub struct Sockets {
    poll: Poll,
    events: Events,
    open: Slab<UdpSocket>,
}

impl Sockets {
    /// None yet.
    pub fn new() -> io::Result<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(64));
        Ok(Sockets { poll, events, open: Slab::new() })
    }

    /// Takes in `socket`: from now on its events are reported under the token.
    pub fn open(&mut self, mut socket: UdpSocket) -> io::Result<Token> {
        let place = self.open.vacant_entry();
        let token = Token(place.key());
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        place.insert(socket);
        Ok(token)
    }

    /// Closes the socket of `token`, if it is open.
    pub fn close(&mut self, token: Token) -> io::Result<()> {
        match self.open.try_remove(token.0) {
            Some(mut socket) => self.poll.registry().deregister(&mut socket),
            None => Ok(()),
        }
    }

    /// The socket of `token`, as long as it is open.
    pub fn get(&self, token: Token) -> Option<&UdpSocket> {
        self.open.get(token.0)
    }

    /// Waits for events, at most so long, and returns the tokens of all that there are.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<Vec<Token>> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(Vec::new()),
            waited => waited?,
        }
        Ok(self.events.iter().map(Event::token).collect())
    }
}
