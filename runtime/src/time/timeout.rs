//! # Timeout: a future, but not for ever
//!
//! Problem: what a task waits for may never come.
//! Idea: two futures in one, polled by one task: the one that is wanted, and a sleep. Whichever
//! ends first ends both.
//! Leaves out: how the future takes it. It is dropped, wherever it was.
//! Read before: `time/sleep.rs`. Read next: `time/interval.rs`.
//! Try: `cargo test -p dormouse --test time`

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::sleep::{Sleep, sleep, sleep_until};

/// Waits for `future`, but no longer than `duration` from this call.
///
/// The future is polled before the time is looked at: one that is ready wins against a deadline
/// that has come.
///
/// # Errors
///
/// [`Elapsed`] if the time was up first. The future is dropped with the [`Timeout`], which is at
/// the end of the `await`; to go on with it, pass `&mut future`.
///
/// # Panics
///
/// As [`sleep`](super::sleep()), and as the future does.
///
/// # Cancel safety
///
/// Dropping it drops the future and cancels the timer.
///
/// ```
/// use std::{io, time::Duration};
/// use dormouse::time::{sleep, timeout};
///
/// dormouse::block_on(async {
///     assert_eq!(timeout(Duration::from_secs(9), async { 1 }).await, Ok(1));
///     let mut slow = dormouse::spawn(sleep(Duration::from_secs(3600)));
///     let elapsed = timeout(Duration::from_millis(1), &mut slow).await.expect_err("too slow");
///     assert_eq!(io::Error::from(elapsed).kind(), io::ErrorKind::TimedOut);
///     assert!(!slow.is_finished()); // It goes on, and could be awaited again.
/// });
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), sleep: sleep(duration) }
}

/// Waits for `future`, but no longer than to `deadline`. As [`timeout`] otherwise: several of them
/// can share one deadline.
///
/// # Errors
///
/// As [`timeout`].
///
/// # Panics
///
/// As [`timeout`].
///
/// # Cancel safety
///
/// As [`timeout`].
///
/// ```
/// use std::time::{Duration, Instant};
/// use dormouse::time::timeout_at;
///
/// dormouse::block_on(async {
///     let deadline = Instant::now() + Duration::from_millis(1);
///     assert_eq!(timeout_at(deadline, async { 1 }).await, Ok(1));
///     assert!(timeout_at(deadline, std::future::pending::<()>()).await.is_err());
/// });
/// ```
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), sleep: sleep_until(deadline) }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`]; see their examples.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // IDEA: the future first: one that is ready wins against a deadline that has come.
        if let Poll::Ready(value) = this.future.poll(cx) {
            return Poll::Ready(Ok(value));
        }
        Pin::new(this.sleep).poll(cx).map(|()| Err(Elapsed(())))
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("sleep", &self.sleep).finish_non_exhaustive()
    }
}

/// The time of a [`timeout`] was up.
///
/// As an [`io::Error`] it is `TimedOut`, so `?` passes it on. See the example of [`timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the time was up")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
