//! `assert_process_idle`, in a process of its own: one test, as others would run beside it.
#![cfg(target_os = "linux")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

use asleep::assert_process_idle;
use futures_channel::oneshot;
use futures_lite::future::{block_on, pending};

const SPAN: Duration = Duration::from_millis(100);

#[test]
fn every_thread_of_the_process_is_seen() {
    assert_eq!(finding_beside(|stop| until_told(&stop)), None, "all sleep");
    threads_that_sleep_are_idle_and_then_answer();

    let spinner = finding_beside(|stop| while stop.try_recv() == Err(TryRecvError::Empty) {});
    assert_says(spinner.as_deref(), "'other' did not sleep: ");

    let ticker = finding_beside(|stop| {
        while stop.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {}
    });
    assert_says(ticker.as_deref(), "'other' did not sleep: ");

    // Threads that come and go, each for so short a time that hardly one is seen twice.
    let brief = finding_beside(|stop| {
        while stop.try_recv() == Err(TryRecvError::Empty) {
            thread::spawn(|| {}).join().expect("no panic");
        }
    });
    assert_says(brief.as_deref(), "'other' did not sleep: ");

    assert_eq!(finding_beside(|stop| until_told(&stop)), None, "all sleep again");
}

fn threads_that_sleep_are_idle_and_then_answer() {
    let (tell, mut told) = oneshot::channel();
    let (go, went) = mpsc::channel();
    let other = thread::spawn(move || {
        went.recv().expect("it is told");
        tell.send(42).expect("somebody listens");
    });
    block_on(async {
        assert_process_idle(SPAN, &mut told).await;
        go.send(()).expect("it listens");
        assert_eq!(told.await, Ok(42));
    });
    other.join().expect("no panic");
}

fn until_told(stop: &Receiver<()>) {
    stop.recv().expect_err("only the end comes");
}

/// What the assertion finds while another thread does `work`, which ends when it is told to.
fn finding_beside(work: impl FnOnce(Receiver<()>) + Send + 'static) -> Option<String> {
    let (stop, stopped) = mpsc::channel();
    let builder = thread::Builder::new().name("other".into());
    let other = builder.spawn(move || work(stopped)).expect("a thread");
    let found = finding();
    drop(stop);
    other.join().expect("no panic");
    found
}

fn finding() -> Option<String> {
    let idle = || block_on(assert_process_idle(SPAN, &mut pending::<()>()));
    let panic = catch_unwind(AssertUnwindSafe(idle)).err()?;
    Some(*panic.downcast::<String>().expect("a panic with a message"))
}

#[track_caller]
fn assert_says(found: Option<&str>, evidence: &str) {
    let message = found.expect("it is caught");
    println!("{message}");
    assert!(message.contains(evidence), "not '{evidence}' but: {message}");
}
