//! # Look: ask a running server what its tasks wait for
//!
//! Problem: a server hangs, or seems to, and whoever runs it has no debugger at hand.
//! Idea: a signal comes on a thread of its own; it asks each runtime, and each prints its snapshot
//! from within, as only its own thread may look.
//! Leaves out: servers without a runtime: they have no tasks.
//! Read before: `accept.rs`. Read next: `stop.rs`.
//! Try: `cargo run -- serve async`, and `pkill -USR1 dormouse`

use std::sync::{Mutex, PoisonError};
use std::thread;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_lite::StreamExt;
use log::warn;

use crate::output::print_line;

/// Carries the wish for a look from the thread that waits for signals to the runtimes.
#[derive(Debug, Default)]
pub struct Looks {
    askers: Mutex<Vec<UnboundedSender<()>>>,
}

impl Looks {
    /// Has every runtime that subscribed print what it holds.
    pub fn ask(&self) {
        for asker in &*self.askers.lock().unwrap_or_else(PoisonError::into_inner) {
            // A runtime that has ended holds nothing.
            asker.unbounded_send(()).ok();
        }
    }

    fn subscribe(&self) -> UnboundedReceiver<()> {
        let (asker, wishes) = unbounded();
        self.askers.lock().unwrap_or_else(PoisonError::into_inner).push(asker);
        wishes
    }

    /// Prints this thread's runtime each time that somebody asks; with the thread's name, if it is
    /// one of several.
    pub async fn answer(&self) {
        let mut wishes = self.subscribe();
        while wishes.next().await.is_some() {
            let thread = thread::current();
            let of = thread.name().filter(|name| *name != "main").map(|name| format!("{name}: "));
            let seen = format!("{}{}", of.unwrap_or_default(), dormouse::snapshot());
            if let Err(e) = print_line(seen.trim_end()) {
                warn!("{e}");
            }
        }
    }
}
