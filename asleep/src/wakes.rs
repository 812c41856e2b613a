//! # Wakes: a waker that counts
//!
//! Problem: a hand-written future must wake its task, once, and not before there is a reason; a
//! test has to see the wakes themselves.
//! Idea: a waker is a number that goes up. The test polls by hand, with it, and looks.
//! Leaves out: a thread to wake. Nothing is run by these wakes.
//! Read before: nothing. Read next: `polls.rs`.
//! Try: `cargo test -p asleep wakes`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};

/// Counts the wakes of its waker and of all clones of it, from any thread.
///
/// # Exactness
///
/// Every call of `wake` or `wake_by_ref` is counted, once, in the order of their happening: what
/// was woken before you were told of it is in [`count`](Wakes::count).
///
/// # Example
///
/// ```
/// use std::task::{Context, Poll};
/// use asleep::Wakes;
/// use futures_channel::oneshot;
/// use futures_lite::FutureExt;
///
/// let (count, waker) = Wakes::new();
/// let (tell, mut told) = oneshot::channel();
/// assert_eq!(told.poll(&mut Context::from_waker(&waker)), Poll::Pending);
/// assert_eq!(count.count(), 0);
/// tell.send("hello").expect("somebody listens");
/// assert_eq!(count.count(), 1);
/// assert_eq!(told.poll(&mut Context::from_waker(&waker)), Poll::Ready(Ok("hello")));
/// ```
#[derive(Debug)]
pub struct Wakes(AtomicU64);

impl Wakes {
    /// A count at 0, and its waker.
    pub fn new() -> (Arc<Wakes>, Waker) {
        let count = Arc::new(Wakes(AtomicU64::new(0)));
        (Arc::clone(&count), Waker::from(count))
    }

    /// How many wakes there were.
    pub fn count(&self) -> u64 {
        // What was done before a wake is seen by whoever sees the wake.
        self.0.load(Ordering::Acquire)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // IDEA: all that a waker must do is to say that something is worth another poll.
        self.0.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn every_wake_is_counted_by_value_or_by_reference_from_any_thread() {
        let (count, waker) = Wakes::new();
        assert_eq!(count.count(), 0);
        waker.wake_by_ref();
        thread::scope(|scope| {
            for _ in 0..4 {
                let own = waker.clone();
                scope.spawn(move || {
                    (0..1000).for_each(|_| own.wake_by_ref());
                    own.wake();
                });
            }
        });
        assert_eq!(count.count(), 1 + 4 * 1001);
        drop(waker);
        assert_eq!(Arc::strong_count(&count), 1, "no waker is left behind");
    }
}
