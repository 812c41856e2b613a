//! Two witnesses over the same span: what the runtime counted, and what the kernel says of its
//! thread. The kernel knows nothing of turns and polls, and can't be told lies.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use asleep::Account;
use dormouse::{Metrics, Runtime, testing};
use nix::unistd::{Pid, gettid};

use crate::support::{SILENCE, add_one_unpark, wait_until_asleep};
use crate::{MILLISECOND, metrics};

/// How often the thread may give up its CPU beside its parks: it joins a test's threads, and waits
/// for pages, for the memory map and the harness's locks, which it shares with other tests.
const ROOM: u64 = 20;

/// A span in the life of a runtime, from [`Span::open`] to [`Span::close`], on its thread.
#[must_use = "a span that nobody closes proves nothing"]
pub(crate) struct Span<'a> {
    runtime: &'a Runtime,
    kernel: Option<Account>,
    before: Metrics,
}

impl<'a> Span<'a> {
    pub(crate) fn open(runtime: &'a Runtime) -> Self {
        Span { runtime, kernel: account_of(gettid()), before: runtime.metrics() }
    }

    /// What the runtime did meanwhile, by its own account; the kernel's must not belie it.
    #[track_caller]
    pub(crate) fn close(self) -> Metrics {
        let did = self.runtime.metrics().since(self.before);
        if let (Some(before), Some(now)) = (self.kernel, account_of(gettid())) {
            assert_kernel_agrees(&did, now.since(before));
        }
        did
    }

    /// Closes it, and demands that exactly this has happened, and nothing else at all.
    #[track_caller]
    pub(crate) fn expect(self, fill_in: impl FnOnce(&mut Metrics)) {
        testing::expect(&self.close(), fill_in);
    }
}

#[track_caller]
fn assert_kernel_agrees(did: &Metrics, kernel: Account) {
    // Another thread that wakes may hold the inbox's lock just when we look into it.
    let waits = did.parks + did.wakes_remote + ROOM;
    assert!(kernel.voluntary <= waits, "it waited more often than it parked: {kernel:?}, {did:#?}");
    // A few ticks of the scheduler's clock, and what debug builds take for a poll with its test.
    let work = u32::try_from(did.turns + did.polls).unwrap();
    let busy = Duration::from_millis(50) + work * MILLISECOND;
    assert!(kernel.cpu <= busy, "it ran more than it counts: {kernel:?}, {did:#?}");
}

/// The kernel's account of a thread of this process; where there is none, says so and why.
fn account_of(thread: Pid) -> Option<Account> {
    let account = Account::of_thread(std::process::id(), thread.as_raw().cast_unsigned());
    account.inspect_err(|error| println!("skipped: the kernel's witness: {error}")).ok()
}

/// What the kernel says of the thread `thread` over a [`SILENCE`], asked by another thread. `begun`
/// waits until that thread does what it will do all the time.
pub(crate) fn over_a_silence(thread: Pid, begun: impl FnOnce(Pid)) -> Option<Account> {
    begun(thread);
    let mut before = account_of(thread)?;
    // Whoever is about to block says that it sleeps before it does, and may lose its CPU to another
    // for some milliseconds just then: until two looks agree it may not have begun. Who never sleeps
    // has begun, too.
    for _ in 0..10 {
        thread::sleep(20 * MILLISECOND);
        let now = account_of(thread)?;
        if std::mem::replace(&mut before, now) == now {
            break;
        }
    }
    thread::sleep(SILENCE);
    Some(account_of(thread)?.since(before))
}

/// Does `work` on another thread, which is told who waits, and is woken once when it is done.
pub(crate) async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce(Pid) -> T + Send + 'static,
) -> T {
    let (result, mut work) = (Arc::new(Mutex::new(None)), Some(work));
    let (waits, mut worker) = (gettid(), None);
    let value = poll_fn(|cx| {
        if let Some(work) = work.take() {
            let (waker, result) = (cx.waker().clone(), Arc::clone(&result));
            worker = Some(thread::spawn(move || {
                let value = work(waits);
                *result.lock().unwrap() = Some(value);
                waker.wake();
            }));
        }
        result.lock().unwrap().take().map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    worker.unwrap().join().unwrap();
    value
}

/// Sleeps until another thread has watched this one sleep for a [`SILENCE`]. Both witnesses: what
/// was counted beside the one unpark that ends it, and what the kernel saw.
pub(crate) async fn sleep_watched(runtime: &Runtime) -> (Metrics, Account) {
    let span = Span::open(runtime);
    let kernel = elsewhere(|sleeper| over_a_silence(sleeper, wait_until_asleep)).await;
    let did = span.close();
    (did.since(metrics(add_one_unpark)), kernel.unwrap_or_default())
}

/// Law 4, by both witnesses.
pub(crate) async fn assert_silence(runtime: &Runtime) {
    let (did, kernel) = sleep_watched(runtime).await;
    testing::check_silence(&did, 0).unwrap();
    assert!(kernel.is_idle(), "the kernel saw the parked thread run: {kernel:?}");
}
