//! # Interval: a moment that comes again and again
//!
//! Problem: a `sleep` in a loop drifts, as what happens between two of them takes time, too.
//! Idea: the next tick is counted from the last one's due time, not from its end.
//! Leaves out: catching up. Ticks that were missed are gone.
//! Read before: `time/timeout.rs`. Read next: `runtime.rs`.
//! Try: `cargo test -p dormouse --test time interval`

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::sleep::{Sleep, sleep_until};

/// Ticks at once, and then once in `period`.
///
/// # Panics
///
/// If `period` is zero.
///
/// ```
/// use std::time::Duration;
/// use dormouse::time::interval;
///
/// dormouse::block_on(async {
///     let period = Duration::from_millis(2);
///     let mut ticks = interval(period);
///     let first = ticks.tick().await;
///     let second = ticks.tick().await;
///     assert!(second - first >= period); // Exactly so, if this thread was not kept busy.
/// });
/// ```
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks at `first`, and then once in `period`. See the example of [`Interval`].
///
/// # Panics
///
/// If `period` is zero.
pub fn interval_at(first: Instant, period: Duration) -> Interval {
    assert!(period > Duration::ZERO, "an interval of zero would spin: choose a longer period");
    Interval { sleep: Some(sleep_until(first)), period }
}

/// Ticks of [`interval`]: a future for each, or all as a `Stream`.
///
/// A tick that comes late does not move those after it. Ticks whose time passed while nobody
/// waited are skipped: after a stall of any length comes one, at once, and the next one at its
/// regular time. (tokio calls that `MissedTickBehavior::Skip`.)
///
/// # Cancel safety
///
/// Dropping a wait for a tick loses none.
///
/// ```
/// use std::{thread, time::{Duration, Instant}};
/// use dormouse::time::interval_at;
/// use futures_lite::StreamExt;
///
/// dormouse::block_on(async {
///     let (first, period) = (Instant::now(), Duration::from_millis(1));
///     let mut ticks = interval_at(first, period);
///     assert_eq!(ticks.tick().await, first);
///     thread::sleep(3 * period); // Nothing else can run meanwhile: don't.
///     let late = ticks.tick().await; // This one is due, and comes at once,
///     let next = ticks.next().await.expect("it never ends");
///     assert!(next - late >= 3 * period); // those after it are skipped,
///     assert_eq!((next - first).as_nanos() % ticks.period().as_nanos(), 0); // the rhythm stays.
/// });
/// ```
pub struct Interval {
    /// Until the next tick. `None`: the system's clock knows no later one.
    sleep: Option<Sleep>,
    period: Duration,
}

impl Interval {
    /// Waits for the next tick; returns when it was due. See the example of [`Interval`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime, if it has to wait.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// One poll of [`tick`](Interval::tick), for futures written by hand.
    ///
    /// # Panics
    ///
    /// As [`tick`](Interval::tick).
    ///
    /// ```
    /// use std::{future::poll_fn, task::Poll, time::Duration};
    ///
    /// dormouse::block_on(async {
    ///     let mut hourly = dormouse::time::interval(Duration::from_secs(3600));
    ///     hourly.tick().await;
    ///     let came = poll_fn(|cx| Poll::Ready(hourly.poll_tick(cx).is_ready())).await;
    ///     assert!(!came);
    /// });
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        ready!(Pin::new(&mut *sleep).poll(cx));
        let due = sleep.deadline().expect("a sleep that has ended had a deadline");
        self.sleep = next(due, self.period, Instant::now()).map(sleep_until);
        Poll::Ready(due)
    }

    /// The time between two ticks. See the example of [`Interval`].
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// The first moment after `now` that is a whole number of periods after `due`.
fn next(due: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let late = now.saturating_duration_since(due);
    // IDEA: the next tick keeps the rhythm of the first, however late this one came.
    let into = Duration::from_nanos(u64::try_from(late.as_nanos() % period.as_nanos()).ok()?);
    now.max(due).checked_add(period.saturating_sub(into))
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval").field("period", &self.period).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_ticks_are_skipped_and_the_rhythm_is_kept() {
        let (due, ms) = (Instant::now(), Duration::from_millis);
        let next = |late| next(due, ms(10), due + late).unwrap() - due;
        assert_eq!(next(ms(0)), ms(10));
        assert_eq!(next(ms(9)), ms(10));
        assert_eq!(next(ms(10)), ms(20), "the one that is due now is skipped, too");
        assert_eq!(next(ms(105)), ms(110));
        assert_eq!(next(Duration::from_nanos(10_000_001)), ms(20));
    }

    #[test]
    fn a_period_beyond_the_clock_has_no_next() {
        let now = Instant::now();
        assert_eq!(next(now, Duration::MAX, now), None);
    }
}
