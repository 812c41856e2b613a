//! # Idle: while a future is pending, nothing is done
//!
//! Problem: 'my task does not spin' has no test. A program that spins gives the right answers.
//! Idea: a future that is pending for a span, in which the thread that polled it must have slept:
//! for the kernel, exactly nothing happened. Then the caller goes on with the same future, and it
//! must answer: a runtime that lost every wake would be as quiet.
//! Leaves out: why it did not sleep. The numbers in the message are where to begin.
//! Read before: `watch.rs`. Read next: `wakes.rs`.
//! Try: `cargo test -p asleep --test idle`

use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::watch::{Scope, Verdict, Watch};

/// Asserts that this thread sleeps for `span`, while `future` is pending.
///
/// Polls the future. A thread of our own waits until the thread that polled has gone to sleep
/// (for a second at most: a spinner never does), looks at its [account](crate::Account), lets
/// `span` pass and looks again. In between, nothing at all may have been done: no CPU time, no
/// context switch, no poll of the future. Whatever else runs on this thread must be as quiet: other
/// tasks, timers, the runtime itself.
///
/// The future stays the caller's. Go on to await it, so that the test ends with an answer.
///
/// On a runtime of several threads, this sees the one that polled, and every poll of the future
/// wherever it happens; use [`assert_process_idle`] to see them all.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use asleep::assert_idle;
/// use futures_channel::oneshot;
///
/// futures_lite::future::block_on(async {
///     let (tell, mut told) = oneshot::channel();
///     assert_idle(Duration::from_millis(50), &mut told).await;
///     tell.send("good morning").expect("somebody listens");
///     assert_eq!(told.await, Ok("good morning"));
/// });
/// ```
///
/// A future that is not [`Unpin`], as those of `async` blocks, is pinned first:
/// `let mut read = std::pin::pin!(stream.read(&mut buffer));`
///
/// # Panics
///
/// When awaited, at the `.await`: if the thread did not sleep, with what it did; if the future was
/// ready before the span was over, with when; if no thread can be started. The message begins with
/// the place of this call.
///
/// On other systems than Linux only the polls are seen: a line on stderr says that the rest was
/// skipped. So, too, where a Linux does not tell of context switches. Where /proc can't be read for
/// another reason, it panics.
///
/// # Cost
///
/// A thread, and a little more than 20 ms on top of the span: to be sure that the watched thread
/// has gone to sleep. A second, where it never does.
///
/// # Cancel safety
///
/// Dropping it ends the watch at once, and leaves the future as it was last polled.
#[track_caller]
pub fn assert_idle<F>(span: Duration, future: &mut F) -> AssertIdle<'_, F>
where
    F: Future + Unpin,
{
    AssertIdle { future, span, scope: Scope::Thread, place: Location::caller(), watch: None }
}

/// Asserts that all threads of this process sleep for `span`, while `future` is pending.
///
/// As [`assert_idle`], for runtimes of several threads. A thread that begins or ends in the span
/// counts as not idle, too. Only the watcher itself is left out.
///
/// It wants a test process of its own: a file in `tests/` with one test in it, as the other tests
/// of a file run beside it, on other threads of the same process.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use asleep::assert_process_idle;
/// use futures_channel::oneshot;
///
/// let (tell, mut told) = oneshot::channel();
/// let (go, went) = std::sync::mpsc::channel();
/// let other = std::thread::spawn(move || {
///     went.recv().expect("it is told"); // asleep, as all others
///     tell.send("good morning").expect("somebody listens");
/// });
/// futures_lite::future::block_on(async {
///     assert_process_idle(Duration::from_millis(50), &mut told).await;
///     go.send(()).expect("it listens");
///     assert_eq!(told.await, Ok("good morning"));
/// });
/// # other.join().expect("no panic");
/// ```
///
/// # Panics, cost, cancel safety
///
/// As [`assert_idle`]. Each thread that did something is named in the message. With a thousand
/// threads, a look takes some ten milliseconds.
#[track_caller]
pub fn assert_process_idle<F>(span: Duration, future: &mut F) -> AssertIdle<'_, F>
where
    F: Future + Unpin,
{
    AssertIdle { future, span, scope: Scope::Process, place: Location::caller(), watch: None }
}

/// The future of [`assert_idle`] and [`assert_process_idle`].
#[must_use = "an assertion asserts nothing unless it is awaited"]
pub struct AssertIdle<'a, F> {
    future: &'a mut F,
    span: Duration,
    scope: Scope,
    place: &'static Location<'static>,
    /// From the first poll on.
    watch: Option<Watch>,
}

impl<F: Future + Unpin> Future for AssertIdle<'_, F> {
    type Output = ();

    // A panic is reported at the `.await`. Polled by other code than that, it would be that code:
    // so the message names the call.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let place = this.place;
        if let Some(verdict) = this.watch.as_ref().and_then(|watch| watch.polled(cx.waker())) {
            this.watch = None;
            // IDEA: the future is not polled again here. Its answer is for the caller to await.
            judge(&verdict, place);
            return Poll::Ready(());
        }
        if Pin::new(&mut *this.future).poll(cx).is_ready() {
            let when = match &this.watch {
                None => "at its first poll".to_string(),
                Some(watch) => format!("after {:?}", watch.begun.elapsed()),
            };
            panic!("{place}: the future was not pending for {:?}: ready {when}", this.span);
        }
        if this.watch.is_none() {
            match Watch::begin(this.scope, this.span, cx.waker()) {
                Ok(watch) => this.watch = Some(watch),
                Err(error) => panic!("{place}: there is no thread to watch with: {error}"),
            }
        }
        Poll::Pending
    }
}

#[track_caller]
fn judge(verdict: &Verdict, place: &Location<'_>) {
    if let Some(why) = &verdict.untold {
        // Not `eprintln`, which the test harness keeps from view when the test passes.
        let line = format!("{place}: skipped whether threads slept: {why}\n");
        io::stderr().write_all(line.as_bytes()).expect("stderr takes a line");
    }
    assert!(verdict.findings.is_empty(), "{place}: {}", verdict.findings.join("; "));
}

impl<F> fmt::Debug for AssertIdle<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertIdle")
            .field("span", &self.span)
            .field("scope", &self.scope)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
