//! A wake in the midst of the poll is a wake.

use std::future::poll_fn;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::support::{polls_when_woken, within_limit};
use crate::form::lost_wake::block_on;

/// Generous: after it the first wake counts as lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// Counter a second time, unless it is told of a poll first; returns how many wakes it took.
fn rescue(waker: Waker, polled_again: Receiver<()>) -> JoinHandle<usize> {
    thread::spawn(move || {
        let lost = polled_again.recv_timeout(PATIENCE).is_err();
        if lost {
            waker.wake();
        }
        1 + usize::from(lost)
    })
}

#[test]
fn a_wake_during_the_poll_is_followed_by_another() {
    let (wakes, polls) = within_limit(|| {
        let (tell, told) = channel();
        let (mut told, mut rescuer, mut polls) = (Some(told), None, 0);
        block_on(poll_fn(|cx| {
            polls += 1;
            let Some(told) = told.take() else {
                let _: Result<(), _> = tell.send(());
                return Poll::Ready(());
            };
            let waker = cx.waker().clone();
            rescuer = Some(rescue(waker.clone(), told));
            // When this thread has ended, the wake is over, and the poll is not.
            thread::spawn(move || waker.wake()).join().unwrap();
            Poll::Pending
        }));
        (rescuer.unwrap().join().unwrap(), polls)
    });
    assert!(wakes == 1, "it took {wakes} wakes until it was polled again, and 1 would do");
    assert!(polls == 2, "polled {polls} times, and 2 would do");
}

#[test]
fn a_wake_while_it_sleeps_is_one_poll() {
    let polls = within_limit(|| polls_when_woken(3, block_on));
    assert!(polls == 4, "polled {polls} times for 3 wakes, and 4 would do");
}
