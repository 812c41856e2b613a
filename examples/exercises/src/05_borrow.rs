//! # Borrow: a value, and those who want to know when it changes
//!
//! Problem: whoever waits for a change leaves a waker in a list; a change wakes them all.
//! Happened: `tokio-rs/tokio#1929`: a set of tasks was dropped; one of them called a waker in its
//! drop, and that needed the list which was just being emptied: a panic, `BorrowMutError`, at
//! shutdown. `tokio-rs/tokio-core#190`: the same of a future that was dropped.
//! Number: how many of three waiters are woken before the panic. Three would do, and no panic.
//! Try: `cargo test -p dormouse-exercises --test exercises borrow`
//! Hint: a waker is anybody's code. What may it do, and what is still going on here as it does?
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
        for waiter in self.waiters.borrow_mut().drain(..) {
            waiter.wake();
        }
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
