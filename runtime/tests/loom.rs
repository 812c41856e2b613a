//! The wake protocol, run in every order that a few threads can take.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p dormouse --release --test loom`
//!
//! What runs is the runtime itself, from `wake.rs` to `runtime.rs` and `handle.rs`, compiled a
//! second time. `loom/stand_ins.rs` has the little that differs: the model checker's atomics and
//! locks in the place of `sync.rs`, a park without a kernel, no deadlines. `futures-channel`, of
//! which handles and these tests make use, is not taken apart: each call of it is one step.
//!
//! A lost wake shows as a deadlock, an ordering too weak as a task that misses what its waker
//! wrote, a needless unpark as a count. (A deadlock ends the process, as the runtime can't be
//! dropped after it; `-- --nocapture` says more.) Bounds: up to four threads, two tasks and four
//! wakes. Every order, where a test says `check(None, …)`; else every order in which a thread that
//! could go on is kept waiting at most so many times.
//!
//! What is broken once, to see these tests fail (`sabotage.rs`):
//!
//! - `Mailbox::wake`: its swap is not `Release`; it looks before it swaps; a second letter is
//!   posted.
//! - `Mailbox::open`: its swap is not `Acquire`; it looks, and then stores; it does nothing.
//! - `Inbox::post`: the unpark comes before the letter; 'parked' is not seen; it is not taken away.
//! - `Inbox::may_park`: no look for letters; look and word under two locks.
//! - `Inbox::take`: 'parked' stays.
//! - The flag `queued` of a task is cleared by the end of its poll; a letter queues nobody; the end
//!   of the runtime does not end its tasks for their wakers.
//!
//! Nothing else has an ordering. The counters and the hint `finished` are relaxed, as nobody goes
//! by them; the fields of `Task` are, as one thread alone uses them. Neither swap needs its other
//! half (an acquire in `wake`, a release in `open`): a waker reads nothing that the task wrote.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

/// In the place of std's: the model checker runs its threads on one thread of the system.
macro_rules! thread_local {
    ($(#[$doc:meta])* static $name:ident: $type:ty = const { $init:expr };) => {
        loom::thread_local! { static $name: $type = $init; }
    };
}

// The runtime's own files, compiled a second time.
#[path = "../src"]
#[allow(dead_code, unreachable_pub)]
mod own {
    pub(crate) mod slots;
    pub(crate) mod metrics;
    pub(crate) mod names;
    pub(crate) mod observe;
    pub(crate) mod wake;
    pub(crate) mod queue;
    pub(crate) mod task;
    pub(crate) mod join;
    pub(crate) mod executor;
    pub(crate) mod yield_now;
    pub(crate) mod parts;
    pub(crate) mod runtime;
    pub(crate) mod handle;
    pub(crate) mod testing;
}
#[path = "loom/stand_ins.rs"]
mod stand_ins;

use own::{
    executor, join, metrics, names, observe, parts, queue, runtime, slots, task, testing, wake,
    yield_now,
};
use stand_ins::{reactor, sync, timer};

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_channel::oneshot;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread::{self, JoinHandle};

use observe::{Cause, Listener, Moment};
use runtime::Runtime;
use slots::Key;
use yield_now::yield_now;

/// What a listener sees of each run of a test.
#[derive(Default)]
struct Watch {
    queued: Vec<Key>,
    /// Those that came into the run queue while they were in it, or were polled without.
    wrong: Vec<Moment>,
    unparks: u64,
}

impl Watch {
    fn see(&mut self, moment: Moment) {
        let place = |key| self.queued.iter().position(|queued| *queued == key);
        match moment {
            Moment::Spawned(key, _) | Moment::Enqueued(key) => match place(key) {
                None => self.queued.push(key),
                Some(_) => self.wrong.push(moment),
            },
            Moment::Polled(key) | Moment::Discarded(key) => match place(key) {
                Some(place) => drop(self.queued.remove(place)),
                None => self.wrong.push(moment),
            },
            Moment::Returned(Cause::Unpark) => self.unparks += 1,
            _ => {}
        }
    }
}

/// Runs `test` in every order in which at most `bound` times a thread that could go on is kept
/// waiting (`None`: every order at all), and checks what must hold whatever it did.
fn check(bound: Option<usize>, test: fn(Runtime)) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = bound;
    model.max_branches = 10_000;
    model.check(move || {
        let watch = Rc::new(RefCell::new(Watch::default()));
        let sees = Rc::clone(&watch);
        let listener: Listener = Box::new(move |moment, _| sees.borrow_mut().see(moment));
        let runtime = Runtime::listened_to(vec![listener]).unwrap();
        let inbox = Arc::downgrade(&runtime.parts.inbox);
        let unparker = runtime.parts.reactor.unparker().unwrap();
        test(runtime);
        let watch = watch.borrow();
        assert!(watch.wrong.is_empty(), "queued twice, or polled unasked: {:?}", watch.wrong);
        assert_eq!(unparker.unparks(), watch.unparks, "an unpark for a park, none while awake");
        assert!(inbox.upgrade().is_none(), "something of the runtime is left");
    });
}

/// What several threads count up, each before it wakes. Read and written without any ordering of
/// its own: the protocol must carry it.
#[derive(Clone)]
struct Progress(Arc<AtomicUsize>);

impl Progress {
    fn new() -> Self {
        Progress(Arc::new(AtomicUsize::new(0)))
    }

    fn count_and_wake(&self, waker: &Waker) {
        self.0.fetch_add(1, Relaxed);
        waker.wake_by_ref();
    }

    /// Another thread that does so `wakes` times.
    fn elsewhere(&self, waker: &Waker, wakes: usize) -> JoinHandle<()> {
        let (progress, waker) = (self.clone(), waker.clone());
        thread::spawn(move || (0..wakes).for_each(|_| progress.count_and_wake(&waker)))
    }

    fn is(&self, goal: usize) -> Poll<()> {
        let seen = self.0.load(Relaxed);
        assert!(seen <= goal);
        if seen == goal { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Begins a thread for each entry of `threads`, which says how often it wakes; ends when it has
/// seen what all of them wrote.
async fn woken_by(threads: &'static [usize]) -> Vec<JoinHandle<()>> {
    let progress = Progress::new();
    let mut begun = Vec::new();
    poll_fn(|cx: &mut Context<'_>| {
        for wakes in &threads[begun.len()..] {
            begun.push(progress.elsewhere(cx.waker(), *wakes));
        }
        progress.is(threads.iter().sum())
    })
    .await;
    begun
}

fn join_all(threads: Vec<JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Reads the letters that are left, polls whom they wake, and checks the books.
fn at_rest(runtime: &Runtime) {
    runtime.parts.executor.read_letters(&mut Vec::new());
    runtime.block_on(yield_now());
    testing::check_books(&runtime.metrics()).unwrap();
}

#[test]
fn a_wake_against_going_to_sleep_is_never_lost() {
    check(None, |runtime| {
        join_all(runtime.block_on(woken_by(&[1])));
        at_rest(&runtime);
    });
}

#[test]
fn the_second_wake_of_a_thread_is_seen_like_the_first() {
    check(None, |runtime| {
        join_all(runtime.block_on(woken_by(&[2])));
        at_rest(&runtime);
    });
}

#[test]
fn two_threads_that_wake_one_task_are_both_seen() {
    check(Some(4), |runtime| {
        join_all(runtime.block_on(woken_by(&[1, 1])));
        at_rest(&runtime);
    });
}

#[test]
fn two_threads_that_wake_two_tasks_are_both_seen() {
    check(Some(4), |runtime| {
        let task = runtime.spawn(woken_by(&[1]));
        join_all(runtime.block_on(woken_by(&[1])));
        join_all(runtime.block_on(task).unwrap());
        at_rest(&runtime);
    });
}

#[test]
fn three_threads_that_wake_one_task_are_all_seen() {
    check(Some(2), |runtime| {
        join_all(runtime.block_on(woken_by(&[1, 1, 1])));
        at_rest(&runtime);
    });
}

/// A task that wakes itself `own` times in its first poll, is then woken by another task of its
/// thread, and meanwhile by another thread.
fn is_woken_from_all_sides(runtime: &Runtime, own: usize) {
    let progress = Progress::new();
    let (waker, wakes) = oneshot::channel();
    let (mut waker, counts) = (Some(waker), progress.clone());
    let task = runtime.spawn(poll_fn(move |cx| {
        if let Some(waker) = waker.take() {
            waker.send(cx.waker().clone()).unwrap();
            (0..own).for_each(|_| counts.count_and_wake(cx.waker()));
        }
        counts.is(own + 2)
    }));
    let thread = runtime.block_on(async {
        let waker = wakes.await.unwrap();
        let thread = progress.elsewhere(&waker, 1);
        progress.count_and_wake(&waker);
        task.await.unwrap();
        thread
    });
    thread.join().unwrap();
}

/// The letter, and the flag of who is queued, which a wake on the runtime's own thread goes by.
#[test]
fn a_wake_here_and_one_elsewhere_queue_a_task_once() {
    check(None, |runtime| {
        is_woken_from_all_sides(&runtime, 0);
        at_rest(&runtime);
    });
}

#[test]
fn a_task_that_woke_itself_is_not_queued_again() {
    check(None, |runtime| {
        is_woken_from_all_sides(&runtime, 2);
        at_rest(&runtime);
    });
}

/// However many threads wake it while it is polled, and in which order.
#[test]
fn wakes_during_one_poll_are_one_letter_and_one_poll() {
    check(None, |runtime| {
        let before = runtime.metrics();
        runtime.block_on(async {
            let progress = Progress::new();
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                if polls == 1 {
                    let wakes = |_| progress.elsewhere(cx.waker(), 2);
                    join_all((0..2).map(wakes).collect());
                    return Poll::Pending;
                }
                progress.is(4)
            })
            .await;
            assert_eq!(polls, 2);
        });
        let did = runtime.metrics().since(before);
        assert_eq!((did.wakes_remote, did.wakes_queued, did.enqueued, did.parks), (4, 3, 1, 0));
        at_rest(&runtime);
    });
}

/// The word 'parked' must not outlive a park that somebody else has ended.
#[test]
fn a_thread_that_an_event_woke_is_not_unparked() {
    check(None, |runtime| {
        let reactor = &runtime.parts.reactor;
        let epoll = reactor.unparker().unwrap();
        let progress = Progress::new();
        let mut event = None;
        let mut wakes = None;
        runtime.block_on(poll_fn(|cx| {
            if event.is_none() {
                reactor.waits.set(Some(cx.waker().clone()));
                let epoll = epoll.clone();
                event = Some(thread::spawn(move || epoll.event()));
            } else if wakes.is_none() {
                // Woken by the event: so the thread is awake, until this poll has ended at least.
                wakes = Some(progress.elsewhere(cx.waker(), 1).join());
            }
            progress.is(1)
        }));
        event.unwrap().join().unwrap();
        assert_eq!(epoll.unparks(), 0);
        at_rest(&runtime);
    });
}

/// What a task was told after one `block_on` ended, it knows in the next.
#[test]
fn a_wake_between_two_runs_waits_for_the_second() {
    check(None, |runtime| {
        let task = runtime.spawn(woken_by(&[1]));
        runtime.block_on(yield_now());
        join_all(runtime.block_on(task).unwrap());
        at_rest(&runtime);
    });
}

/// A task that waits for ever, and leaves its waker.
fn waits_for_ever(runtime: &Runtime, held: &Arc<()>) -> Waker {
    let (waker, left) = oneshot::channel();
    let (mut waker, held) = (Some(waker), Arc::clone(held));
    drop(runtime.spawn(poll_fn(move |cx| {
        let _mine = &held;
        if let Some(waker) = waker.take() {
            waker.send(cx.waker().clone()).unwrap();
        }
        Poll::<()>::Pending
    })));
    runtime.block_on(left).unwrap()
}

/// Its future is dropped here, once; the waker stays harmless, and goes when it likes.
#[test]
fn the_end_of_the_runtime_against_wakes() {
    check(None, |runtime| {
        let held = Arc::new(());
        let waker = waits_for_ever(&runtime, &held);
        let inbox = Arc::clone(&runtime.parts.inbox);
        let threads: Vec<_> = (0..2).map(|_| Progress::new().elsewhere(&waker, 1)).collect();
        drop(runtime);
        assert_eq!(Arc::strong_count(&held), 1, "its future is gone");
        let mut letters = Vec::new();
        inbox.take(&mut letters);
        join_all(threads);
        waker.wake();
        inbox.take(&mut letters);
        assert!(letters.len() <= 1, "no letter says a second thing");
    });
}

#[test]
fn a_wake_after_the_end_of_the_runtime_leaves_no_letter() {
    check(None, |runtime| {
        let waker = waits_for_ever(&runtime, &Arc::new(()));
        let inbox = Arc::clone(&runtime.parts.inbox);
        drop(runtime);
        join_all(vec![Progress::new().elsewhere(&waker, 1)]);
        let mut letters = Vec::new();
        inbox.take(&mut letters);
        assert!(letters.is_empty());
    });
}

#[test]
fn a_spawn_from_elsewhere_against_going_to_sleep_is_never_lost() {
    check(None, |runtime| {
        let handle = runtime.handle();
        let (spawned, remote) = oneshot::channel();
        let thread = runtime.block_on(async {
            let thread = thread::spawn(move || spawned.send(handle.spawn(async { 42 })).unwrap());
            assert_eq!(remote.await.unwrap().await.unwrap(), 42);
            thread
        });
        thread.join().unwrap();
        at_rest(&runtime);
    });
}

#[test]
fn a_spawn_from_elsewhere_against_the_end_is_told_how_it_ended() {
    check(None, |runtime| {
        let handle = runtime.handle();
        let held = Arc::new(());
        let holds = Arc::clone(&held);
        let spawns = move || {
            handle.spawn(async move {
                drop(holds);
                42
            })
        };
        let thread = thread::spawn(spawns);
        runtime.block_on(yield_now());
        drop(runtime);
        let remote = pin!(thread.join().unwrap());
        assert_eq!(Arc::strong_count(&held), 1, "its future is gone");
        match remote.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(answer)) => assert_eq!(answer, 42),
            Poll::Ready(Err(error)) => assert!(error.is_cancelled()),
            Poll::Pending => panic!("it would wait for ever"),
        }
    });
}
