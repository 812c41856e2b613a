//! Tasks that can all run get equally far.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_lite::future::yield_now;

use super::support::within_limit;
use crate::form::newest_first::Executor;

const TASKS: usize = 3;
const POLLS: usize = 100;

/// How far each task has come, and how far one ever was ahead of another.
#[derive(Default)]
struct Race {
    polls: [AtomicUsize; TASKS],
    lead: AtomicUsize,
}

impl Race {
    fn step(&self, task: usize) {
        let own = self.polls[task].fetch_add(1, Ordering::SeqCst) + 1;
        let all = self.polls.iter().map(|polls| polls.load(Ordering::SeqCst));
        let last = all.min().unwrap();
        self.lead.fetch_max(own - last, Ordering::SeqCst);
    }
}

#[test]
fn three_equal_tasks_keep_step() {
    within_limit(|| {
        let (executor, race) = (Executor::default(), Arc::new(Race::default()));
        for task in 0..TASKS {
            let race = Arc::clone(&race);
            executor.spawn(async move {
                for _ in 0..POLLS {
                    race.step(task);
                    yield_now().await;
                }
            });
        }
        // One poll of each more, to end.
        let polls = (0..=TASKS * (POLLS + 1)).take_while(|_| executor.poll_one()).count();
        assert_eq!(polls, TASKS * (POLLS + 1), "each task is polled for each of its wakes");
        let lead = race.lead.load(Ordering::SeqCst);
        assert!(lead == 1, "one task was {lead} polls ahead of another, and 1 would do");
    });
}

#[test]
fn a_task_that_nobody_wakes_is_not_polled() {
    within_limit(|| {
        let (executor, waker) = (Executor::default(), Arc::new(Mutex::new(None)));
        let left = Arc::clone(&waker);
        executor.spawn(std::future::poll_fn(move |cx| {
            if left.lock().unwrap().replace(cx.waker().clone()).is_some() {
                return std::task::Poll::Ready(());
            }
            std::task::Poll::Pending
        }));
        assert_eq!([executor.poll_one(), executor.poll_one()], [true, false]);
        let waker = waker.lock().unwrap().clone().unwrap();
        (0..10).for_each(|_| waker.wake_by_ref());
        assert_eq!([executor.poll_one(), executor.poll_one()], [true, false]);
    });
}
