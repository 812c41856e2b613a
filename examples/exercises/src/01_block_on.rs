//! # Block on: one future, run to its end
//!
//! Problem: a thread has one future, and nothing else to do until that has ended.
//! Happened: `mgattozzi/whorl`, `src/lib.rs`, a runtime that was written to be read, as this one
//! is. Its worker asks an empty queue again and again, its `block_on` polls again and again, its
//! `wait` reads a counter again and again. All answers are right; two cores burn meanwhile.
//! Number: how often the future is polled. It is woken three times, so four polls would do.
//! Try: `cargo test -p dormouse-exercises --test exercises block_on`
//! Hint: the future has said 'not yet'. Who will know when to ask again, and whom does it tell?

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, Thread};

use futures_task::{ArcWake, waker};

/// Ends the sleep of the thread in it.
struct Alarm {
    sleeper: Thread,
}

impl ArcWake for Alarm {
    fn wake_by_ref(alarm: &Arc<Self>) {
        alarm.sleeper.unpark();
    }
}

/// Runs `future` on this thread, and returns what came of it.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let alarm = Arc::new(Alarm { sleeper: thread::current() });
    let waker = waker(alarm);
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}
