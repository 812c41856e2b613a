//! # Look: ask a running server what its tasks wait for
//!
//! Problem: a server hangs, or seems to, and whoever runs it has no debugger at hand.
//! Idea: a signal comes on a thread of its own; it asks each runtime, and each prints its snapshot
//! from within, as only its own thread may look.
//! Leaves out: servers without a runtime, as they have no tasks; a stdout that nobody reads, on which
//! the server then waits, as with `--print`.
//! Read before: `accept.rs`. Read next: `stop.rs`.
//! Try: `cargo run -- serve async`, and `pkill -USR1 dormouse`

use std::sync::{Mutex, PoisonError};
use std::thread;

use dormouse::yield_now;
use futures_channel::mpsc::{Receiver, Sender, channel};
use futures_lite::StreamExt;
use log::warn;

use crate::output::print_line;

/// Carries the wish for a look from the thread that waits for signals to the runtimes.
#[derive(Debug, Default)]
pub struct Looks {
    askers: Mutex<Vec<Sender<()>>>,
}

impl Looks {
    /// Has every runtime that subscribed print what it holds.
    pub fn ask(&self) {
        for asker in &mut *self.askers.lock().unwrap_or_else(PoisonError::into_inner) {
            // A runtime that has ended holds nothing; and a wish that is not answered yet is
            // answered by the same look as this one.
            asker.try_send(()).ok();
        }
    }

    fn subscribe(&self) -> Receiver<()> {
        // There is room for one wish, that of the one sender.
        let (asker, wishes) = channel(0);
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
            // Whoever asks again and again gets many looks, but not the thread.
            yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_that_come_together_are_one() {
        let looks = Looks::default();
        let mut wishes = looks.subscribe();
        for _ in 0..1000 {
            looks.ask();
        }
        assert_eq!(wishes.try_recv(), Ok(()));
        assert!(wishes.try_recv().is_err());
        looks.ask();
        assert_eq!(wishes.try_recv(), Ok(()));
    }
}
