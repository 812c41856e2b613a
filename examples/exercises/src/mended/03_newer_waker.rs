//! # Newer waker, mended: the last one to ask is the one to wake
//!
//! Fault: only the first poll left a waker. Later ones found a place taken, and took it for theirs.
//! Mend: each poll that says 'not yet' puts its own waker there. The contract of `Future::poll`
//! asks for that, and for no more: only the waker of the last poll has to be called. To spare the
//! clone, compare with `Waker::will_wake` first; it may say no for the same task, so a no must
//! replace.
//! In dormouse: `Side::wait` in `runtime/src/source.rs` for sockets, `Timers::is_waiting` in
//! `runtime/src/timer.rs` for deadlines.

use std::cell::{Cell, RefCell};
use std::mem;
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
        let waker = cx.waker().clone();
        let mut waiters = self.gate.waiters.borrow_mut();
        let (place, older) = match self.place {
            Some(place) => (place, Some(mem::replace(&mut waiters[place], waker))),
            None => (waiters.insert(waker), None),
        };
        drop(waiters);
        self.place = Some(place);
        // A waker's drop is foreign code: not while the list is borrowed.
        drop(older);
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
