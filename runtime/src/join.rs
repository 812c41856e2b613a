//! # Join: the result of a task, for whoever waits for it
//!
//! Problem: a task ends with a value, with a panic, or by being dropped; its spawner must be able
//! to tell which, to wait for it, and not to care.
//! Idea: task and handle share one cell. The task's side fills it, on its last breath at the
//! latest: if it is dropped with the cell still empty, the task was cancelled.
//! Leaves out: cancelling on drop. A dropped handle leaves its task running.
//! Read before: `join/error.rs`. Read next: `executor.rs`.
//! Try: `cargo test -p dormouse --test tasks`

mod error;

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::observe::guarded;
use crate::task;

pub use error::JoinError;

/// What a task and its handle share.
struct Shared<T> {
    state: Cell<State<T>>,
    /// The handle wants the task to end.
    aborted: Cell<bool>,
    /// Wakes the task, once it waits for something.
    task: Cell<Option<Waker>>,
}

enum State<T> {
    Running { joiner: Option<Waker> },
    Finished(Result<T, JoinError>),
    Taken,
}

impl<T> Shared<T> {
    fn finish(&self, result: Result<T, JoinError>) {
        drop(self.task.take());
        if let State::Running { joiner: Some(joiner) } = self.state.replace(State::Finished(result))
        {
            task::wake_and_let_go(joiner);
        }
    }

    fn is_running(&self) -> bool {
        let state = self.state.replace(State::Taken);
        let running = matches!(state, State::Running { .. });
        self.state.set(state);
        running
    }

    fn wake_task(&self) {
        if let Some(task) = self.task.take() {
            task.wake_by_ref();
            self.task.set(Some(task));
        }
    }

    /// Keeps the waker of a task that waits, for [`JoinHandle::abort`]: a task has only one.
    fn keep(&self, waker: &Waker) {
        let kept = self.task.take();
        self.task.set(kept.or_else(|| Some(waker.clone())));
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        if let State::Finished(result) = self.state.get_mut() {
            log_unheard(result);
        }
    }
}

pub(crate) fn log_unheard<T>(result: &Result<T, JoinError>) {
    if let Err(error) = result
        && error.is_panic()
    {
        guarded(|| log::error!("nobody waited for a task that ended so: {error}"));
    }
}

/// The task's side. Dropped before it told a result, it tells that there will be none.
struct Teller<T> {
    /// `None`: the handle was dropped, so nobody wants to know, and the cell need not stay.
    shared: Option<Rc<Shared<T>>>,
}

impl<T> Teller<T> {
    /// The cell, while there is a handle, or one that aborted before it went; else it is let go here.
    fn shared(&mut self) -> Option<&Shared<T>> {
        self.shared.take_if(|shared| Rc::strong_count(shared) == 1 && !shared.aborted.get());
        self.shared.as_deref()
    }

    fn is_aborted(&mut self) -> bool {
        self.shared().is_some_and(|shared| shared.aborted.get())
    }

    fn finish(&mut self, result: Result<T, JoinError>) {
        if let Some(shared) = self.shared() {
            shared.finish(result);
        } else {
            log_unheard(&result);
            task::let_go("a task", result);
        }
    }
}

impl<T> Drop for Teller<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared()
            && shared.is_running()
        {
            shared.finish(Err(JoinError::cancelled()));
        }
    }
}

// A future may point into itself once it was polled, so it must not move: `Pin` promises that, and
// `project` hands the promise on to a field.
pin_project! {
    /// A future whose result goes to its [`JoinHandle`]. A panic ends it, and goes there too.
    struct Spawned<F: Future> {
        #[pin]
        future: F,
        // Dropped after the future: who waits is told when all is gone.
        teller: Teller<F::Output>,
    }
}

impl<F: Future> Future for Spawned<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.teller.is_aborted() {
            return Poll::Ready(());
        }
        // A future that panicked is never polled again, so nobody sees what it left half done.
        let result = match catch_unwind(AssertUnwindSafe(|| this.future.poll(cx))) {
            // It aborted itself.
            Ok(Poll::Pending) if this.teller.is_aborted() => return Poll::Ready(()),
            Ok(Poll::Pending) => {
                if let Some(shared) = this.teller.shared() {
                    shared.keep(cx.waker());
                }
                return Poll::Pending;
            }
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(JoinError::panicked(payload)),
        };
        // IDEA: the result goes into the cell that both sides share, and wakes who waits for it.
        this.teller.finish(result);
        Poll::Ready(())
    }
}

/// A spawned future, as the executor sees it: whatever it returns, it went to the handle.
pub(crate) type LocalTask = Pin<Box<dyn Future<Output = ()>>>;

/// The two ends of a task: what the executor polls, and what the spawner keeps.
pub(crate) fn joinable<F>(future: F) -> (LocalTask, JoinHandle<F::Output>)
where
    F: Future + 'static,
{
    let shared = Rc::new(Shared {
        state: Cell::new(State::Running { joiner: None }),
        aborted: Cell::new(false),
        task: Cell::new(None),
    });
    let task = Box::pin(Spawned { future, teller: Teller { shared: Some(Rc::clone(&shared)) } });
    (task, JoinHandle { shared })
}

/// Waits for the end of a spawned task, or ends it.
///
/// Dropping the handle detaches: the task runs on. If it then panics, that is logged as an error.
///
/// # Errors
///
/// Awaiting it gives a [`JoinError`] if the task panicked, or was cancelled: by
/// [`abort`](JoinHandle::abort), or as its runtime was dropped.
///
/// # Panics
///
/// Polled again after it gave the result.
///
/// # Cancel safety
///
/// Dropping a poll of it loses nothing: `(&mut handle).await` can be tried again.
///
/// ```
/// let runtime = dormouse::Runtime::new()?;
/// let answer = runtime.block_on(async { dormouse::spawn(async { 6 * 7 }).await });
/// assert_eq!(answer.expect("it neither panics nor is aborted"), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct JoinHandle<T> {
    shared: Rc<Shared<T>>,
}

impl<T> JoinHandle<T> {
    /// The task will never run.
    pub(crate) fn came_too_late(&self) {
        self.shared.finish(Err(JoinError::cancelled()));
    }

    /// Ends the task: its future is dropped when its turn in the run queue comes, without being
    /// polled again. Nothing happens if it has finished; a result that is there stays.
    ///
    /// ```
    /// dormouse::block_on(async {
    ///     let for_ever = dormouse::spawn(std::future::pending::<()>());
    ///     for_ever.abort();
    ///     assert!(!for_ever.is_finished()); // Not before its turn.
    ///     dormouse::yield_now().await;
    ///     assert!(for_ever.is_finished());
    ///     assert!(for_ever.await.is_err_and(|error| error.is_cancelled()));
    /// });
    /// ```
    pub fn abort(&self) {
        self.shared.aborted.set(true);
        self.shared.wake_task();
    }

    /// Whether the task has ended, in whichever way. See the example of
    /// [`abort`](JoinHandle::abort).
    pub fn is_finished(&self) -> bool {
        !self.shared.is_running()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.shared.state.replace(State::Taken) {
            State::Running { .. } => {
                let joiner = Some(cx.waker().clone());
                self.shared.state.set(State::Running { joiner });
                Poll::Pending
            }
            State::Finished(result) => Poll::Ready(result),
            State::Taken => panic!("a JoinHandle was polled after it gave its result"),
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    /// The waker of who waited goes along: the task may run on for long.
    fn drop(&mut self) {
        let mut state = self.shared.state.replace(State::Taken);
        let joiner = match &mut state {
            State::Running { joiner } => joiner.take(),
            State::Finished(_) | State::Taken => None,
        };
        self.shared.state.set(state);
        drop(joiner);
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish()
    }
}
