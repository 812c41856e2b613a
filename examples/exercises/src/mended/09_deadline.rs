//! # Deadline, mended: rounded up
//!
//! Fault: what was left was rounded down. The last part of a millisecond became a wait of zero,
//! which is a question without a wait, again and again until the deadline had come.
//! Mend: round up. A sleep is late by less than a millisecond, and costs one wait. What is exact
//! stays as it is, and zero stays zero: one millisecond more for each would be a fault of its own
//! (`Smithay/calloop#142`).
//! In dormouse: `Runtime::park` in `runtime/src/runtime.rs` hands the time left over as it is, and
//! mio rounds it up; `timeval` in `servers/models/select.rs` rounds up to microseconds, its unit.

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

/// The time that is `left`, as `epoll_wait(2)` wants it: rounded up.
pub fn timeout_ms(left: Duration) -> u64 {
    u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
