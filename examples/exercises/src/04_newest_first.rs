//! # Newest first: whose turn it is
//!
//! Problem: many tasks can run, and one thread has to choose the next.
//! Happened: `tokio-rs/tokio#2349`: each worker had a place for the task that was woken last, and
//! ran that one before all others. Two tasks that kept waking each other had the thread for
//! themselves. Three years later the place had to be limited again, in `#5686` and `#5712`.
//! Number: how many polls one of three equal tasks is ahead of another. One would do.
//! Try: `cargo test -p dormouse-exercises --test exercises newest_first`
//! Hint: a task that wakes itself in its poll is queued behind whom?

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

/// The tasks that can run.
#[derive(Default)]
struct Queue {
    ready: Mutex<Vec<Arc<Task>>>,
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
        lock(&self.ready).push(task);
    }

    fn next(&self) -> Option<Arc<Task>> {
        lock(&self.ready).pop()
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
