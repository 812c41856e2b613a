//! # Progress: what goes on, while it goes on
//!
//! Problem: a measurement takes its time, and a silent terminal looks like a hang.
//! Idea: the work has a thread of its own, and this one moves a bar on stderr five times a second,
//! by the time that the work is known to take.
//! Leaves out: a bar where stderr is no terminal.
//! Read before: `study/phase.rs`. Read next: `study.rs`.
//! Try: `cargo run --release -- study`

use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for work that takes so long in all.
pub(crate) struct Progress {
    bar: ProgressBar,
    done: Duration,
}

impl Progress {
    /// Shows an empty bar.
    pub(crate) fn new(whole: Duration) -> Progress {
        let bar = ProgressBar::new(millis(whole));
        if let Ok(style) = ProgressStyle::with_template("{msg:36} {bar:40} {percent:>3} %") {
            bar.set_style(style);
        }
        Progress { bar, done: Duration::ZERO }
    }

    /// Does `work`, which takes about `expected`, on a thread of its own.
    ///
    /// # Errors
    ///
    /// Those of `work`; its panic is one too.
    pub(crate) fn during<T: Send>(
        &mut self,
        what: String,
        expected: Duration,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        const STEP: Duration = Duration::from_millis(200);

        self.bar.set_message(what);
        let begin = Instant::now();
        let result = thread::scope(|scope| {
            let (sender, end) = channel::<()>();
            let worker = thread::Builder::new().spawn_scoped(scope, move || {
                // Dropped when the work is done, or has panicked.
                let _end = sender;
                work()
            })?;
            while end.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                self.bar.set_position(millis(self.done + begin.elapsed().min(expected)));
            }
            worker.join().unwrap_or_else(|_| Err(io::Error::other("the load panicked")))
        });
        self.done += expected;
        self.bar.set_position(millis(self.done));
        result
    }

    /// Prints something while the bar is out of the way.
    #[cfg(target_os = "linux")]
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
