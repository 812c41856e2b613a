//! `assert_idle`: it passes what sleeps, and catches each kind of spinner, by the number that gives
//! it away.
//!
//! What is found by the account of a thread is for Linux; what is found by polls is for all.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use asleep::{Wakes, assert_idle};
use futures_channel::oneshot;
use futures_lite::future::{block_on, pending};

const SPAN: Duration = Duration::from_millis(100);

/// Longer than any test takes: what ends before it was ended.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// The message of the panic with which `assertion` ends.
fn panic_of(assertion: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(assertion)).expect_err("it is caught");
    *payload.downcast::<String>().expect("a panic with a message")
}

/// Runs a spinner until its message has the evidence. It is caught each time; but on a busy machine
/// it may have had no CPU in the span, and all that is seen is that it wanted one.
fn assert_caught_by(evidence: impl Fn(&str) -> bool, spinner: impl Fn()) {
    let begin = Instant::now();
    loop {
        let message = panic_of(&spinner);
        println!("{message}");
        if evidence(&message) {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "nothing gave it away: {message}");
    }
}

#[track_caller]
fn assert_says(message: &str, evidence: &str) {
    println!("{message}");
    assert!(message.contains(evidence), "not '{evidence}' but: {message}");
}

/// Runs `assertion` by polling it again and again, with `rest` in between: a spinner, or a ticker.
fn poll_in_a_loop(mut assertion: Pin<&mut impl Future>, rest: impl Fn()) {
    let mut cx = Context::from_waker(Waker::noop());
    while assertion.as_mut().poll(&mut cx).is_pending() {
        rest();
    }
}

fn wakes_itself() -> impl Future<Output = ()> + Unpin {
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

#[test]
fn a_thread_that_waits_is_idle_and_then_gets_its_answer() {
    block_on(async {
        let (tell, mut told) = oneshot::channel();
        assert_idle(SPAN, &mut told).await;
        tell.send(42).expect("somebody listens");
        assert_eq!(told.await, Ok(42));
    });
}

#[test]
fn the_future_is_polled_once_and_not_for_the_verdict() {
    let mut polls = 0;
    let mut future = poll_fn(|_| {
        polls += 1;
        Poll::<()>::Pending
    });
    block_on(assert_idle(SPAN, &mut future));
    assert_eq!(polls, 1);
}

#[test]
fn work_before_the_thread_sleeps_is_not_held_against_it() {
    let begin = Instant::now();
    let mut future = poll_fn(|cx| {
        if begin.elapsed() < SPAN {
            cx.waker().wake_by_ref();
        }
        Poll::<()>::Pending
    });
    block_on(assert_idle(SPAN, &mut future));
}

#[test]
fn a_task_that_wakes_itself_for_ever_is_caught_by_its_polls() {
    let polled = |message: &str| message.contains("the future was polled ");
    assert_caught_by(polled, || block_on(assert_idle(SPAN, &mut wakes_itself())));
}

#[test]
#[cfg(target_os = "linux")]
fn a_block_on_that_polls_in_a_loop_is_caught_by_its_cpu_time() {
    let used = |message: &str| message.contains("of CPU") && !message.contains("used 0ns");
    assert_caught_by(used, || poll_in_a_loop(pin!(assert_idle(SPAN, &mut pending::<()>())), || {}));
}

#[test]
#[cfg(target_os = "linux")]
fn a_ticker_is_caught_by_its_switches() {
    // The future is polled once; the thread that waits for it turns on, and does nothing.
    let ticker = || {
        let (count, waker) = Wakes::new();
        let mut pending = pending::<()>();
        let mut assertion = pin!(assert_idle(SPAN, &mut pending));
        let mut cx = Context::from_waker(&waker);
        assert!(assertion.as_mut().poll(&mut cx).is_pending());
        while count.count() == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(assertion.as_mut().poll(&mut cx).is_ready(), "the verdict is there");
    };
    let switched = |message: &str| {
        assert!(!message.contains("polled"), "{message}");
        message.contains("gave its CPU up") && !message.contains("gave its CPU up 0 times")
    };
    assert_caught_by(switched, ticker);
}

#[test]
fn a_ticker_that_polls_is_caught_by_its_polls() {
    let polled = |message: &str| message.contains("the future was polled ");
    assert_caught_by(polled, || {
        let mut pending = pending::<()>();
        let assertion = pin!(assert_idle(SPAN, &mut pending));
        poll_in_a_loop(assertion, || thread::sleep(Duration::from_millis(1)));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_spinner_is_caught_in_the_shortest_span() {
    // Too short for the kernel to count CPU time, and for any switch.
    let span = Duration::from_nanos(1);
    let message = panic_of(|| block_on(assert_idle(span, &mut wakes_itself())));
    assert_says(&message, "did not sleep: ");
}

#[test]
fn a_future_that_is_ready_at_once_was_not_pending() {
    let message = panic_of(|| block_on(assert_idle(SPAN, &mut std::future::ready(1))));
    assert_says(&message, "the future was not pending for 100ms: ready at its first poll");
}

#[test]
fn a_future_that_is_ready_before_the_span_is_over_was_not_pending() {
    let (tell, mut told) = oneshot::channel();
    let other = thread::spawn(move || tell.send(()).expect("somebody listens"));
    let mut told = poll_fn(|cx| match Pin::new(&mut told).poll(cx) {
        // Not ready at its first poll, whoever is faster.
        Poll::Ready(_) if other.is_finished() => Poll::Ready(()),
        _ => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    });
    let message = panic_of(|| block_on(assert_idle(FOR_EVER, &mut told)));
    assert_says(&message, "the future was not pending for 3600s: ready ");
}

#[test]
fn dropped_it_wakes_nobody_and_its_watcher_ends() {
    let (count, waker) = Wakes::new();
    let mut future = pending::<()>();
    let mut assertion = assert_idle(FOR_EVER, &mut future);
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut assertion).poll(&mut cx).is_pending());
    drop(assertion);
    let (ended, end) = mpsc::channel();
    let last = waker.clone();
    drop(waker);
    thread::spawn(move || {
        // The watcher's clone of the waker goes with the watcher: only ours are left.
        while Arc::strong_count(&count) > 2 {
            thread::yield_now();
        }
        ended.send(count.count()).expect("somebody listens");
    });
    let woken = end.recv_timeout(Duration::from_secs(60)).expect("the watcher ends");
    assert_eq!(woken, 0);
    drop(last);
}

#[test]
fn it_may_travel_with_its_task() {
    fn is_send(assertion: impl Send) {
        drop(assertion);
    }
    is_send(assert_idle(SPAN, &mut pending::<()>()));
}

/// What it did since its first poll nobody can tell any more; and it is not the one that polls now.
#[test]
fn a_thread_that_ended_did_not_sleep() {
    let mut future = pending::<()>();
    let mut assertion = assert_idle(SPAN, &mut future);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut assertion).poll(&mut cx).is_pending());
        });
    });
    let message = panic_of(|| block_on(assertion));
    assert_says(&message, "the one that polled the future has ended");
}
