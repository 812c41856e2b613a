//! # Parts: this thread's runtime, so that callers pass no handle
//!
//! Problem: `spawn`, sockets and sleeps need the runtime, and nobody wants to hand it to them
//! through every function.
//! Idea: a thread runs at most one runtime at a time. It notes here which, while it does.
//! Leaves out: handles for other threads (`handle.rs`).
//! Read before: `timer.rs`. Read next: `net/async_io.rs`.
//! Try: `cargo test -p dormouse --test parts`

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::executor::Executor;
use crate::join::JoinHandle;
use crate::metrics::Metrics;
use crate::observe::{Listener, Moment, Observer};
use crate::queue::RunQueue;
use crate::reactor::Reactor;
use crate::timer::Timers;
use crate::wake::Inbox;

thread_local! {
    // IDEA: a thread runs one runtime at a time, so callers find theirs here.
    static CURRENT: RefCell<Option<Rc<Parts>>> = const { RefCell::new(None) };
}

/// The parts of one runtime.
pub(crate) struct Parts {
    pub(crate) queue: Rc<RunQueue>,
    pub(crate) executor: Executor,
    pub(crate) reactor: Rc<Reactor>,
    pub(crate) timers: Rc<Timers>,
    pub(crate) observer: Rc<Observer>,
    pub(crate) inbox: Arc<Inbox>,
}

impl Parts {
    pub(crate) fn new(listeners: Vec<Listener>) -> io::Result<Rc<Self>> {
        let observer = Rc::new(Observer::new(listeners));
        let reactor = Reactor::new(Rc::clone(&observer))?;
        let inbox = Arc::new(Inbox::new(reactor.unparker()?));
        let queue = RunQueue::new(Arc::clone(&inbox), Rc::clone(&observer));
        Ok(Rc::new(Parts {
            executor: Executor::new(Rc::clone(&queue)),
            queue,
            reactor: Rc::new(reactor),
            timers: Rc::new(Timers::new(Rc::clone(&observer))),
            observer,
            inbox,
        }))
    }

    /// The runtime that this thread runs just now.
    pub(crate) fn current() -> Option<Rc<Parts>> {
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    /// The same, for a call that needs one: `what` is its name, `elsewhere` what to use outside.
    #[track_caller]
    pub(crate) fn for_call(what: &str, elsewhere: &str) -> Rc<Parts> {
        match Self::current() {
            Some(parts) => parts,
            None => panic!(
                "{what} outside of a runtime: call it inside the future given to \
                 Runtime::block_on, or use {elsewhere}"
            ),
        }
    }

    /// The same, for what can fail with an I/O error: `what` names it.
    pub(crate) fn for_io(what: &str) -> io::Result<Rc<Parts>> {
        Self::current().ok_or_else(|| {
            io::Error::other(format!(
                "{what} outside of a runtime: open it inside the future given to Runtime::block_on"
            ))
        })
    }

    /// Whether this is the runtime that this thread runs just now: only then does anybody report
    /// events.
    pub(crate) fn is_current(self: &Rc<Self>) -> bool {
        let here = |current: &RefCell<Option<Rc<Parts>>>| {
            current.borrow().as_ref().is_some_and(|current| Rc::ptr_eq(current, self))
        };
        !self.reactor.is_closed() && CURRENT.try_with(here).unwrap_or(false)
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let mut metrics = self.observer.metrics();
        let counts = &self.inbox.counts;
        metrics.wakes_remote = counts.wakes.load(Relaxed);
        metrics.wakes_queued += counts.queued.load(Relaxed);
        metrics.wakes_finished += counts.finished.load(Relaxed);
        metrics
    }

    /// Makes this the thread's runtime until the guard is dropped.
    ///
    /// A thread that is ending may have lost its `CURRENT`, and still has a runtime to drop: its
    /// tasks are dropped outside of any then.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        let here = |current: &RefCell<_>| current.replace(Some(Rc::clone(self)));
        Entered {
            parts: CURRENT.try_with(here).ok().flatten(),
            queue: RunQueue::set_here(Some(Rc::clone(&self.queue))),
        }
    }
}

/// Restores what was before, also when a panic goes through.
pub(crate) struct Entered {
    parts: Option<Rc<Parts>>,
    queue: Option<Rc<RunQueue>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        RunQueue::set_here(self.queue.take());
        let left = CURRENT.try_with(|current| current.replace(self.parts.take()));
        // Its drop can be the last one, and run foreign code: not while `CURRENT` is borrowed.
        drop(left);
    }
}

/// Runs `future` as a task of its own, on this thread's runtime, and returns at once.
///
/// The task is polled for the first time when the ones that can run before it were. It never
/// leaves its thread, so it need not be `Send`.
///
/// # Panics
///
/// Outside of a runtime: call it inside the future given to `block_on`, or use
/// [`Runtime::spawn`](crate::Runtime::spawn). A panic of the task itself ends that task alone, and
/// comes out of its [`JoinHandle`].
///
/// ```
/// let runtime = dormouse::Runtime::new()?;
/// let sum = runtime.block_on(async {
///     let (a, b) = (dormouse::spawn(async { 1 }), dormouse::spawn(async { 2 }));
///     a.await.expect("no panic") + b.await.expect("no panic")
/// });
/// assert_eq!(sum, 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    Parts::for_call("spawn", "Runtime::spawn").executor.spawn(future)
}

/// Names the task that is being polled, in logs, snapshots and the watchdog's warnings.
///
/// A name can be given at any time, and again; two tasks may have the same. Outside of a task
/// nothing happens.
///
/// ```
/// let named = dormouse::block_on(async {
///     dormouse::set_task_name("main");
///     dormouse::snapshot().tasks[0].name.clone()
/// });
/// assert_eq!(named.as_deref(), Some("main"));
/// ```
pub fn set_task_name(name: impl Into<Arc<str>>) {
    if let Some(parts) = Parts::current()
        && let Some(task) = parts.queue.polled.get()
    {
        parts.observer.names.set(task, name.into());
        parts.observer.saw(Moment::Named(task));
    }
}

/// What the runtime that this thread runs has done so far: see
/// [`Runtime::metrics`](crate::Runtime::metrics).
///
/// # Panics
///
/// Outside of a runtime.
///
/// ```
/// let polls = dormouse::block_on(async {
///     dormouse::yield_now().await;
///     dormouse::metrics().polls
/// });
/// assert_eq!(polls, 2);
/// ```
#[track_caller]
pub fn metrics() -> Metrics {
    Parts::for_call("metrics", "Runtime::metrics").metrics()
}
