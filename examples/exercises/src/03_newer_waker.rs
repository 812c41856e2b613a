//! # Newer waker: a future that changes hands
//!
//! Problem: a future that waits leaves its waker where the event will find it. Between two polls it
//! may have been handed to another task, by a `select`, a channel, or a `join` that is dropped.
//! Happened: `Matthias247/futures-intrusive#18`: an event's future kept the waker of its first
//! poll. Polled by another task later, it had the first one woken. `ardaku/whisk#1`: the same, in a
//! channel.
//! Number: how often the task that polled last is woken by the event. Once would do.
//! Try: `cargo test -p dormouse-exercises --test exercises newer_waker`
//! Hint: `Future::poll` in the documentation of std says whose waker counts.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// A gate that opens once. Any number of tasks may wait for it.
#[derive(Default)]
pub struct Gate {
    is_open: Cell<bool>,
    waiters: RefCell<Slab<Waker>>,
}

impl Gate {
    /// Opens it, and wakes whoever waits.
    pub fn open(&self) {
        self.is_open.set(true);
        let waiters = self.waiters.take();
        waiters.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Waits until it is open.
    pub fn opened(&self) -> Opened<'_> {
        Opened { gate: self, place: None }
    }
}

/// The future of [`Gate::opened`].
pub struct Opened<'a> {
    gate: &'a Gate,
    /// Where its waker is.
    place: Option<usize>,
}

impl Future for Opened<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.gate.is_open.get() {
            return Poll::Ready(());
        }
        if self.place.is_none() {
            let waker = cx.waker().clone();
            self.place = Some(self.gate.waiters.borrow_mut().insert(waker));
        }
        Poll::Pending
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        let left = self.place.and_then(|place| self.gate.waiters.borrow_mut().try_remove(place));
        // A waker's drop is foreign code: not while the list is borrowed.
        drop(left);
    }
}
