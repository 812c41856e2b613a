//! # Lost wake: a wake that comes while nobody sleeps yet
//!
//! Problem: a thread polls, hears 'not yet', and goes to sleep. A wake may come at any time: from
//! another thread, and from within the poll itself.
//! Happened: `bertptrs/beul#1`: a future that woke itself as it was polled, or was woken by another
//! thread just then, was never polled again. `monoio-rs/monoio#146`: the same of a task that only
//! wanted to let others go first: the program never ended.
//! Number: how many wakes it takes until the future is polled again. One would do.
//! Try: `cargo test -p dormouse-exercises --test exercises lost_wake`
//! Hint: write down, line by line, what the waker does and what the thread does; then let the wake
//! come at each line of the other.

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
    /// Sleeps until the bell rings.
    fn wait(&self) {
        let mut rung = self.lock();
        *rung = false;
        while !*rung {
            rung = self.changed.wait(rung).unwrap_or_else(PoisonError::into_inner);
        }
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
