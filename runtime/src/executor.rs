//! # Executor: polls the tasks that can run
//!
//! Problem: there are many futures and one thread, and most futures wait most of the time.
//! Idea: the futures lie in a table. Only those whose keys are in the run queue are polled, a
//! batch at a time; a future is taken out of the table for its poll, so it may do as it likes.
//! Leaves out: waiting. It returns when the batch is done (`runtime.rs`).
//! Read before: `join.rs`. Read next: `source.rs`.
//! Try: `cargo test -p dormouse --test tasks`

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_task::waker_ref;

use crate::join::{JoinHandle, LocalTask, joinable};
use crate::observe::Moment;
use crate::queue::RunQueue;
use crate::slots::{Key, Slots};
use crate::task::Task;

/// The tasks of one runtime.
pub(crate) struct Executor {
    /// `None`: it is being polled just now.
    tasks: RefCell<Slots<Option<Entry>>>,
    queue: Rc<RunQueue>,
    /// The runtime is being dropped: no task is let in any more.
    closed: Cell<bool>,
    /// Kept between batches for their memory; empty outside of the methods that use them.
    batch: Cell<Vec<Key>>,
    letters: Cell<Vec<Key>>,
}

struct Entry {
    task: Arc<Task>,
    /// `None`: the future of `block_on`, which stays on its caller's stack.
    future: Option<LocalTask>,
}

impl Executor {
    pub(crate) fn new(queue: Rc<RunQueue>) -> Self {
        Executor {
            tasks: RefCell::default(),
            queue,
            closed: Cell::new(false),
            batch: Cell::default(),
            letters: Cell::default(),
        }
    }

    pub(crate) fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        let (future, joiner) = joinable(future);
        if self.closed.get() {
            // The drop of the future tells the joiner that the task was cancelled.
            return joiner.of(Task::finished(Arc::clone(&self.queue.inbox)));
        }
        joiner.of(self.insert(Some(future)))
    }

    /// Lets in the future of a `block_on`, which its caller polls.
    pub(crate) fn adopt(&self) -> Arc<Task> {
        self.insert(None)
    }

    fn insert(&self, future: Option<LocalTask>) -> Arc<Task> {
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.insert_with(|key| {
            Some(Entry { task: Task::new(key, Arc::clone(&self.queue.inbox)), future })
        });
        let task = Arc::clone(&entry.as_ref().expect("it was put there just now").task);
        self.queue.push(task.key());
        self.queue.saw(Moment::Spawned(task.key()));
        task
    }

    /// Polls every task that can run now, once, oldest wake first. `adopted` polls the future of
    /// `block_on`. Returns how many keys were in the queue.
    pub(crate) fn run_batch(&self, adopted: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) -> usize {
        let mut batch = self.batch.take();
        self.queue.take_batch(&mut batch);
        for key in &batch {
            self.run(*key, adopted);
        }
        let keys = batch.len();
        batch.clear();
        self.batch.set(batch);
        keys
    }

    fn run(&self, key: Key, adopted: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
        // Taken out for the poll: it may spawn, and so need the table.
        let entry = self.tasks.borrow_mut().get_mut(key).and_then(Option::take);
        let Some(Entry { task, mut future }) = entry else {
            return self.queue.saw(Moment::Discarded(key));
        };
        // IDEA: out of the queue first, then the poll: a wake in the midst of it queues it again.
        task.leave_queue();
        if task.is_aborted() {
            self.queue.saw(Moment::Discarded(key));
            return self.end(&task, future);
        }
        self.queue.saw(Moment::Polled(key));
        let waker = waker_ref(&task);
        let cx = &mut Context::from_waker(&waker);
        let poll = match &mut future {
            Some(future) => future.as_mut().poll(cx),
            None => adopted(cx),
        };
        match poll {
            Poll::Ready(()) => self.end(&task, future),
            Poll::Pending => self.put_back(key, Entry { task, future }),
        }
    }

    fn put_back(&self, key: Key, entry: Entry) {
        let mut tasks = self.tasks.borrow_mut();
        *tasks.get_mut(key).expect("a polled task keeps its slot") = Some(entry);
    }

    fn end(&self, task: &Task, future: Option<LocalTask>) {
        task.finish();
        self.tasks.borrow_mut().remove(task.key());
        drop_future(future);
    }

    /// Reads the letters of other threads; from here on they need not unpark this one.
    pub(crate) fn read_letters(&self) {
        let mut letters = self.letters.take();
        self.queue.inbox.take(&mut letters);
        let tasks = self.tasks.borrow();
        for key in letters.drain(..) {
            match tasks.get(key) {
                Some(Some(entry)) => entry.task.letter_came(&self.queue),
                _ => self.queue.saw(Moment::AlreadyFinished(key)),
            }
        }
        self.letters.set(letters);
    }

    /// Drops every task, and lets none in any more.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        for entry in self.tasks.take().into_values().flatten() {
            entry.task.finish();
            drop_future(entry.future);
        }
    }
}

/// The drop of a future is foreign code: its panic ends that task alone.
fn drop_future(future: Option<LocalTask>) {
    if catch_unwind(AssertUnwindSafe(|| drop(future))).is_err() {
        log::error!("a task panicked as it was dropped");
    }
}
