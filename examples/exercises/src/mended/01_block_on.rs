//! # Block on, mended: asleep until the future is woken
//!
//! Fault: after 'not yet' it asked again at once. The waker was handed out, and called, and made no
//! difference to anything.
//! Mend: between two polls the thread sleeps until the alarm has rung. What is looked at is the
//! alarm's own flag: `thread::park` alone may return for no reason, and a future that parks for
//! itself may use up the `unpark` that was meant for us. A wake in the midst of the poll leaves the
//! flag set, so the sleep ends before it begins.
//! In dormouse: `Runtime::run` in `runtime/src/runtime.rs`: it waits, in `Runtime::park`, whenever
//! no task can run, and only then.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::{self, Thread};

use futures_task::{ArcWake, waker};

/// Ends the sleep of the thread in it.
struct Alarm {
    sleeper: Thread,
    rung: AtomicBool,
}

impl ArcWake for Alarm {
    fn wake_by_ref(alarm: &Arc<Self>) {
        alarm.rung.store(true, Ordering::Release);
        alarm.sleeper.unpark();
    }
}

impl Alarm {
    fn sleep(&self) {
        while !self.rung.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// Runs `future` on this thread, and returns what came of it.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let alarm = Arc::new(Alarm { sleeper: thread::current(), rung: AtomicBool::new(false) });
    let waker = waker(Arc::clone(&alarm));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        alarm.sleep();
    }
}
