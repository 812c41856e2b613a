//! # Executor: polls the tasks that can run
//!
//! Problem: there are many futures and one thread, and most futures wait most of the time.
//! Idea: the futures lie in a table. Only those whose keys are in the run queue are polled, a
//! batch at a time; a future is taken out of the table for its poll, so it may do as it likes.
//! Leaves out: waiting. It returns when the batch is done (`runtime.rs`).
//! Read before: `join.rs`. Read next: `yield_now.rs`.
//! Try: `cargo test -p dormouse --test tasks`

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_task::waker_ref;

use crate::join::{JoinHandle, LocalTask, joinable};
use crate::observe::{Moment, Place};
use crate::queue::RunQueue;
use crate::slots::{Key, Slots};
use crate::task::{self, Seen, Task};

/// How many sockets and deadlines that are ready a task may make use of in one poll.
///
/// A peer that sends faster than a task reads would otherwise keep the thread to itself.
const STEPS_PER_POLL: u32 = 32;

/// The tasks of one runtime.
pub(crate) struct Executor {
    /// `None`: it is being polled just now.
    tasks: RefCell<Slots<Option<Entry>>>,
    /// Tasks that have ended, kept for their memory.
    ended: RefCell<Vec<Arc<Task>>>,
    queue: Rc<RunQueue>,
    /// The task that is being polled, as it was when its poll began: it is not in the table then.
    polled: Cell<Option<Seen>>,
    /// What is left of [`STEPS_PER_POLL`] in the poll that goes on.
    steps_left: Cell<u32>,
    gave_way: Cell<bool>,
    /// The runtime is being dropped: no task is let in any more.
    closed: Cell<bool>,
    /// Those that came nevertheless, to be dropped unpolled.
    late: RefCell<Vec<LocalTask>>,
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
            ended: RefCell::default(),
            queue,
            polled: Cell::new(None),
            steps_left: Cell::new(0),
            gave_way: Cell::new(false),
            closed: Cell::new(false),
            late: RefCell::default(),
        }
    }

    #[track_caller]
    pub(crate) fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        self.spawn_at(future, Location::caller())
    }

    pub(crate) fn spawn_at<F>(&self, future: F, place: Place) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
    {
        let (future, handle) = joinable(future);
        if self.closed.get() {
            handle.came_too_late();
            self.late.borrow_mut().push(future);
        } else {
            self.insert(Some(future), place);
        }
        handle
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Lets in the future of a `block_on`, which its caller polls.
    #[track_caller]
    pub(crate) fn adopt(&self) {
        self.insert(None, Location::caller());
    }

    fn insert(&self, future: Option<LocalTask>, place: Place) {
        let mut key = Key::RESERVED;
        self.tasks.borrow_mut().insert_with(|given| {
            key = given;
            let ended = self.ended.borrow_mut().pop();
            let reused = ended.and_then(|task| Task::reuse(task, key, place));
            let inbox = &self.queue.inbox;
            let task = reused.unwrap_or_else(|| Arc::new(Task::new(key, place, Arc::clone(inbox))));
            Some(Entry { task, future })
        });
        self.queue.push(key);
        self.queue.saw(Moment::Spawned(key, place));
    }

    /// Polls every task that can run now, once, oldest wake first; returns how many there were.
    /// `adopted` polls the future of `block_on`; `batch` is an empty buffer, the same each turn.
    pub(crate) fn run_batch(
        &self,
        batch: &mut Vec<Key>,
        adopted: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> usize {
        self.queue.take_batch(batch);
        for key in &*batch {
            self.run(*key, adopted);
        }
        let polled = batch.len();
        batch.clear();
        polled
    }

    fn run(&self, key: Key, adopted: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
        // Taken out for the poll: it may spawn, and so need the table.
        let entry = self.tasks.borrow_mut().get_mut(key).and_then(Option::take);
        let Some(Entry { task, mut future }) = entry else {
            return self.queue.saw(Moment::Discarded(key));
        };
        // IDEA: out of the queue first, then the poll: a wake in the midst of it queues it again.
        task.leave_queue();
        self.queue.saw(Moment::Polled(key));
        self.steps_left.set(STEPS_PER_POLL);
        self.polled.set(Some(Task::seen(&task)));
        self.queue.polled.set(Some(key));
        let waker = waker_ref(&task);
        let cx = &mut Context::from_waker(&waker);
        let poll = match &mut future {
            Some(future) => future.as_mut().poll(cx),
            None => adopted(cx),
        };
        self.queue.polled.set(None);
        match poll {
            Poll::Ready(()) => self.end(task, future),
            Poll::Pending => {
                self.put_back(key, Entry { task, future });
                self.queue.saw(Moment::Waits(key));
            }
        }
    }

    /// Whether the task that is being polled may go on with what is ready: asked by sockets and
    /// sleeps before each step (`net/async_io.rs`). If not, it is queued again, behind the others, and
    /// has to return `Pending`.
    ///
    /// Who was `held_up` so before goes on once in any case: another future of the same task may
    /// have used up all the steps again.
    pub(crate) fn may_go_on(&self, cx: &Context<'_>, held_up: bool) -> bool {
        let left = self.steps_left.get();
        self.steps_left.set(left.saturating_sub(1));
        let may = left > 0 || held_up;
        if !may {
            self.gave_way.set(true);
            cx.waker().wake_by_ref();
        }
        may
    }

    /// Whether a task had to give way since this was last asked: its work was that of many polls.
    pub(crate) fn gave_way(&self) -> bool {
        self.gave_way.take()
    }

    fn put_back(&self, key: Key, entry: Entry) {
        let mut tasks = self.tasks.borrow_mut();
        *tasks.get_mut(key).expect("a polled task keeps its slot") = Some(entry);
    }

    fn end(&self, task: Arc<Task>, future: Option<LocalTask>) {
        task.finish();
        self.queue.saw(Moment::Ended(task.key()));
        self.queue.observer.names.forget(task.key());
        self.tasks.borrow_mut().remove(task.key());
        task::let_go("a task", future);
        self.ended.borrow_mut().push(task);
    }

    /// Queues the tasks that other threads woke; from here on they need not unpark this one.
    /// `letters` is an empty buffer, the same each turn.
    pub(crate) fn read_letters(&self, letters: &mut Vec<Key>) {
        self.queue.inbox.take(letters);
        for key in letters.drain(..) {
            let tasks = self.tasks.borrow();
            let task = tasks.get(key).and_then(Option::as_ref).map(|entry| Arc::clone(&entry.task));
            // Whoever listens may come back to the table.
            drop(tasks);
            match task {
                Some(task) => task.letter_came(&self.queue),
                None => self.queue.saw(Moment::AlreadyFinished(key)),
            }
        }
    }

    /// All tasks that have not ended, and whether it is the one that is being polled.
    pub(crate) fn seen(&self) -> Vec<(Seen, bool)> {
        let polled = self.queue.polled.get().and(self.polled.get()).map(|seen| (seen, true));
        let tasks = self.tasks.borrow();
        let others = tasks.iter().filter_map(|(_, entry)| entry.as_ref());
        let others = others.map(|entry| (Task::seen(&entry.task), false));
        polled.into_iter().chain(others).collect()
    }

    /// Drops every task, and lets none in any more. Their handles say that they were cancelled.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        for entry in self.tasks.take().into_values().flatten() {
            entry.task.finish();
            task::let_go("a task", entry.future);
        }
        self.drop_late();
    }

    /// Drops the tasks that came too late: spawned by a drop, for the most part.
    pub(crate) fn drop_late(&self) {
        // One after the other: a drop that spawns again and again must not nest.
        while let Some(future) = self.next_late() {
            task::let_go("a task", future);
        }
    }

    fn next_late(&self) -> Option<LocalTask> {
        self.late.borrow_mut().pop()
    }
}
