//! # Source: what is known of one socket, and who waits for it
//!
//! Problem: the kernel reports a change once, and whoever cares may not be waiting just then.
//! Idea: each direction remembers whether it is ready, and has room for one waker. An event sets
//! 'ready' and wakes; a call that says 'not yet' clears it.
//! Leaves out: a second waiter in the same direction. Ownership excludes it: reading and writing
//! take `&mut`.
//! Read before: `yield_now.rs`. Read next: `reactor.rs`.
//! Try: `cargo test -p dormouse source`

use std::cell::Cell;
use std::task::Waker;

use mio::event::Event;

use crate::task;

/// Where data goes: towards us, or away. Accepting is reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// The two directions of a registered socket.
pub(crate) struct Source {
    /// The name of its type, for people to read.
    pub(crate) kind: fn() -> &'static str,
    read: Side,
    write: Side,
}

impl Source {
    pub(crate) fn new(kind: fn() -> &'static str) -> Self {
        Source { kind, read: Side::default(), write: Side::default() }
    }

    pub(crate) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    /// Takes note of what the kernel reports, and wakes who waits for it.
    pub(crate) fn report(&self, event: &Event) {
        self.hear(News {
            readable: event.is_readable(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed(),
            write_closed: event.is_write_closed(),
            error: event.is_error(),
            urgent: event.is_priority(),
        });
    }

    fn hear(&self, news: News) {
        // Urgent data stops a read short, and a close can come along with data, without an event
        // of its own: in both cases a short read does not mean that nothing is left.
        let closed = news.read_closed || news.write_closed || news.error;
        let unclear = closed || news.urgent;
        if news.readable || unclear {
            self.read.set_ready(unclear);
        }
        if news.writable || closed {
            self.write.set_ready(unclear);
        }
    }
}

/// What an event says. Nobody but the kernel can make an [`Event`]; a test can make this.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "one for each thing that can happen")]
struct News {
    readable: bool,
    writable: bool,
    read_closed: bool,
    write_closed: bool,
    error: bool,
    urgent: bool,
}

/// One direction of a [`Source`].
///
/// A waker is taken out of its cell to be used, and put back: so no foreign code (a waker's
/// clone, wake or drop) ever runs while something here is borrowed.
pub(crate) struct Side {
    ready: Cell<bool>,
    /// The peer has closed, or something else is special: only 'not yet' says that all is read.
    unclear: Cell<bool>,
    /// It was ready, and its task had to give way to others.
    pub(crate) held_up: Cell<bool>,
    /// Whether somebody waits. If not, the last waker stays: most likely the same waits next.
    waits: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Default for Side {
    /// Ready until a call says otherwise: so whatever came before the registration is not missed, and
    /// the first try needs no event. (`mio.rs`, the server, waits for the first event instead.)
    fn default() -> Self {
        Side {
            ready: Cell::new(true),
            unclear: Cell::new(false),
            held_up: Cell::new(false),
            waits: Cell::new(false),
            waker: Cell::new(None),
        }
    }
}

impl Side {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.get()
    }

    fn set_ready(&self, unclear: bool) {
        self.ready.set(true);
        self.unclear.set(self.unclear.get() || unclear);
        self.wake();
    }

    /// Wakes the waiter, if there is one.
    pub(crate) fn wake(&self) {
        if self.waits.replace(false)
            && let Some(waker) = self.waker.take()
        {
            task::wake(&waker);
            // The wake may have run code that left a newer waker here.
            if let Some(newer) = self.waker.take() {
                self.waker.set(Some(newer));
                task::let_go("a waker", waker);
            } else {
                self.waker.set(Some(waker));
            }
        }
    }

    /// Which task waits: see [`Waker::data`].
    pub(crate) fn waiter(&self) -> Option<*const ()> {
        let waker = self.waker.take();
        let data = waker.as_ref().map(Waker::data);
        self.waker.set(waker);
        data.filter(|_| self.waits.get())
    }

    /// Leaves `waker` to be woken by the next event. A newer one takes the place of an older.
    pub(crate) fn wait(&self, waker: &Waker) {
        let kept = self.waker.take();
        // No clone for the same task: after its first messages a connection costs no reference count.
        let kept = kept.filter(|kept| kept.will_wake(waker));
        self.waker.set(kept.or_else(|| Some(waker.clone())));
        self.waits.set(true);
    }

    /// The call said 'not yet': the next event will say when.
    pub(crate) fn clear(&self) {
        // IDEA: readiness is remembered, and ends only when the kernel has said 'not yet'.
        self.ready.set(false);
    }

    /// A call on a stream moved fewer bytes than it could have, so the next one would say 'not
    /// yet': it is spared where the kernel then reports every new arrival (epoll(7), question 9).
    pub(crate) fn clear_after_short_call(&self) {
        const NEW_DATA_IS_A_NEW_EVENT: bool = cfg!(any(
            target_os = "linux",
            target_os = "android",
            target_vendor = "apple",
            target_os = "freebsd",
            target_os = "netbsd",
            target_os = "openbsd",
            target_os = "dragonfly",
        ));
        if NEW_DATA_IS_A_NEW_EVENT && !self.unclear.get() {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests;
