//! The future is polled once, and once more after its wake.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use super::support::within_limit;
use crate::form::block_on::block_on;

/// So long nobody wakes the future.
const SILENCE: Duration = Duration::from_millis(100);

/// A future that was polled so often ends, so that what spins does not spin for long.
const STOP: usize = 10_000;

#[test]
fn a_wake_is_one_poll() {
    let polls = within_limit(|| {
        let (happened, polls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (leave, left) = channel();
        let (seen, counted) = (Arc::clone(&happened), Arc::clone(&polls));
        let other_thread = thread::spawn(move || {
            let waker: std::task::Waker = left.recv().unwrap();
            let began = Instant::now();
            while began.elapsed() < SILENCE && counted.load(Ordering::SeqCst) < STOP {
                thread::sleep(Duration::from_millis(1));
            }
            seen.store(true, Ordering::SeqCst);
            waker.wake();
        });
        let polls = block_on(poll_fn(|cx| {
            let count = polls.fetch_add(1, Ordering::SeqCst) + 1;
            if happened.load(Ordering::SeqCst) || count == STOP {
                return Poll::Ready(count);
            }
            if count == 1 {
                leave.send(cx.waker().clone()).unwrap();
            }
            Poll::Pending
        }));
        other_thread.join().unwrap();
        polls
    });
    assert!(polls < STOP, "polled {polls} times, and stopped there; 2 would do");
    assert!(polls == 2, "polled {polls} times, and 2 would do");
}

#[test]
fn what_is_ready_is_polled_once() {
    let mut polls = 0;
    let output = block_on(poll_fn(|_| {
        polls += 1;
        Poll::Ready("done")
    }));
    assert_eq!((output, polls), ("done", 1));
}
