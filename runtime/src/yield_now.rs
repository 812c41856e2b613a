//! # Yield now: let the others go first
//!
//! Problem: a long computation keeps its thread from every other task.
//! Idea: wake yourself and return `Pending`: you are queued again, behind all who can run.
//! Leaves out: any rule when to do so.
//! Read before: `executor.rs`. Read next: `source.rs`.
//! Try: `cargo test -p dormouse --test tasks yield`

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets every task that can run now be polled once before this one goes on.
///
/// A task that does nothing else keeps its thread busy, but does not keep others from it: now and
/// then sockets and timers get their turn, too.
///
/// ```
/// let runtime = dormouse::Runtime::new()?;
/// runtime.block_on(async {
///     let other = dormouse::spawn(async {});
///     dormouse::yield_now().await;
///     assert!(other.is_finished());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`]; see its example.
///
/// # Cancel safety
///
/// Dropping it loses nothing; if it was polled, its task will be, once more.
#[must_use = "futures do nothing unless they are awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        // IDEA: woken in the midst of its own poll, a task is queued behind all who can run.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl fmt::Debug for YieldNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("YieldNow").field("yielded", &self.yielded).finish()
    }
}
