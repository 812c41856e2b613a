//! Three wait for a change; each of them comes back to wait again as soon as it is woken.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_task::{ArcWake, waker};

use super::support::{Counter, within_limit};
use crate::form::borrow::Watched;

const WAITERS: usize = 3;

thread_local! {
    /// A waker may go to any thread, so what it needs here is found, not carried.
    static WATCHED: Watched<u32> = Watched::default();
}

/// An executor that polls its task in the wake itself: nothing forbids it.
#[derive(Default)]
struct Eager {
    wakes: AtomicUsize,
}

impl ArcWake for Eager {
    fn wake_by_ref(eager: &Arc<Self>) {
        // Who is woken by its own waiting, again and again, stops here.
        if eager.wakes.fetch_add(1, Ordering::SeqCst) < 10 * WAITERS {
            wait_again(eager);
        }
    }
}

fn wait_again(eager: &Arc<Eager>) {
    let waker = waker(Arc::clone(eager));
    let mut cx = Context::from_waker(&waker);
    let poll = WATCHED.with(|watched| watched.poll_newer(watched.version(), &mut cx));
    assert_eq!(poll, Poll::Pending, "there is nothing newer than the newest");
}

#[test]
fn a_waiter_may_wait_again_as_it_is_woken() {
    within_limit(|| {
        let eager = Arc::new(Eager::default());
        (0..WAITERS).for_each(|_| wait_again(&eager));
        let set = || WATCHED.with(|watched| watched.set(1));
        let ended = catch_unwind(AssertUnwindSafe(set));
        let woken = eager.wakes.load(Ordering::SeqCst);
        assert!(ended.is_ok(), "{woken} of {WAITERS} waiters were woken, and then it panicked");
        assert!(woken == WAITERS, "{woken} wakes for {WAITERS} waiters, and {WAITERS} would do");
    });
}

#[test]
fn a_change_wakes_who_waits_and_is_seen_once() {
    within_limit(|| {
        let watched = Watched::<u32>::default();
        let (counter, waker) = Counter::with_waker();
        let mut cx = Context::from_waker(&waker);
        assert_eq!(watched.poll_newer(0, &mut cx), Poll::Pending);
        watched.set(7);
        assert_eq!((counter.count(), watched.poll_newer(0, &mut cx)), (1, Poll::Ready((7, 1))));
        assert_eq!(watched.poll_newer(1, &mut cx), Poll::Pending);
        watched.set(8);
        assert_eq!((counter.count(), watched.poll_newer(1, &mut cx)), (2, Poll::Ready((8, 2))));
    });
}
