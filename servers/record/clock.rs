//! # Clock: one clock for all processes of a machine
//!
//! Problem: server and clients are processes of their own, and `Instant` means nothing outside of
//! the one that took it.
//! Idea: nanoseconds of `CLOCK_MONOTONIC` (`clock_gettime(2)`), which counts from the start of the
//! machine.
//! Leaves out: systems without it.
//! Read before: `record/event.rs`. Read next: `record.rs`.
//! Try: `cargo test --lib clock`

/// The time now, in nanoseconds since the machine started.
#[cfg(unix)]
pub fn now() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    nanoseconds(clock_gettime(ClockId::Monotonic))
}

#[cfg(unix)]
fn nanoseconds(time: rustix::time::Timespec) -> u64 {
    // Neither part is negative: the clock began with the machine.
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// The time now, in nanoseconds since it was asked for first: no other process has the same.
#[cfg(not(unix))]
pub fn now() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGIN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// How many nanoseconds `CLOCK_REALTIME`, the kernel's clock for its stamps, is ahead of [`now`].
///
/// Use it at once: somebody may set that clock.
#[cfg(target_os = "linux")]
pub fn real_time_is_ahead() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    /// In one of so many tries nothing comes between the looks at the clocks.
    const TRIES: usize = 8;

    let look = |_| {
        let before = now();
        let real = nanoseconds(clock_gettime(ClockId::Realtime));
        let after = now();
        (after - before, real.saturating_sub(before.midpoint(after)))
    };
    // The real time was read somewhere between the other two: the closer they are, the better.
    (0..TRIES).map(look).min().map_or(0, |(_, ahead)| ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on() {
        let before = now();
        while now() == before {}
        assert!(now() > before);
    }
}
