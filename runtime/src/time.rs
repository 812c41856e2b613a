//! Time: deadlines as futures.
//!
//! `sleep` holds the idea; `timeout` and `interval` are made of it. All are cheap to make and to
//! drop, none ends early, and a dropped one never ends a park.
//!
//! Clock: that of [`Instant`](std::time::Instant), which does not count the time in which the
//! machine was suspended.

mod interval;
mod sleep;
mod timeout;

pub use interval::{Interval, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
