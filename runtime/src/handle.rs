//! # Handle: work for a runtime, from another thread
//!
//! Problem: a task and its future never leave their thread; another thread may still have work
//! for it.
//! Idea: what travels is a closure that makes the future. A task of the runtime, the porter, waits
//! for such closures at a channel, and spawns what they make; the results go back the same way.
//! Leaves out: waking tasks. Every `Waker` may be called from any thread (`wake.rs`).
//! Read before: `snapshot/table.rs`. Read next: `spawner.rs`.
//! Try: `cargo test -p dormouse --test handle`

use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_channel::{mpsc, oneshot};
use futures_core::Stream;

use crate::join::{JoinError, joinable, log_unheard};
use crate::parts::{Parts, set_task_name};
use crate::runtime::Runtime;
use crate::task;

/// Spawns tasks on a runtime from anywhere. It can be cloned, and sent to other threads; it does
/// not keep the runtime.
///
/// ```
/// use std::thread;
///
/// let runtime = dormouse::Runtime::new()?;
/// let handle = runtime.handle();
/// let remote = thread::spawn(move || handle.spawn(async { 6 * 7 }));
/// let answer = runtime.block_on(remote.join().expect("no panic"));
/// assert_eq!(answer.expect("it neither panics nor is aborted"), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    porter: mpsc::UnboundedSender<Parcel>,
}

/// Spawns something on the runtime's own thread; or is dropped, with its runtime. That runs foreign
/// code, whose panic must not keep the other parcels in the channel.
struct Parcel(Option<Box<dyn FnOnce() + Send>>);

impl Drop for Parcel {
    fn drop(&mut self) {
        task::let_go("a task", self.0.take());
    }
}

/// The next parcel; not for ever if they come faster than they are done.
fn next(
    parcels: &mut mpsc::UnboundedReceiver<Parcel>,
    cx: &mut Context<'_>,
) -> Poll<Option<Parcel>> {
    if Parts::current().is_some_and(|parts| !parts.executor.may_go_on(cx, false)) {
        return Poll::Pending;
    }
    Pin::new(parcels).poll_next(cx)
}

impl Handle {
    /// A handle of the runtime that this thread runs. It costs as much as [`Runtime::handle`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime: see [`Runtime::handle`].
    ///
    /// ```
    /// use std::thread;
    /// use dormouse::Handle;
    ///
    /// let answer = dormouse::block_on(async {
    ///     let handle = Handle::current();
    ///     let remote = thread::spawn(move || handle.spawn(async { 6 * 7 }));
    ///     // This waits for the spawn, which takes no time; the await waits for the task.
    ///     remote.join().expect("no panic").await
    /// });
    /// assert_eq!(answer.expect("it neither panics nor is aborted"), 42);
    /// ```
    #[track_caller]
    pub fn current() -> Handle {
        Handle::of(&Parts::for_call("Handle::current", "Runtime::handle"))
    }

    #[track_caller]
    fn of(parts: &Rc<Parts>) -> Handle {
        let (porter, mut parcels) = mpsc::unbounded::<Parcel>();
        drop(parts.executor.spawn(async move {
            set_task_name("porter");
            // It ends with the last handle.
            while let Some(mut parcel) = poll_fn(|cx| next(&mut parcels, cx)).await {
                if let Some(spawn) = parcel.0.take() {
                    spawn();
                }
            }
        }));
        Handle { porter }
    }

    /// Runs `future` as a task of the runtime.
    ///
    /// It begins with the runtime's next turn, and only while one of its `block_on`s runs. If the
    /// runtime is gone, or goes before the task has ended, the future is dropped, and the result is
    /// a [`JoinError`] that says 'cancelled'. See the example of [`Handle`].
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> RemoteJoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.spawn_with(|| future)
    }

    /// Runs the future that `make` makes on the runtime's thread. It may hold what can't be sent:
    /// sockets of this runtime, an `Rc`.
    ///
    /// As [`spawn`](Handle::spawn) otherwise. If `make` panics, so does the task.
    ///
    /// ```
    /// use std::{rc::Rc, thread};
    ///
    /// let runtime = dormouse::Runtime::new()?;
    /// let handle = runtime.handle();
    /// let remote = handle.spawn_with(|| {
    ///     let not_to_be_sent = Rc::new(5);
    ///     async move { *not_to_be_sent }
    /// });
    /// assert_eq!(runtime.block_on(remote).expect("no panic"), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_with<M, F>(&self, make: M) -> RemoteJoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future<Output: Send> + 'static,
    {
        let (told, result) = oneshot::channel();
        let (abort, aborted) = oneshot::channel();
        let place = Location::caller();
        // IDEA: what travels is a closure; the future that it makes never does.
        let parcel = Parcel(Some(Box::new(move || {
            if let Some(parts) = Parts::current() {
                drop(parts.executor.spawn_at(carry(make, told, aborted), place));
            }
        })));
        // A runtime that is gone drops the parcel here, and so tells the handle.
        self.porter.unbounded_send(parcel).ok();
        RemoteJoinHandle { result, abort: Some(abort) }
    }
}

/// Runs what `make` makes, and tells its result, unless it is asked to end it.
async fn carry<F: Future + 'static>(
    make: impl FnOnce() -> F + 'static,
    told: oneshot::Sender<Result<F::Output, JoinError>>,
    mut aborted: oneshot::Receiver<()>,
) {
    let (mut task, handle) = joinable(async { make().await });
    poll_fn(|cx| {
        if let Poll::Ready(Ok(())) = Pin::new(&mut aborted).poll(cx) {
            handle.abort();
        }
        task.as_mut().poll(cx)
    })
    .await;
    drop(task);
    // The task has ended, so its result is there; only that has to travel.
    if let Err(result) = told.send(handle.await) {
        log_unheard(&result);
    }
}

impl Runtime {
    /// A handle, to spawn tasks on this runtime from other threads.
    ///
    /// It costs a task, the 'porter' of a snapshot, which waits for what comes until the last clone
    /// is dropped: clone a handle rather than make another. See the example of [`Handle`].
    #[track_caller]
    pub fn handle(&self) -> Handle {
        Handle::of(&self.parts)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// Waits for the end of a task on another thread, or ends it.
///
/// Like a [`JoinHandle`](crate::JoinHandle), of which it has the errors; but it can be sent, and
/// awaited on any thread, under any runtime. Dropping it detaches; a panic is then logged. Polled
/// again after it gave the result, it says 'cancelled'.
///
/// # Cancel safety
///
/// Dropping a poll of it loses nothing: `(&mut handle).await` can be tried again.
///
/// ```
/// use std::thread;
/// use futures_lite::future;
///
/// let runtime = dormouse::Runtime::new()?;
/// let handle = runtime.handle();
/// let answer = handle.spawn(async { 6 * 7 });
/// let mut never = handle.spawn(future::pending::<()>());
/// never.abort();
/// runtime.block_on(dormouse::yield_now()); // Both end here,
/// let waits = thread::spawn(|| future::block_on(async { // and are waited for without a runtime.
///     assert_eq!(answer.await.expect("no panic"), 42);
///     assert!(never.await.is_err_and(|error| error.is_cancelled()));
/// }));
/// waits.join().expect("no panic");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct RemoteJoinHandle<T> {
    result: oneshot::Receiver<Result<T, JoinError>>,
    abort: Option<oneshot::Sender<()>>,
}

impl<T> RemoteJoinHandle<T> {
    /// Ends the task: its future is dropped by its own thread, without being polled again. A
    /// result that is there stays. See the example of [`RemoteJoinHandle`].
    pub fn abort(&mut self) {
        if let Some(abort) = self.abort.take() {
            // If nobody hears it, the task has ended.
            abort.send(()).ok();
        }
    }
}

impl<T> Future for RemoteJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let told = ready!(Pin::new(&mut self.result).poll(cx));
        Poll::Ready(told.unwrap_or_else(|_| Err(JoinError::cancelled())))
    }
}

impl<T> Drop for RemoteJoinHandle<T> {
    fn drop(&mut self) {
        // From here on the task itself finds out that nobody waits.
        self.result.close();
        if let Ok(Some(result)) = self.result.try_recv() {
            log_unheard(&result);
        }
    }
}

impl<T> fmt::Debug for RemoteJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteJoinHandle").finish_non_exhaustive()
    }
}
