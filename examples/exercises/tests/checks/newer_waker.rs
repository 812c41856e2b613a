//! The event wakes the task that polled last.

use std::pin::pin;
use std::task::{Context, Poll};

use super::support::{Counter, within_limit};
use crate::form::newer_waker::Gate;

#[test]
fn the_task_that_polled_last_is_woken() {
    within_limit(|| {
        let gate = Gate::default();
        let mut opened = pin!(gate.opened());
        let ((first, its_waker), (last, other_waker)) =
            (Counter::with_waker(), Counter::with_waker());
        for waker in [its_waker, other_waker] {
            assert_eq!(opened.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
        }
        gate.open();
        let (first, last) = (first.count(), last.count());
        assert!(
            last == 1,
            "the task that polled last was woken {last} times, and 1 would do; the first, {first}"
        );
        assert!(first == 0, "the task that polled first was woken {first} times, and 0 would do");
    });
}

#[test]
fn everybody_who_waits_is_woken_once_and_goes_on() {
    within_limit(|| {
        let gate = Gate::default();
        let mut futures = [gate.opened(), gate.opened(), gate.opened()];
        let wakers = [Counter::with_waker(), Counter::with_waker(), Counter::with_waker()];
        let mut poll_all = || {
            let both = futures.iter_mut().zip(&wakers);
            let polls = both.map(|(future, (_, waker))| {
                std::pin::Pin::new(future).poll(&mut Context::from_waker(waker))
            });
            polls.collect::<Vec<_>>()
        };
        assert_eq!(poll_all(), [Poll::Pending; 3]);
        gate.open();
        assert_eq!(poll_all(), [Poll::Ready(()); 3]);
        assert_eq!(wakers.each_ref().map(|(counter, _)| counter.count()), [1; 3]);
    });
}

#[test]
fn who_no_longer_waits_is_not_woken() {
    within_limit(|| {
        let gate = Gate::default();
        let (counter, waker) = Counter::with_waker();
        let mut opened = Box::pin(gate.opened());
        assert_eq!(opened.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
        drop(opened);
        gate.open();
        assert_eq!(counter.count(), 0);
    });
}
