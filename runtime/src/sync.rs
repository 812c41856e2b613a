//! # Sync: what the wake protocol is made of
//!
//! Problem: a model checker must run `wake.rs` and `task.rs` in every order that two threads can
//! take, and it can do so only with locks of its own.
//! Idea: they take their parts from here; `tests/loom.rs` puts the model checker's in their place.
//! Leaves out: everything that these two do not use.
//! Read before: `observe.rs`. Read next: `wake.rs`.
//! Try: `RUSTFLAGS="--cfg loom" cargo test -p dormouse --release --test loom`

use std::io;

use mio::{Registry, Token};

// IDEA: the locks are named in one place, where a model checker can put its own.
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, PoisonError};

/// Ends the runtime's park from another thread: a write to an `eventfd(2)` on Linux.
pub(crate) struct Unparker(mio::Waker);

impl Unparker {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        mio::Waker::new(registry, token).map(Unparker)
    }

    /// One system call.
    pub(crate) fn unpark(&self) {
        if let Err(error) = self.0.wake() {
            log::error!("can't unpark the runtime's thread, it sleeps on: {error}");
        }
    }
}
