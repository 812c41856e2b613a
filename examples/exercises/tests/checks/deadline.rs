//! A sleep costs one wait, however short it is.

use std::time::{Duration, Instant};

use super::support::within_limit;
use crate::form::deadline::{Sleeper, timeout_ms};

const SLEEPS: u64 = 10;
const SHORT: Duration = Duration::from_micros(900);

#[test]
fn a_short_sleep_is_one_wait() {
    let waits = within_limit(|| {
        let mut sleeper = Sleeper::new().unwrap();
        for _ in 0..SLEEPS {
            let began = Instant::now();
            sleeper.sleep(SHORT).unwrap();
            assert!(began.elapsed() >= SHORT, "it returned before the deadline");
        }
        sleeper.waits()
    });
    assert!(
        waits == SLEEPS,
        "asked the kernel to wait {waits} times in {SLEEPS} sleeps, and {SLEEPS} would do"
    );
    for (left, ms) in [(1, 1), (400_000, 1), (1_200_000, 2), (1_900_000, 2)] {
        assert_eq!(timeout_ms(Duration::from_nanos(left)), ms, "{left} ns");
    }
}

#[test]
fn what_is_exact_stays_as_it_is() {
    for (left, ms) in [(0, 0), (1_000_000, 1), (2_000_000, 2)] {
        assert_eq!(timeout_ms(Duration::from_nanos(left)), ms, "{left} ns");
    }
}
