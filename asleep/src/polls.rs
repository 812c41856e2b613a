//! # Polls: exactly so many until it is ready
//!
//! Problem: a task that is polled in vain gives the right answer, later and hotter.
//! Idea: count the polls of a future. A test that knows how many it takes says so, and is told of
//! the first one too many, so that a future that spins for ever is caught, too.
//! Leaves out: who asked for a poll too many: `RUST_BACKTRACE=1` tells it for the last one.
//! Read before: `wakes.rs`. Read next: `lib.rs`.
//! Try: `cargo test -p asleep polls`

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Asserts that `future` is ready at its `n`th poll, and gives its output.
///
/// Exact: counted are the polls of this future and nothing else. A future of its own task is
/// polled once at the start and once per wake; inside of a `join!` or `select!` also when another
/// branch was woken.
///
/// # Example
///
/// ```
/// use asleep::assert_polls;
/// use futures_lite::future::{block_on, yield_now};
///
/// assert_eq!(block_on(assert_polls(1, async { 7 })), 7);
/// block_on(assert_polls(2, yield_now()));
/// ```
///
/// ```should_panic
/// # use asleep::assert_polls;
/// # use futures_lite::future::block_on;
/// use std::{future::poll_fn, task::Poll};
///
/// // It wakes itself for ever, and is stopped at the fourth poll.
/// block_on(assert_polls(3, poll_fn(|cx| {
///     cx.waker().wake_by_ref();
///     Poll::<()>::Pending
/// })));
/// ```
///
/// # Panics
///
/// When awaited: when it is polled more than `n` times, before that poll reaches the future; and
/// if it is ready after fewer. The message begins with the place of this call.
///
/// # Cost
///
/// An allocation.
///
/// # Cancel safety
///
/// That of `future`, which it drops with itself.
#[track_caller]
pub fn assert_polls<F: Future>(n: u64, future: F) -> AssertPolls<F> {
    AssertPolls { counted: count_polls(future), n, place: Location::caller() }
}

/// Gives the output of `future`, and how often it was polled for it.
///
/// # Example
///
/// ```
/// use asleep::count_polls;
/// use futures_lite::future::{block_on, yield_now};
///
/// let ((), polls) = block_on(count_polls(yield_now()));
/// assert_eq!(polls, 2);
/// ```
///
/// # Exactness, cost, cancel safety
///
/// As [`assert_polls`]. It does not panic, and a future that spins goes on for ever.
pub fn count_polls<F: Future>(future: F) -> CountPolls<F> {
    CountPolls { future: Box::pin(future), polls: 0 }
}

/// The future of [`assert_polls`].
#[must_use = "an assertion asserts nothing unless it is awaited"]
pub struct AssertPolls<F> {
    counted: CountPolls<F>,
    n: u64,
    place: &'static Location<'static>,
}

/// The future of [`count_polls`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct CountPolls<F> {
    /// In a box, which is pinned without `unsafe` or a macro.
    future: Pin<Box<F>>,
    polls: u64,
}

impl<F: Future> Future for AssertPolls<F> {
    type Output = F::Output;

    // A panic is reported at the `.await`, and the message names the call: as in `idle.rs`.
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let (n, place) = (self.n, self.place);
        // IDEA: the first poll too many is the evidence. Waiting for the end would wait for ever.
        assert!(self.counted.polls < n, "{place}: still pending after {n} polls, and polled again");
        let (output, polls) = ready!(Pin::new(&mut self.counted).poll(cx));
        assert!(polls == n, "{place}: ready after {polls} polls, not after {n}");
        Poll::Ready(output)
    }
}

impl<F: Future> Future for CountPolls<F> {
    type Output = (F::Output, u64);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(F::Output, u64)> {
        self.polls += 1;
        let output = ready!(self.future.as_mut().poll(cx));
        Poll::Ready((output, self.polls))
    }
}

impl<F> fmt::Debug for AssertPolls<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertPolls")
            .field("polls", &self.counted.polls)
            .field("n", &self.n)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for CountPolls<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountPolls").field("polls", &self.polls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_fn, yield_now};

    use super::*;

    async fn yield_times(n: u32) -> &'static str {
        for _ in 0..n {
            yield_now().await;
        }
        "an answer"
    }

    #[test]
    fn a_future_that_takes_as_many_polls_as_said_gives_its_output() {
        assert_eq!(block_on(assert_polls(1, yield_times(0))), "an answer");
        assert_eq!(block_on(assert_polls(4, yield_times(3))), "an answer");
        assert_eq!(block_on(count_polls(yield_times(3))), ("an answer", 4));
    }

    #[test]
    #[should_panic(expected = "ready after 2 polls, not after 3")]
    fn a_future_that_takes_fewer_is_caught() {
        block_on(assert_polls(3, yield_times(1)));
    }

    #[test]
    #[should_panic(expected = "still pending after 2 polls, and polled again")]
    fn a_future_that_takes_more_is_caught() {
        block_on(assert_polls(2, yield_times(2)));
    }

    #[test]
    #[should_panic(expected = "still pending after 1000 polls, and polled again")]
    fn a_future_that_wakes_itself_for_ever_is_caught() {
        block_on(assert_polls(
            1000,
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }),
        ));
    }
}
