//! # 13 Spinning `block_on`: somebody has to poll it, but for ever?
//!
//! Problem: a future does nothing by itself, and a program has to wait for its end somewhere.
//! Idea: a function that takes a future, and polls it until it is ready. It is called `block_on`,
//! as its caller's thread is blocked until then.
//! Leaves out: when to poll. So it polls again at once, as step 5 asked its sockets.
//! Try: `cargo run --example 13_spinning_block_on`
//!
//! You should see, with figures of your own:
//!
//!     polled 552,600 times, 552,597 in vain
//!     CPU time: 304.2 ms of 304.3 ms
//!
//! In the step before, events decided when to poll. Here nobody tells `block_on` about them, and
//! its client's silence is paid with a core. Many a first runtime was written like this, and works:
//! only the CPU meter tells, and `cargo run -- audit --pid N` would say 'spinning'. (`Echo` has
//! moved to `support/echo.rs`, and calls a closure where a call says 'not yet': here it does
//! nothing.)
//!
//! `diff examples/12_future.rs examples/13_spinning_block_on.rs`: 24 lines of code come, 80 go.
//!
//! Break it: put `std::thread::sleep(SILENCE / 5)` in place of `std::hint::spin_loop()`. Then it
//! asks now and then, as step 6 did.
//!
//! Read next: `Waker` in the documentation of std. Run next:
//! `cargo run --example 14_sleeping_block_on`.

mod support;

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use dormouse_study::figures::grouped;
use support::clients::{SILENCE, WORDS, clients};
use support::echo::Echo;
use support::{Stopwatch, ms};

fn main() -> io::Result<()> {
    let ([stream], clients) = clients()?;
    let stopwatch = Stopwatch::start();
    let tally = block_on(Echo::new(stream, |_, _| {}))?;
    let (time, cpu) = (stopwatch.time(), stopwatch.cpu());
    clients.join().expect("the clients do not panic")?;

    let [polled, in_vain] = [tally.asked, tally.vain].map(|times| grouped(times as u64));
    println!("polled {polled} times, {in_vain} in vain");
    println!("CPU time: {} of {}", ms(cpu), ms(time));
    let moved = tally.asked - tally.vain;
    assert!(moved <= WORDS.len() + 1, "a poll for each word, and for the end");
    assert!(tally.vain > 1000, "it polls again and again, also in {SILENCE:?} of silence");
    support::next(include_str!("13_spinning_block_on.rs"));
    Ok(())
}

/// Polls a future to its end, on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        std::hint::spin_loop();
    }
}
