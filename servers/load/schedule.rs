//! # Schedule: when each message is due, whatever the server does
//!
//! Problem: a client that waits for the answer before it sends again asks a slow server less
//! often, and so measures its good moments more than its bad ones (coordinated omission).
//! Idea: the moments are fixed before the first message is sent, and latency counts from them.
//! Leaves out: chance: the distance between two messages is always the same.
//! Read before: `load/lane.rs`. Read next: `load/ticker.rs`.
//! Try: `cargo test schedule`

use std::time::{Duration, Instant};

/// Equal steps from a begin.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    begin: Instant,
    step: Duration,
}

impl Schedule {
    /// `rate` messages per second, the first at `begin`.
    ///
    /// A step is whole nanoseconds, rounded up, as the kernel's timers count.
    pub fn new(begin: Instant, rate: u32) -> Schedule {
        let step = 1_000_000_000_u64.div_ceil(u64::from(rate.max(1)));
        Schedule { begin, step: Duration::from_nanos(step) }
    }

    /// The time from one message to the next.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// How many messages are due by `now`.
    pub fn due_by(&self, now: Instant) -> u64 {
        let Some(passed) = now.checked_duration_since(self.begin) else { return 0 };
        u64::try_from(passed.as_nanos() / self.step.as_nanos() + 1).unwrap_or(u64::MAX)
    }

    /// When message `number` is due; the first has number 0.
    pub fn at(&self, number: u64) -> Instant {
        // At most a second: whole nanoseconds of it fit.
        let step = u64::from(self.step.subsec_nanos()) + 1_000_000_000 * self.step.as_secs();
        self.begin + Duration::from_nanos(number.saturating_mul(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_as_many_messages_as_the_rate_says() {
        let begin = Instant::now();
        for rate in [1, 2, 1000, 8000] {
            let schedule = Schedule::new(begin, rate);
            let last = begin + Duration::from_nanos(999_999_999);
            assert_eq!((schedule.due_by(begin), schedule.due_by(last)), (1, u64::from(rate)));
        }
    }

    #[test]
    fn a_message_is_due_from_its_moment_on() {
        let begin = Instant::now();
        let schedule = Schedule::new(begin, 3000);
        for number in [0, 1, 2, 2999] {
            let before = schedule.at(number).checked_sub(Duration::from_nanos(1)).unwrap();
            assert_eq!(schedule.due_by(schedule.at(number)), number + 1);
            assert_eq!(schedule.due_by(before), number);
        }
    }

    #[test]
    fn a_late_look_finds_all_that_became_due_meanwhile() {
        let begin = Instant::now();
        let schedule = Schedule::new(begin, 1000);
        assert_eq!(schedule.due_by(begin + Duration::from_micros(57_900)), 58);
        assert_eq!(schedule.at(57), begin + Duration::from_millis(57));
    }

    #[test]
    fn before_the_begin_nothing_is_due() {
        let begin = Instant::now();
        let schedule = Schedule::new(begin + Duration::from_secs(1), 1000);
        assert_eq!(schedule.due_by(begin), 0);
    }
}
