//! # Readiness: what the kernel has said about a socket, and no call has disproved yet
//!
//! Problem: a kernel that says once that a socket has become ready (edge triggering, epoll(7))
//! does not say it again: what is not used up now must be remembered.
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
    /// It is among those that will be advanced: once is enough.
    queued: bool,
}

/// What the kernel has said about a socket.
#[derive(Clone, Copy)]
pub(super) struct News {
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// More may be there than one call brings, without another word about it: after an end, an
    /// error, or urgent data.
    pub(super) last_word: bool,
}

/// What should become of a connection now.
pub(super) enum Next {
    /// Leave it alone until there is news.
    Wait,
    /// It could go on, but has had its share of this turn.
    Again,
    /// All is said and sent.
    Close,
}

impl<S: Read + Write> Watched<S> {
    /// Starts unready: the first news are still to come.
    pub(super) fn new(connection: Connection<S>) -> Watched<S> {
        let known = News { readable: false, writable: false, last_word: !cfg!(unix) };
        Watched { connection, known, queued: false }
    }

    /// Adds `news` to what is known; returns whether the connection must be queued to advance.
    pub(super) fn note(&mut self, news: News) -> bool {
        self.known.readable |= news.readable;
        self.known.writable |= news.writable;
        self.known.last_word |= news.last_word;
        !mem::replace(&mut self.queued, true)
    }

    /// Goes on until the socket is not ready, or this connection has had its share of the turn.
    pub(super) fn advance(&mut self, reply: Reply, counters: &Counters) -> io::Result<Next> {
        const SHARE: usize = 32;

        self.queued = false;
        for _ in 0..SHARE {
            let writes = self.connection.wants_to_write();
            if !*self.ready(writes) {
                return Ok(Next::Wait);
            }
            match self.connection.step(reply, counters)? {
                Step::Whole => {}
                // IDEA: fewer bytes than asked for: the socket has no more, so don't ask in vain
                // (epoll(7), question 9).
                Step::Short => *self.ready(writes) = self.known.last_word,
                Step::NotYet => *self.ready(writes) = false,
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
