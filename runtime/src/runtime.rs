//! # Runtime: run tasks, wait, repeat
//!
//! Problem: a run queue, a kernel, a heap of deadlines and an inbox all want to be looked at; and
//! when none of them has anything, nothing at all must happen.
//! Idea: one loop looks at them in turn, and blocks in one place when all are empty.
//! Leaves out: threads. A runtime runs on the thread that calls `block_on`.
//! Read before: `time/interval.rs`. Read next: `snapshot.rs`.
//! Try: `RUST_LOG=dormouse=trace cargo run -- serve async`

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use crate::join::JoinHandle;
use crate::metrics::Metrics;
use crate::observe::{Listener, Moment};
use crate::parts::Parts;

/// While tasks can run, the kernel is asked once in so many polls what has happened; and at once
/// when a task has used up its steps, as that took as long as many polls.
///
/// A question costs about as much as ten polls; so a task that keeps waking itself pays a sixth
/// more, and sockets and timers wait for 64 polls, or for one batch where that is longer.
const POLLS_BETWEEN_QUESTIONS: usize = 64;

/// Runs futures on this thread, and sleeps when none of them can go on.
///
/// It stays on the thread that made it, and so do its tasks: none of them needs a lock. To use
/// more cores, run one runtime on each of several threads.
///
/// Dropping it drops all its tasks, each once; their handles then say that they were cancelled.
///
/// ```
/// use dormouse::{Runtime, spawn, time::sleep};
/// use std::time::Duration;
///
/// let runtime = Runtime::new()?;
/// let quick = runtime.spawn(async { 6 * 7 }); // It runs as soon as a `block_on` does.
/// let slow = runtime.block_on(async { spawn(sleep(Duration::from_millis(2))) });
/// assert!(quick.is_finished() && !slow.is_finished());
/// runtime.block_on(slow).expect("no panic"); // It goes on here.
/// assert_eq!(runtime.block_on(quick).expect("no panic"), 42);
/// assert_eq!(runtime.metrics().spawns, 5); // The future of each `block_on` is a task, too.
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runtime {
    pub(crate) parts: Rc<Parts>,
    /// How many polls there were since the kernel was last asked.
    polls: Cell<usize>,
}

impl Runtime {
    /// Makes a runtime. It starts no thread; two descriptors are opened on Linux. See the example
    /// of [`Runtime`].
    ///
    /// # Errors
    ///
    /// If the system refuses them: usually as the limit of open descriptors is reached.
    pub fn new() -> io::Result<Self> {
        Runtime::listened_to(Vec::new())
    }

    pub(crate) fn listened_to(listeners: Vec<Listener>) -> io::Result<Self> {
        Ok(Runtime { parts: Parts::new(listeners)?, polls: Cell::new(0) })
    }

    /// Adds a task, which runs whenever a `block_on` of this runtime does.
    ///
    /// See [`spawn`](crate::spawn), which does the same from within, and the example of
    /// [`Runtime`].
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
    {
        self.parts.executor.spawn(future)
    }

    /// Runs `future` to its end, and all tasks beside it; blocks the thread meanwhile.
    ///
    /// Tasks that have not ended by then stay where they are, and go on with the next `block_on`.
    /// See the example of [`Runtime`].
    ///
    /// # Panics
    ///
    /// If this thread runs a runtime already, this one or another: `await` the future there
    /// instead. If `future` panics, its panic comes out of here, and the runtime can be used again.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        assert!(
            Parts::current().is_none(),
            "block_on inside of block_on: this thread runs a runtime already; await the future, \
             or spawn it, or use another thread"
        );
        let _entered = self.parts.enter();
        self.parts.executor.adopt();
        let mut future = pin!(future);
        let mut output = None;
        let done = Cell::new(false);
        let mut poll_adopted = |cx: &mut task::Context<'_>| {
            let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
            output = match poll {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(value)) => Some(Ok(value)),
                Err(payload) => Some(Err(payload)),
            };
            done.set(true);
            Poll::Ready(())
        };
        self.run(&mut poll_adopted, &done);
        match output.expect("the loop ends when there is an output") {
            Ok(value) => value,
            Err(payload) => resume_unwind(payload),
        }
    }

    /// The loop. A turn of it is:
    ///
    /// 1. wait: if no task can run, park until something happens; else, now and then, only ask.
    ///    Either way, whoever an event concerns is woken.
    /// 2. inbox: after a wait or a question, queue the tasks that other threads woke.
    /// 3. timers: after the kernel has answered, wake those whose deadline has come.
    /// 4. run: poll each task that is queued by now, once.
    fn run(
        &self,
        poll_adopted: &mut dyn FnMut(&mut task::Context<'_>) -> Poll<()>,
        done: &Cell<bool>,
    ) {
        let Parts { queue, executor, timers, observer, .. } = &*self.parts;
        let (mut letters, mut batch) = (Vec::new(), Vec::new());
        while !done.get() {
            observer.saw(Moment::Turn);
            // 1. wait
            let idle = queue.is_empty();
            // A park that was cut short, by a letter or a signal, has asked nothing.
            let asked = (idle && self.park()) || self.ask_now_and_then();
            if idle || asked {
                // 2. inbox
                executor.read_letters(&mut letters);
            }
            if asked {
                // 3. timers
                timers.fire();
            }
            // 4. run
            let polled = executor.run_batch(&mut batch, poll_adopted);
            self.polls.set(self.polls.get() + polled);
        }
    }

    /// Sleeps until something happens; not at all if a letter lies in the inbox, or a deadline has
    /// come. Returns whether the kernel has said what there is.
    fn park(&self) -> bool {
        let Parts { reactor, timers, inbox, .. } = &*self.parts;
        let left = timers.nearest().map(|at| at.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            // The thread was busy as the deadline came, and who was ready in time wins against it.
            return self.ask();
        }
        if !inbox.may_park() {
            return false;
        }
        self.polls.set(0);
        // IDEA: it blocks only here, when no task can run, and no longer than to a deadline.
        reactor.park(left)
    }

    /// Asks the kernel without waiting, once in so much work. Returns whether it did.
    fn ask_now_and_then(&self) -> bool {
        let worked = self.parts.executor.gave_way() || self.polls.get() >= POLLS_BETWEEN_QUESTIONS;
        worked && self.ask()
    }

    fn ask(&self) -> bool {
        self.polls.set(0);
        self.parts.reactor.ask()
    }

    /// What the runtime has done so far. See the example of [`Metrics`]. Within a task:
    /// [`metrics`](crate::metrics()).
    ///
    /// Wakes of other threads that come during the call may be missing from one of the figures.
    pub fn metrics(&self) -> Metrics {
        self.parts.metrics()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // The drops of futures are foreign code, which may spawn, wake and open sockets.
        let _entered = self.parts.enter();
        self.parts.executor.close();
        self.parts.reactor.close();
        self.parts.timers.close();
        // Whoever was woken by these two may have spawned once more.
        self.parts.executor.drop_late();
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("metrics", &self.metrics()).finish_non_exhaustive()
    }
}

/// Runs `future` to its end on a runtime of its own, and then drops that, with all tasks that have
/// not ended: await what shall end.
///
/// # Panics
///
/// If the system refuses the runtime's descriptors, and as [`Runtime::block_on`] does.
///
/// ```
/// assert_eq!(dormouse::block_on(async { 6 * 7 }), 42);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    match Runtime::new() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("can't make a runtime: {error}"),
    }
}
