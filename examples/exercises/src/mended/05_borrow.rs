//! # Borrow, mended: first let go of the list, then wake
//!
//! Fault: the list was borrowed for as long as the loop ran, and the loop called wakers. A waker
//! may poll its task on the spot, or drop it; either may come back to wait again, or to wake.
//! Mend: the list is taken out whole, which ends the borrow in the same line; the wakers are called
//! when nothing is borrowed any more. Taking them out one by one is not the same: who waits again
//! would be woken again, for ever. With a `Mutex` the fault is a deadlock, and the mend is this
//! one.
//! In dormouse: `Side::wake` in `runtime/src/source.rs` takes the waker out before it calls it, and
//! `Timers::fire` in `runtime/src/timer.rs` takes each timer out of the heap first.
//! Leaves out: a task that polls twice is in the list twice.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// A value that changes, and who waits for the next change.
#[derive(Default)]
pub struct Watched<T> {
    value: Cell<T>,
    /// How often it was set.
    version: Cell<u64>,
    waiters: RefCell<Vec<Waker>>,
}

impl<T: Copy> Watched<T> {
    /// Sets a new value, and wakes all who wait for one.
    pub fn set(&self, value: T) {
        self.value.set(value);
        self.version.set(self.version.get() + 1);
        // Whoever comes back in a wake finds the list free, and waits for the next change.
        let waiters = self.waiters.take();
        waiters.into_iter().for_each(Waker::wake);
    }

    /// How often the value was set so far.
    pub fn version(&self) -> u64 {
        self.version.get()
    }

    /// The value and its version, once it is newer than `seen`.
    pub fn poll_newer(&self, seen: u64, cx: &mut Context<'_>) -> Poll<(T, u64)> {
        if self.version() > seen {
            return Poll::Ready((self.value.get(), self.version()));
        }
        let waker = cx.waker().clone();
        self.waiters.borrow_mut().push(waker);
        Poll::Pending
    }
}
