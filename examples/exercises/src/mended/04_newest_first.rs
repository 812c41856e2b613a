//! # Newest first, mended: who was woken first is polled first
//!
//! Fault: the queue was a stack. A task that wakes itself, or two that wake each other, lie on top
//! whenever the executor looks, and all that lie below are never reached.
//! Mend: in at one end, out at the other. Whoever is in the queue is reached after those that were
//! before it, each polled once: a bound that holds whatever the tasks do.
//! In dormouse: `RunQueue::take_batch` in `runtime/src/queue.rs`: the whole queue is swapped out,
//! and polled in its order; who is woken meanwhile waits for the next batch.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_task::{ArcWake, waker_ref};

/// Polls the tasks that can run.
#[derive(Default)]
pub struct Executor {
    queue: Arc<Queue>,
}

/// The tasks that can run, oldest wake first.
#[derive(Default)]
struct Queue {
    ready: Mutex<VecDeque<Arc<Task>>>,
}

struct Task {
    /// `None` once it has ended.
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    queued: AtomicBool,
    queue: Arc<Queue>,
}

impl ArcWake for Task {
    fn wake_by_ref(task: &Arc<Self>) {
        // At most once in the queue, however often it is woken.
        if !task.queued.swap(true, Ordering::AcqRel) {
            task.queue.push(Arc::clone(task));
        }
    }
}

impl Queue {
    fn push(&self, task: Arc<Task>) {
        lock(&self.ready).push_back(task);
    }

    fn next(&self) -> Option<Arc<Task>> {
        lock(&self.ready).pop_front()
    }
}

impl Executor {
    /// Adds a task, which can run at once.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let (future, queued) = (Mutex::new(Some(Box::pin(future) as _)), AtomicBool::new(true));
        self.queue.push(Arc::new(Task { future, queued, queue: Arc::clone(&self.queue) }));
    }

    /// Polls one task that can run; returns whether there was one.
    pub fn poll_one(&self) -> bool {
        let Some(task) = self.queue.next() else { return false };
        task.queued.store(false, Ordering::Release);
        let waker = waker_ref(&task);
        let mut future = lock(&task.future);
        let poll = future.as_mut().map(|f| f.as_mut().poll(&mut Context::from_waker(&waker)));
        if poll.is_some_and(|poll| poll == Poll::Ready(())) {
            *future = None;
        }
        true
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
