//! # Token, mended: a place, and since when
//!
//! Fault: the token was the place in the table alone, and places are given out again. An event that
//! the kernel had handed over before the close found whoever had the place by then.
//! Mend: the token also says how many sockets had been opened by then, and the table compares. One
//! from before finds nothing, so the event is dropped. To deregister is not enough: the event has
//! left the kernel already. Not to give out places until the batch is done would do as well; it is
//! the longer way, and does not help against late wakers or completions.
//! In dormouse: `Slots::get` in `runtime/src/slots.rs`, which has tasks, sockets and timers;
//! `Reactor::deliver` in `runtime/src/reactor.rs` counts an event that finds nobody as stale.

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
    open: Slab<Named>,
    /// How many there have been.
    opened: usize,
}

/// A socket, and the number that nobody else is given.
struct Named {
    token: Token,
    socket: UdpSocket,
}

/// Half of the bits of a token say where, the other half since when.
const HALF: u32 = usize::BITS / 2;

fn place(token: Token) -> usize {
    token.0 & (usize::MAX >> HALF)
}

impl Sockets {
    /// None yet.
    pub fn new() -> io::Result<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(64));
        Ok(Sockets { poll, events, open: Slab::new(), opened: 0 })
    }

    /// Takes in `socket`: from now on its events are reported under the token.
    pub fn open(&mut self, mut socket: UdpSocket) -> io::Result<Token> {
        let place = self.open.vacant_entry();
        self.opened += 1;
        let token = Token(self.opened << HALF | place.key());
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        place.insert(Named { token, socket });
        Ok(token)
    }

    /// Closes the socket of `token`, if it is open.
    pub fn close(&mut self, token: Token) -> io::Result<()> {
        if self.get(token).is_none() {
            return Ok(());
        }
        let mut closed = self.open.remove(place(token));
        self.poll.registry().deregister(&mut closed.socket)
    }

    /// The socket of `token`, as long as it is open.
    pub fn get(&self, token: Token) -> Option<&UdpSocket> {
        let named = self.open.get(place(token)).filter(|named| named.token == token)?;
        Some(&named.socket)
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
