//! The future is polled once, and once more after each wake.

use std::future::poll_fn;
use std::task::Poll;

use super::support::{STOP, polls_when_woken, within_limit};
use crate::form::block_on::block_on;

const WAKES: usize = 3;
const ENOUGH: usize = 1 + WAKES;

#[test]
fn a_wake_is_one_poll() {
    let polls = within_limit(|| polls_when_woken(WAKES, block_on));
    assert!(polls < STOP, "polled {polls} times, and stopped there; {ENOUGH} would do");
    assert!(polls == ENOUGH, "polled {polls} times, and {ENOUGH} would do");
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
