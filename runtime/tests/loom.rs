//! The wake protocol of `wake.rs`, run in every order that two or three threads can take.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p dormouse --release --test loom`
//!
//! The file under test is the runtime's own, compiled a second time on top of the model checker's
//! locks and atomics. A lost wake shows as a deadlock, an ordering too weak as a read that misses
//! what the waker wrote, a needless unpark as a count. `sabotage.rs` breaks each of the
//! protocol's steps in turn and demands that these tests notice.
#![cfg(loom)]

#[path = "../src/slots.rs"]
#[allow(dead_code)]
mod slots;
#[path = "../src/wake.rs"]
mod wake;

/// In the place of the runtime's own `sync.rs`.
mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use loom::sync::{Arc, Condvar};

    /// What an `eventfd(2)` is: an unpark that comes early is kept for the next park.
    #[derive(Clone, Default)]
    pub(crate) struct Unparker(Arc<EventFd>);

    #[derive(Default)]
    struct EventFd {
        state: Mutex<Unparks>,
        written: Condvar,
    }

    #[derive(Default)]
    struct Unparks {
        unread: bool,
        writes: usize,
    }

    impl Unparker {
        pub(crate) fn unpark(&self) {
            let mut state = self.0.state.lock().unwrap();
            state.unread = true;
            state.writes += 1;
            self.0.written.notify_one();
        }

        pub(crate) fn park(&self) {
            let mut state = self.0.state.lock().unwrap();
            while !state.unread {
                state = self.0.written.wait(state).unwrap();
            }
            state.unread = false;
        }

        pub(crate) fn writes(&self) -> usize {
            self.0.state.lock().unwrap().writes
        }
    }
}

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use slots::Key;
use sync::Unparker;
use wake::{Inbox, Mailbox};

/// A runtime reduced to what the protocol needs: one inbox, and tasks that each count up to a
/// goal, which other threads come nearer to before each wake.
struct Shared {
    inbox: Inbox,
    unparker: Unparker,
    mailboxes: Vec<Mailbox>,
    /// Read and written without any ordering of its own: the protocol must carry it.
    progress: Vec<AtomicUsize>,
}

impl Shared {
    fn new(tasks: usize) -> Arc<Self> {
        let unparker = Unparker::default();
        Arc::new(Shared {
            inbox: Inbox::new(unparker.clone()),
            unparker,
            mailboxes: (0..tasks).map(|_| Mailbox::default()).collect(),
            progress: (0..tasks).map(|_| AtomicUsize::new(0)).collect(),
        })
    }

    fn advance_and_wake(&self, task: usize) {
        self.progress[task].fetch_add(1, Ordering::Relaxed);
        self.mailboxes[task].wake(Key(task), &self.inbox);
    }

    /// The runtime's thread: parks until every task has seen its goal. Returns the parks.
    fn run_until(&self, goals: &[usize]) -> usize {
        let (mut parks, mut letters) = (0, Vec::new());
        let mut open: Vec<usize> = (0..goals.len()).collect();
        while !open.is_empty() {
            if self.inbox.may_park() {
                self.unparker.park();
                parks += 1;
            }
            self.inbox.take(&mut letters);
            for Key(task) in letters.drain(..) {
                self.mailboxes[task].open();
                // The poll. It sees what was written before the wake, or it is woken again.
                let seen = self.progress[task].load(Ordering::Relaxed);
                assert!(seen <= goals[task]);
                open.retain(|other| *other != task || seen < goals[task]);
            }
        }
        parks
    }
}

/// Runs the protocol with one thread for each entry of `wakers`, which names the task it wakes.
fn check(wakers: &'static [usize], goals: &'static [usize], preemption_bound: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemption_bound;
    model.check(move || {
        let shared = Shared::new(goals.len());
        let wakers: Vec<_> = wakers
            .iter()
            .map(|task| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.advance_and_wake(*task))
            })
            .collect();
        let parks = shared.run_until(goals);
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
        assert_eq!(shared.unparker.writes(), parks, "one unpark for each park, none while awake");
    });
}

/// Every order: no bound.
#[test]
fn a_wake_against_going_to_sleep_is_never_lost() {
    check(&[0], &[1], None);
}

/// Every order with at most three switches away from a thread that could go on.
#[test]
fn two_threads_that_wake_one_task_are_both_seen() {
    check(&[0, 0], &[2], Some(3));
}

/// As above.
#[test]
fn two_threads_that_wake_two_tasks_are_both_seen() {
    check(&[0, 1], &[1, 1], Some(3));
}

/// A waker outlives its task and its runtime: whatever the order, no letter stays behind that
/// says more than one thing, and nobody is unparked who does not park.
#[test]
fn a_wake_against_the_end_of_its_task_is_harmless() {
    loom::model(|| {
        let shared = Shared::new(1);
        let waker = Arc::clone(&shared);
        let waker = thread::spawn(move || {
            waker.advance_and_wake(0);
            waker.advance_and_wake(0);
        });
        shared.mailboxes[0].finish();
        waker.join().unwrap();
        let mut letters = Vec::new();
        shared.inbox.take(&mut letters);
        assert!(letters.len() <= 1);
        assert_eq!(shared.unparker.writes(), 0);
    });
}
