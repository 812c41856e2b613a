//! # Wake: how another thread ends the sleep
//!
//! Problem: a thread that sees an empty run queue goes to sleep. A wake that comes between the
//! look and the sleep is lost, and a wake that always ends the sleep costs a system call each.
//! Idea: one lock holds the letters of other threads and the word 'parked'. The sleeper looks and
//! says 'parked' in one step; the waker posts and takes the word away in one step. So one of the
//! two always sees the other, and only the first waker pays for the unpark.
//! Leaves out: wakes by the runtime's own thread, which need none of this (`queue.rs`).
//! Read before: `sync.rs`. Read next: `queue.rs`.
//! Try: `RUSTFLAGS="--cfg loom" cargo test -p dormouse --release --test loom`

use std::mem;

use crate::slots::Key;
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, PoisonError, Unparker};

/// Where other threads leave the keys of the tasks that they wake.
pub(crate) struct Inbox {
    state: Mutex<State>,
    unparker: Unparker,
    pub(crate) counts: Counts,
}

#[derive(Default)]
struct State {
    letters: Vec<Key>,
    /// The runtime's thread sleeps, or is about to, and needs an unpark.
    parked: bool,
}

/// What other threads did: they can't report to the runtime's own observer. Relaxed, as nobody goes
/// by them.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) wakes: AtomicU64,
    /// Wakes of a task whose letter lay in the inbox already.
    pub(crate) queued: AtomicU64,
    /// Wakes of a task that had finished.
    pub(crate) finished: AtomicU64,
}

impl Inbox {
    pub(crate) fn new(unparker: Unparker) -> Self {
        Inbox { state: Mutex::default(), unparker, counts: Counts::default() }
    }

    fn post(&self, key: Key) {
        let parked = {
            let mut state = self.lock();
            state.letters.push(key);
            mem::take(&mut state.parked)
        };
        if parked {
            self.unparker.unpark();
        }
    }

    /// Says that the thread is about to park, unless letters came: then it must not.
    pub(crate) fn may_park(&self) -> bool {
        let mut state = self.lock();
        // IDEA: look and say 'parked' under one lock, so that no letter can come between.
        state.parked = state.letters.is_empty();
        state.parked
    }

    /// Swaps the letters that came for `empty`; the thread is awake from here on.
    pub(crate) fn take(&self, empty: &mut Vec<Key>) {
        let mut state = self.lock();
        state.parked = false;
        mem::swap(&mut state.letters, empty);
    }

    fn lock(&self) -> impl std::ops::DerefMut<Target = State> + '_ {
        // Nothing that runs under the lock can panic, so a poisoned one is whole too.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker's end, one for each task: whether its letter lies in the inbox already.
#[derive(Default)]
pub(crate) struct Mailbox {
    /// A letter of this task lies in the inbox: a second one would say nothing new.
    posted: AtomicBool,
    finished: AtomicBool,
}

impl Mailbox {
    /// Wakes the task `key` from anywhere; whatever was written before is seen by its next poll.
    pub(crate) fn wake(&self, key: Key, inbox: &Inbox) {
        inbox.counts.wakes.fetch_add(1, Ordering::Relaxed);
        if self.is_finished() {
            inbox.counts.finished.fetch_add(1, Ordering::Relaxed);
        } else if self.posted.swap(true, Ordering::Release) {
            // Also when it changes nothing: the swap that opens the mailbox finds this one, and
            // with it what this thread wrote before. It acquires nothing, as nothing is read here.
            inbox.counts.queued.fetch_add(1, Ordering::Relaxed);
        } else {
            inbox.post(key);
        }
    }

    /// The letter was read. A wake from now on posts a new one: the poll that follows may already
    /// be past what it is about. A wake before now is seen by that poll: hence the acquire, and a
    /// swap, as a store acquires nothing.
    pub(crate) fn open(&self) {
        self.posted.swap(false, Ordering::Acquire);
    }

    /// To other threads only a hint, that spares them a letter which nobody would act on: so it may
    /// reach them late. On the runtime's own, [`Task::enqueue`](crate::task::Task::enqueue) goes by
    /// it.
    pub(crate) fn finish(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }
}
