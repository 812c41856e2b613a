//! # 18 Timers: deadlines, and what a drop cancels
//!
//! Problem: what a task waits for may never come, and a thread can park for one thing at a time.
//! Idea: a *timer* is a *deadline* and a waker. The thread parks no longer than to the nearest one;
//! who is *dropped* has left the list, and wakes nobody. So a timeout is two futures in one: which
//! ends first ends both, as the other is dropped. To cancel is to drop.
//! Leaves out: fractions of a millisecond, in which `epoll_wait(2)` does not count.
//! Try: `cargo run --example 18_timers`
//!
//! You should see, with figures of your own:
//!
//!     a sleep: armed 1, fired 1, cancelled 0; parked 1 times
//!     a read too late: armed 1, fired 1, cancelled 0; parked 2 times
//!     a read in time: armed 1, fired 0, cancelled 1; parked 1 times
//!     1000 sleeps: armed 1000, fired 1000, cancelled 0; parked 1 times
//!     one dropped, one not: armed 2, fired 1, cancelled 1; parked 1 times
//!
//! The step before parked until an event came; here a deadline ends the park, too. None ends early.
//! A future does nothing before its first poll: that *arms* a sleep, and when its time has come, it
//! *fires*. The read that came too late was dropped where it waited, and has lost nothing: its
//! bytes are still in the kernel, where the next read finds them. (The first park with a socket
//! ends at once: 'writable', step 15.)
//!
//! Break it: put `std::mem::forget(patience)` in place of `drop(patience)`. A timer that nobody
//! cancels fires, and wakes the thread for nothing.
//!
//! Read next: `runtime/src/timer.rs`. Run next: `cargo run --example 19_regular_file`.

mod support;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use dormouse::net::TcpStream;
use dormouse::time::{sleep, sleep_until, timeout};
use dormouse::{Runtime, spawn};
use futures_lite::{AsyncReadExt, future};

const SOON: Duration = Duration::from_millis(100);

fn main() -> io::Result<()> {
    let runtime = Runtime::new()?;
    let began = Instant::now();
    shows(&runtime, "a sleep", [1, 1, 0, 1], sleep(SOON));
    assert!(began.elapsed() >= SOON, "no sleep ends early");

    let (mut client, stream) = support::clients::connect()?;
    let mut stream = runtime.block_on(async { TcpStream::from_std(stream.into()) })?;
    let mut buffer = [0; 16];
    let read = timeout(SOON, stream.read(&mut buffer));
    let late = shows(&runtime, "a read too late", [1, 1, 0, 2], read);
    assert!(late.is_err(), "nobody has said anything");
    client.write_all(b"hello")?;
    let read = timeout(Duration::from_secs(3600), stream.read(&mut buffer));
    let n = shows(&runtime, "a read in time", [1, 0, 1, 1], read).expect("within an hour")?;
    assert_eq!(&buffer[..n], b"hello", "the read that was dropped has taken nothing along");

    shows(&runtime, "1000 sleeps", [1000, 1000, 0, 1], async {
        let deadline = Instant::now() + 3 * SOON;
        let sleeps: Vec<_> = (0..1000).map(|_| spawn(sleep_until(deadline))).collect();
        for sleep in sleeps {
            sleep.await.expect("a sleep does not panic");
        }
    });
    shows(&runtime, "one dropped, one not", [2, 1, 1, 1], async {
        let mut patience = sleep(SOON);
        assert!(future::poll_once(&mut patience).await.is_none(), "its time has not come");
        drop(patience);
        sleep(2 * SOON).await;
    });
    support::next(include_str!("18_timers.rs"));
    Ok(())
}

/// Runs `future`, and compares what became of timers, and how often the thread parked at most.
fn shows<T>(runtime: &Runtime, what: &str, claim: [u64; 4], future: impl Future<Output = T>) -> T {
    let before = runtime.metrics();
    let output = runtime.block_on(future);
    let did = runtime.metrics().since(before);
    let (armed, fired, cancelled) = (did.timers_armed, did.timers_fired, did.timers_cancelled);
    print!("{what}: armed {armed}, fired {fired}, cancelled {cancelled}; ");
    println!("parked {} times", did.parks);
    let [timers @ .., parks] = claim;
    assert_eq!([armed, fired, cancelled], timers, "{what}: armed, fired, cancelled");
    // A thread that is kept from running until after the deadline need not park for it.
    assert!(did.parks <= parks, "{what}: parked {} times, not {parks}", did.parks);
    output
}
