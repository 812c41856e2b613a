//! # Lost wake, mended: what has rung stays rung until it is heard
//!
//! Fault: the sleeper put the bell back to 'silent' as it lay down. Whoever had rung since the poll
//! began was forgotten, and the thread waited for a second ring.
//! Mend: the bell is put back by who hears it, after the wait, and under the lock. So each ring is
//! in one of two states: still to be heard, or heard and followed by a poll. One that comes between
//! the wait and the poll costs a poll more; none is lost.
//! In dormouse: `Inbox::may_park` in `runtime/src/wake.rs`: it looks for wakes and says 'parked'
//! under one lock. `Executor::run` in `runtime/src/executor.rs`: a task leaves the queue before its
//! poll, so that a wake during the poll queues it again.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_task::{ArcWake, waker};

/// Rung by whoever wakes, and heard by the thread that sleeps beside it.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl ArcWake for Bell {
    fn wake_by_ref(bell: &Arc<Self>) {
        *bell.lock() = true;
        bell.changed.notify_one();
    }
}

impl Bell {
    /// Sleeps until the bell has rung since the last time.
    fn wait(&self) {
        let mut rung = self.lock();
        while !*rung {
            rung = self.changed.wait(rung).unwrap_or_else(PoisonError::into_inner);
        }
        *rung = false;
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `future` on this thread, and sleeps while it can't go on.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let bell = Arc::new(Bell::default());
    let waker = waker(Arc::clone(&bell));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        bell.wait();
    }
}
