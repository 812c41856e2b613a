//! # Deadline: how long to wait for it
//!
//! Problem: a loop sleeps until a deadline, in a call of the kernel that counts milliseconds.
//! Happened: `smol-rs/smol#109`: a timer of 900 µs kept a core busy. `redis/redis#8764`: the last
//! millisecond before each timer went by in calls that did not wait.
//! Number: how often the kernel is asked to wait in ten sleeps of 900 µs. Ten times would do.
//! Try: `cargo test -p dormouse-exercises --test exercises deadline`
//! Hint: 100 µs are left. What is the kernel asked for, and what does the loop do when it is back?

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::{Events, Poll};

/// Sleeps, in the call that also waits for sockets.
pub struct Sleeper {
    poll: Poll,
    events: Events,
    waits: u64,
}

impl Sleeper {
    /// Has not slept yet.
    pub fn new() -> io::Result<Self> {
        Ok(Sleeper { poll: Poll::new()?, events: Events::with_capacity(8), waits: 0 })
    }

    /// How often the kernel was asked to wait.
    pub fn waits(&self) -> u64 {
        self.waits
    }

    /// Returns when `length` has passed, and not before.
    pub fn sleep(&mut self, length: Duration) -> io::Result<()> {
        let deadline = Instant::now() + length;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.waits += 1;
            let timeout = Duration::from_millis(timeout_ms(left));
            match self.poll.poll(&mut self.events, Some(timeout)) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                waited => waited?,
            }
        }
    }
}

/// The time that is `left`, as `epoll_wait(2)` wants it.
pub fn timeout_ms(left: Duration) -> u64 {
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}
