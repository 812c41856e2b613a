//! Where a panic is reported: at the caller's `.await`, with the place of the call in its message.
//! One test, as the panic hook is one for the process.

#[cfg(target_os = "linux")]
use std::future::pending;
use std::future::ready;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use asleep::{assert_idle, assert_polls, assert_process_idle};
use futures_lite::future::{block_on, yield_now};

#[test]
fn a_panic_is_the_callers() {
    let (tell, told) = mpsc::channel();
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|place| (place.file().to_string(), place.line()));
        let message = panic.payload().downcast_ref::<String>().cloned();
        tell.send((place, message)).expect("somebody listens");
    }));
    let span = Duration::from_millis(1);
    let mut seen = Vec::new();
    let mut caught = |line: u32, assertion: &dyn Fn()| {
        catch_unwind(AssertUnwindSafe(assertion)).expect_err("it panics");
        seen.push((line, told.recv().expect("the hook tells")));
    };
    caught(line!(), &|| block_on(async { assert_idle(span, &mut ready(())).await }));
    caught(line!(), &|| block_on(async { assert_process_idle(span, &mut ready(())).await }));
    caught(line!(), &|| block_on(async { assert_polls(2, ready(())).await }));
    caught(line!(), &|| block_on(async { assert_polls(1, yield_now()).await }));
    #[cfg(target_os = "linux")]
    caught(line!(), &|| poll_for_ever(async { assert_idle(span, &mut pending::<()>()).await }));
    drop(panic::take_hook());

    for (line, (place, message)) in seen {
        assert_eq!(place, Some((file!().to_string(), line)));
        let message = message.expect("a panic with a message");
        assert!(message.starts_with(&format!("{}:{line}:", file!())), "{message}");
    }
}

#[cfg(target_os = "linux")]
fn poll_for_ever(future: impl Future<Output = ()>) {
    let mut future = std::pin::pin!(future);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    while future.as_mut().poll(&mut cx).is_pending() {}
}
