//! # Readiness: what the kernel has said about a socket, and no call has disproved yet
//!
//! Problem: select and poll report a socket again as long as it is ready. A kernel that keeps the
//! list itself can say it once only, when the socket becomes ready ('edge triggering', epoll(7)):
//! what is not used up then must be remembered.
//! Idea: each direction is ready from the moment that the kernel says so until a call finds it
//! is not; a connection goes on as far as its readiness allows.
//! Leaves out: how the kernel says it: `mio.rs` and `signal.rs` do.
//! Read before: `poll.rs`. Read next: `mio.rs`.
//! Try: `cargo run -- serve mio --buffer 16 --stats`, and count the reads of one long message

use std::io::{self, Read, Write};
use std::mem;

use super::connection::{Connection, Step};
use crate::counters::Counters;
use crate::reply::Reply;

/// A connection, and what is known of its socket.
pub(super) struct Watched<S> {
    pub(super) connection: Connection<S>,
    known: News,
    moved: bool,
    /// It is among those that will be advanced: once is enough.
    queued: bool,
}

/// What the kernel has said about a socket.
#[derive(Clone, Copy)]
pub(super) struct News {
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// A short call does not prove that all was read: after an end, an error, or urgent data (a
    /// byte out of its turn, tcp(7)) only 'not yet' does. Once true, it stays.
    pub(super) until_not_yet: bool,
}

impl News {
    /// As if the kernel had reported both directions: what is true of it, the next call finds out.
    pub(super) const BOTH: News = News { readable: true, writable: true, until_not_yet: false };
}

/// What should become of a connection now.
pub(super) enum Next {
    /// Leave it alone until there is news.
    Wait,
    /// It could go on, but has had its share of this *turn*, one pass of the server's loop.
    Again,
    /// All is said and sent.
    Close,
}

impl<S: Read + Write> Watched<S> {
    /// Starts unready: the first news is still to come.
    pub(super) fn new(connection: Connection<S>) -> Watched<S> {
        // On Windows an event comes again only after a call that said 'not yet' (mio, "Draining
        // readiness").
        let known = News { readable: false, writable: false, until_not_yet: !cfg!(unix) };
        Watched { connection, known, moved: false, queued: false }
    }

    /// Returns whether bytes have moved since this was asked last.
    pub(super) fn take_moved(&mut self) -> bool {
        mem::take(&mut self.moved)
    }

    /// Adds `news` to what is known; returns whether the connection must be queued to advance.
    pub(super) fn note(&mut self, news: News) -> bool {
        // IDEA: what was said once is kept, until a call says 'not yet'.
        self.known.readable |= news.readable;
        self.known.writable |= news.writable;
        self.known.until_not_yet |= news.until_not_yet;
        !mem::replace(&mut self.queued, true)
    }

    /// Goes on until the socket is not ready, or this connection has had its share of the turn.
    pub(super) fn advance(&mut self, reply: Reply, counters: &Counters) -> io::Result<Next> {
        const STEPS_A_TURN: usize = 32;

        self.queued = false;
        for _ in 0..STEPS_A_TURN {
            let writes = self.connection.wants_to_write();
            if !*self.ready(writes) {
                return Ok(Next::Wait);
            }
            let step = self.connection.step(reply, counters)?;
            self.moved |= matches!(step, Step::Whole | Step::Short);
            match step {
                Step::Whole => {}
                // Fewer bytes than asked for: the socket has no more, unless that proves nothing; so
                // don't ask in vain (epoll(7), question 9).
                Step::Short if self.known.until_not_yet => {}
                Step::Short | Step::NotYet => *self.ready(writes) = false,
                Step::Ended => return Ok(Next::Close),
            }
        }
        self.queued = true;
        Ok(Next::Again)
    }

    fn ready(&mut self, to_write: bool) -> &mut bool {
        if to_write { &mut self.known.writable } else { &mut self.known.readable }
    }
}

#[cfg(test)]
mod tests;
