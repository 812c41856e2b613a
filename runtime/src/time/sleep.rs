//! # Sleep: a deadline as a future
//!
//! Problem: a task that waits for a moment must not keep the thread from others.
//! Idea: the first poll leaves the waker with the runtime's timers; the drop takes it back.
//! Leaves out: fractions of a millisecond (`timer.rs`).
//! Read before: `net/unix.rs`. Read next: `time/timeout.rs`.
//! Try: `cargo test -p dormouse --test time`

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use crate::parts::Parts;
use crate::slots::Key;
use crate::timer::Timers;

/// Waits until `duration` has passed since this call.
///
/// It never ends early, and on a thread that is free then, usually less than a millisecond late:
/// the kernel is asked to wait for whole milliseconds, rounded up. A duration too long for the
/// system's clock never ends. Zero ends at the first poll; it counts as one
/// of the 32 steps of a poll ([`yield_now`](crate::yield_now) always gives way).
///
/// # Panics
///
/// Polled outside of a runtime, while its time has not come.
///
/// # Cancel safety
///
/// Dropping it cancels the timer at once, and costs the runtime no wake.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let begin = Instant::now();
/// dormouse::Runtime::new()?.block_on(dormouse::time::sleep(Duration::from_millis(2)));
/// assert!(begin.elapsed() >= Duration::from_millis(2));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { deadline: Instant::now().checked_add(duration), armed: None, was_polled: false }
}

/// Waits until `deadline`. See [`sleep`]; a deadline in the past ends at the first poll.
///
/// # Panics
///
/// As [`sleep`].
///
/// ```
/// use std::time::Instant;
///
/// let runtime = dormouse::Runtime::new()?;
/// runtime.block_on(dormouse::time::sleep_until(Instant::now()));
/// assert_eq!(runtime.metrics().timers_armed, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline: Some(deadline), armed: None, was_polled: false }
}

/// The future of [`sleep`] and [`sleep_until`]; see their examples. Polled after its end, it ends
/// again at once.
#[must_use = "a sleep waits only while it is awaited"]
pub struct Sleep {
    /// `None`: never.
    deadline: Option<Instant>,
    armed: Option<(Rc<Timers>, Key)>,
    was_polled: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let parts = Parts::current();
        let timers = parts.as_ref().map(|parts| Rc::clone(&parts.timers));
        if let (Some((armed, key)), Some(current)) = (&self.armed, &timers)
            && Rc::ptr_eq(armed, current)
            && armed.is_waiting(*key, cx.waker())
        {
            return Poll::Pending;
        }
        self.disarm();
        let has_waited = mem::replace(&mut self.was_polled, true);
        // IDEA: the deadline decides, not who woke us: so no sleep ends early.
        if deadline <= Instant::now() {
            // A sleep that has waited has given way already. Held up once more, it would let a future
            // that is always ready outlast its timeout.
            let may_end = |parts: Rc<Parts>| parts.executor.may_go_on(cx, has_waited);
            return if parts.is_none_or(may_end) { Poll::Ready(()) } else { Poll::Pending };
        }
        let Some(timers) = timers else {
            panic!("sleep outside of a runtime: await it inside the future given to block_on");
        };
        let key = timers.arm(deadline, cx.waker().clone());
        self.armed = Some((timers, key));
        Poll::Pending
    }
}

impl Sleep {
    /// When it ends; `None`: never. See the example of [`reset`](Sleep::reset).
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Makes it end at `deadline` instead, be that earlier or later, and also if it has ended.
    ///
    /// Whoever awaits it has to poll it again, as after any change.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use dormouse::time::sleep;
    ///
    /// dormouse::block_on(async {
    ///     let mut patience = sleep(Duration::from_secs(3600));
    ///     let now = Instant::now();
    ///     patience.reset(now);
    ///     assert_eq!(patience.deadline(), Some(now));
    ///     patience.await;
    /// });
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.disarm();
        *self = sleep_until(deadline);
    }

    fn disarm(&mut self) {
        if let Some((timers, key)) = self.armed.take() {
            timers.cancel(key);
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
