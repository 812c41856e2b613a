//! # Stop: a last word with a server that has something under way
//!
//! Problem: most servers can end in the middle of anything; one that owns work in progress wants
//! to be asked, but the process must not wait for it for ever.
//! Idea: the server leaves a closure to be called, and holds a guard whose drop says 'done'.
//! Leaves out: asking twice, and more than one server per process.
//! Read before: `look.rs`. Read next: `models/blocking.rs`.
//! Try: `cargo test stop`

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::look::Looks;

/// Carries the wish to end from the thread that waits for signals to the server's thread.
#[derive(Default)]
pub struct Stop {
    /// Those who do not want it to end, but to show what it does.
    pub looks: Looks,
    subscriber: Mutex<Option<Subscriber>>,
}

struct Subscriber {
    wake: Box<dyn FnOnce() + Send>,
    done: Receiver<Infallible>,
}

/// Held by a server while it has something under way: dropping it says that all is closed.
#[must_use = "dropping it says that the server has already ended"]
pub struct UnderWay(#[expect(dead_code, reason = "only its drop is seen")] Sender<Infallible>);

impl Stop {
    /// Has `wake` called, once and on another thread, when the server should end.
    pub fn subscribe(&self, wake: impl FnOnce() + Send + 'static) -> UnderWay {
        let (sender, done) = channel();
        let subscriber = Subscriber { wake: Box::new(wake), done };
        *self.subscriber.lock().unwrap_or_else(PoisonError::into_inner) = Some(subscriber);
        UnderWay(sender)
    }

    /// Asks the subscriber, if there is one, to end, and waits at most `patience` for it.
    ///
    /// Returns whether nothing is under way any more.
    pub fn request(&self, patience: Duration) -> bool {
        // A statement of its own: the lock is released before foreign code runs.
        let subscriber = self.subscriber.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Subscriber { wake, done }) = subscriber else { return true };
        wake();
        // Nothing is ever sent: the only end but the timeout is the drop of the sender.
        done.recv_timeout(patience) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_under_way_is_not_waited_for() {
        assert!(Stop::default().request(Duration::from_secs(60)));
    }

    #[test]
    fn a_subscriber_is_woken_and_waited_for() {
        let stop = Stop::default();
        let (ask, asked) = channel();
        let under_way = stop.subscribe(move || ask.send(()).unwrap());
        let server = std::thread::spawn(move || {
            asked.recv().unwrap();
            drop(under_way);
        });
        assert!(stop.request(Duration::from_secs(60)));
        server.join().unwrap();
    }

    #[test]
    fn patience_ends() {
        let stop = Stop::default();
        let _under_way = stop.subscribe(|| {});
        assert!(!stop.request(Duration::from_millis(1)));
    }
}
