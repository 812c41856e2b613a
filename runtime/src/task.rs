//! # Task: a spawned future, and how it gets back into the run queue
//!
//! Problem: a waker must be free to go anywhere, to any thread, and to stay for ever; the future
//! that it wakes must not leave its thread.
//! Idea: they are two things. The waker is an `Arc` with a key and a few flags; the future stays
//! in the executor's table, under that key.
//! Leaves out: what becomes of the result (`join.rs`).
//! Read before: `queue.rs`. Read next: `join/error.rs`.
//! Try: `cargo test -p dormouse --test tasks`

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use futures_task::{ArcWake, waker_ref};

use crate::observe::{Moment, Place, guarded};
use crate::queue::RunQueue;
use crate::slots::Key;
use crate::sync::{AtomicBool, AtomicU32, Ordering::Relaxed};
use crate::wake::{Inbox, Mailbox};

/// One task, as far as its wakers know it.
pub(crate) struct Task {
    key: Key,
    /// Where it was spawned.
    place: Place,
    /// It is in the run queue. Only the runtime's thread reads and writes this one; it is atomic
    /// as the wakers must be free to travel.
    queued: AtomicBool,
    counts: Counts,
    mailbox: Mailbox,
    inbox: Arc<Inbox>,
}

/// What was done to one task: each stops at `u32::MAX`. Atomic only as the task is shared; the
/// runtime's thread alone writes and reads them.
#[derive(Default)]
struct Counts {
    polls: AtomicU32,
    wakes: AtomicU32,
    self_wakes: AtomicU32,
}

fn count(counter: &AtomicU32) {
    counter.store(counter.load(Relaxed).saturating_add(1), Relaxed);
}

/// A task as a snapshot shows it.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) key: Key,
    pub(crate) place: Place,
    pub(crate) queued: bool,
    pub(crate) polls: u32,
    pub(crate) wakes: u32,
    pub(crate) self_wakes: u32,
    /// Tells the task's wakers from those of others.
    pub(crate) waker: *const (),
}

impl Task {
    /// A new task is queued from the start: its spawn is its first wake.
    pub(crate) fn new(key: Key, place: Place, inbox: Arc<Inbox>) -> Self {
        let (queued, counts, mailbox) =
            (AtomicBool::new(true), Counts::default(), Mailbox::default());
        Task { key, place, queued, counts, mailbox, inbox }
    }

    /// Gives a task that ended a second life under a new key, if no waker knows it any more. That
    /// spares the next spawn an allocation.
    pub(crate) fn reuse(mut ended: Arc<Self>, key: Key, place: Place) -> Option<Arc<Self>> {
        let task = Arc::get_mut(&mut ended)?;
        *task = Task::new(key, place, Arc::clone(&task.inbox));
        Some(ended)
    }

    pub(crate) fn key(&self) -> Key {
        self.key
    }

    /// Puts the task into the run queue, unless it is there or has finished.
    #[inline]
    pub(crate) fn enqueue(&self, queue: &RunQueue) {
        if self.mailbox.is_finished() {
            queue.saw(Moment::AlreadyFinished(self.key));
        } else if self.queued.load(Relaxed) {
            queue.saw(Moment::AlreadyQueued(self.key));
        } else {
            // IDEA: the flag keeps a task in the queue at most once, however often it is woken.
            self.queued.store(true, Relaxed);
            queue.push(self.key);
            queue.saw(Moment::Enqueued(self.key));
        }
    }

    /// The letter of another thread has come: see [`Inbox`].
    pub(crate) fn letter_came(&self, queue: &RunQueue) {
        count(&self.counts.wakes);
        self.mailbox.open();
        self.enqueue(queue);
    }

    /// Left the run queue, to be polled. Must come before the poll: a wake during it counts.
    pub(crate) fn leave_queue(&self) {
        self.queued.store(false, Relaxed);
        count(&self.counts.polls);
    }

    /// A wake on the runtime's own thread.
    fn woken_here(&self, queue: &RunQueue) {
        queue.saw(Moment::Woken(self.key));
        count(&self.counts.wakes);
        if queue.polled.get() == Some(self.key) {
            count(&self.counts.self_wakes);
        }
        self.enqueue(queue);
    }

    pub(crate) fn seen(task: &Arc<Self>) -> Seen {
        let counts = &task.counts;
        Seen {
            key: task.key,
            place: task.place,
            queued: task.queued.load(Relaxed),
            polls: counts.polls.load(Relaxed),
            wakes: counts.wakes.load(Relaxed),
            self_wakes: counts.self_wakes.load(Relaxed),
            waker: waker_ref(task).data(),
        }
    }

    pub(crate) fn finish(&self) {
        self.mailbox.finish();
    }
}

/// Makes a `std::task::Waker` of an `Arc<Task>`: whoever calls that waker comes here.
impl ArcWake for Task {
    /// Only queues. To poll right here would run one task in the middle of another.
    fn wake_by_ref(task: &Arc<Self>) {
        let here = RunQueue::if_here(&task.inbox, |queue| task.woken_here(queue));
        if !here {
            task.mailbox.wake(task.key, &task.inbox);
        }
    }
}

/// Calls a waker. It may be anybody's, so its panic is kept from the loop, which has others to
/// wake.
pub(crate) fn wake(waker: &Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake_by_ref())) {
        guarded(|| log::error!("a waker panicked"));
        let_go("a waker", payload);
    }
}

/// Calls a waker, and drops it: the drop may be anybody's, too.
pub(crate) fn wake_and_let_go(waker: Waker) {
    wake(&waker);
    let_go("a waker", waker);
}

/// Drops `left`, which the log calls `what`. That is foreign code, and its panic is kept from the
/// loop.
pub(crate) fn let_go<T>(what: &str, left: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(left))) {
        guarded(|| log::error!("{what} panicked as it was dropped"));
        // What it panicked with has a drop, too.
        let_go(what, payload);
    }
}
