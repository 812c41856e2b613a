//! # Queue: the tasks that can run, oldest first
//!
//! Problem: a waker may be called anywhere, on any thread, and knows only its task.
//! Idea: the thread that runs a runtime keeps its run queue at hand. A wake on that thread is a
//! push; a wake anywhere else is a letter to the runtime's inbox.
//! Leaves out: priorities. The order is that of the wakes.
//! Read before: `wake.rs`. Read next: `task.rs`.
//! Try: `cargo test -p dormouse --test tasks`

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use crate::observe::{Moment, Observer};
use crate::slots::Key;
use crate::wake::Inbox;

thread_local! {
    /// The run queue of the runtime that this thread is running just now.
    static HERE: RefCell<Option<Rc<RunQueue>>> = const { RefCell::new(None) };
}

/// The tasks of one runtime that can run.
pub(crate) struct RunQueue {
    ready: RefCell<Vec<Key>>,
    /// The task that is being polled just now: a wake of it is one by itself.
    pub(crate) polled: Cell<Option<Key>>,
    /// Tells this runtime from others: each has one inbox.
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) observer: Rc<Observer>,
}

impl RunQueue {
    pub(crate) fn new(inbox: Arc<Inbox>, observer: Rc<Observer>) -> Rc<Self> {
        Rc::new(RunQueue { ready: RefCell::default(), polled: Cell::new(None), inbox, observer })
    }

    /// Calls `with` if this thread runs the runtime of `inbox` just now.
    #[inline]
    pub(crate) fn if_here(inbox: &Arc<Inbox>, with: impl FnOnce(&RunQueue)) -> bool {
        // IDEA: on the runtime's own thread the run queue is at hand; anybody else writes a letter.
        // A thread that is ending has lost its `HERE`: then it runs no runtime either.
        HERE.try_with(|here| match &*here.borrow() {
            Some(queue) if Arc::ptr_eq(&queue.inbox, inbox) => {
                with(queue);
                true
            }
            _ => false,
        })
        .unwrap_or(false)
    }

    /// Makes `queue` the one at hand, and returns the one before.
    pub(crate) fn set_here(queue: Option<Rc<RunQueue>>) -> Option<Rc<RunQueue>> {
        HERE.try_with(|here| here.replace(queue)).ok().flatten()
    }

    #[inline]
    pub(crate) fn push(&self, key: Key) {
        self.ready.borrow_mut().push(key);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ready.borrow().is_empty()
    }

    /// Swaps what can run now for `empty`. What is woken meanwhile waits for the next batch, so
    /// a task that wakes itself takes its turn behind all others.
    pub(crate) fn take_batch(&self, empty: &mut Vec<Key>) {
        debug_assert!(empty.is_empty(), "a batch ends before the next begins");
        mem::swap(&mut *self.ready.borrow_mut(), empty);
    }

    #[inline(always)]
    #[allow(clippy::inline_always)]
    pub(crate) fn saw(&self, moment: Moment) {
        self.observer.saw(moment);
    }
}
