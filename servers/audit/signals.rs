//! # Signals: ended in the middle, and nothing left behind
//!
//! Problem: whoever ends the audit ends one process, and a command that it started would go on.
//! Idea: catch the signals, and hand them to whoever pauses: the pause ends with an error, and all
//! that was started ends on the way out. They are caught, not masked, as a mask would be inherited
//! by the command, which then could not be asked to end.
//! Leaves out: SIGKILL, which nobody can catch: it leaves the command.
//! Read before: nothing. Read next: `audit/tree.rs`.
//! Try: `cargo run -- audit -- sleep 60`, and Ctrl-C

use std::cell::Cell;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// The signals that end the audit.
pub struct Signals {
    coming: Receiver<i32>,
    caught: Cell<Option<i32>>,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn catch() -> io::Result<Signals> {
        let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
        let (sender, coming) = channel();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                // Nobody listens any more when all that was started has ended. Then there is only
                // the report to be told, and whoever should read it may have stopped reading.
                if sender.send(signal).is_err() {
                    std::process::exit(128 + signal);
                }
            }
        })?;
        Ok(Signals { coming, caught: Cell::new(None) })
    }

    /// Waits until then.
    ///
    /// # Errors
    ///
    /// `Interrupted` when a signal came.
    pub fn pause_until(&self, then: Instant) -> io::Result<()> {
        let left = then.saturating_duration_since(Instant::now());
        match self.coming.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(signal) => {
                self.caught.set(Some(signal));
                Err(io::ErrorKind::Interrupted.into())
            }
            Err(e) => Err(io::Error::other(e)),
        }
    }

    /// The one that came.
    pub fn caught(&self) -> Option<i32> {
        self.caught.get().or_else(|| self.coming.try_recv().ok())
    }
}
