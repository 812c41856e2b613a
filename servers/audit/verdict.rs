//! # Verdict: asleep, periodic, busy or spinning
//!
//! Problem: 'it uses some CPU' says little. A thread that computes, one that a timer wakes and one
//! that asks in vain all look alike in a list of processes.
//! Idea: nothing at all in the whole span is sleep; about the same number of wakes in nearly every
//! part of it is a rhythm; all else ran. Only calls that came back with nothing, without having
//! waited for it, show that a thread spins.
//! Leaves out: why a thread woke; loops that ask nobody: they look like work; and a spin that threads
//! hand to each other, as the workers of a runtime can: each wakes the other, and no call is vain.
//! Read before: `audit/tree.rs`. Read next: `audit/watch.rs`.
//! Try: `cargo test verdict`

use std::time::Duration;

use asleep::Account;
use serde::Serialize;

use crate::figures::float;

/// What one thread did, from one look to the next.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// How long it was.
    pub time: Duration,
    /// What was done in it.
    pub account: Account,
}

/// What a thread was found to do, the quietest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No CPU time and no context switch in the whole span.
    Asleep,
    /// Woke at a steady rate, and did little.
    Periodic,
    /// Ran.
    Busy,
    /// Ran, and there is evidence that it asked in vain.
    Spinning,
}

/// System calls of a thread, and how many of them were vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// All of them.
    pub all: u64,
    /// Those that came back with 'not yet', or waits that came back with nothing.
    pub vain: u64,
    /// What the thread did in that time, or in a longer one.
    pub during: Account,
    /// Who counted.
    pub source: Source,
}

/// Who counted system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The program itself, over its life: the line of `dormouse serve --stats`.
    Counters,
    /// The kernel, while the thread was watched: `perf stat`.
    Perf,
}

/// More CPU time than this part of the span is more than little.
const LITTLE: f64 = 0.2;

/// Says what a thread did. One that ended ran at least for that.
pub fn judge(slices: &[Slice], ended: bool, calls: Option<&Calls>) -> Verdict {
    if !ended && slices.iter().all(|slice| slice.account.is_idle()) {
        Verdict::Asleep
    } else if cpu_share(slices) < LITTLE && is_steady(slices) {
        Verdict::Periodic
    } else if calls.is_some_and(Calls::show_spinning) {
        Verdict::Spinning
    } else {
        Verdict::Busy
    }
}

/// Whether so few switches, and so little CPU time, may be a rhythm that is slower than the watch.
pub fn is_rare(switches: u64, cpu_percent: f64) -> bool {
    switches < 16 && cpu_percent < 100.0 * LITTLE
}

/// CPU time as a part of the span: 1 is one core.
pub fn cpu_share(slices: &[Slice]) -> f64 {
    let cpu: Duration = slices.iter().map(|slice| slice.account.cpu).sum();
    let span: Duration = slices.iter().map(|slice| slice.time).sum();
    if span.is_zero() { 0.0 } else { cpu.div_duration_f64(span) }
}

/// Whether there were about as many wakes in nearly every part of the span.
fn is_steady(slices: &[Slice]) -> bool {
    // With fewer in a part, one wake that falls into the next changes too much.
    const WAKES: u64 = 4;

    let wakes = wakes(slices);
    // Parts of 1, 2, 4 or 5 slices, as 20 divide so: the finest that has enough wakes in each. So with
    // fewer than 16 in all there is no rhythm to be seen.
    let parts = [1, 2, 4, 5].map(|size| slices.chunks_exact(size));
    let fine = |parts: &&std::slice::ChunksExact<Slice>| wakes >= WAKES * parts.len() as u64;
    let Some(parts) = parts.iter().find(fine).filter(|parts| parts.len() >= 4) else {
        return false;
    };
    // Looks come late on a busy machine: so rates are compared, not numbers.
    let mut rates: Vec<f64> = parts.clone().map(rate).collect();
    rates.sort_by(f64::total_cmp);
    let usual = rates[rates.len() / 2];
    let near = rates.iter().filter(|rate| (0.5..=2.0).contains(&(**rate / usual))).count();
    near * 5 >= rates.len() * 4
}

fn wakes(slices: &[Slice]) -> u64 {
    slices.iter().map(|slice| slice.account.voluntary).sum()
}

fn rate(slices: &[Slice]) -> f64 {
    let time: Duration = slices.iter().map(|slice| slice.time).sum();
    float(wakes(slices)) / time.as_secs_f64()
}

impl Calls {
    /// Whether most calls were vain and came back at once, and were many for the CPU time.
    fn show_spinning(&self) -> bool {
        const MANY_PER_SECOND: f64 = 1000.0;

        // IDEA: a wait that ends with nothing at its deadline has slept, and so has switched. What
        // came back with nothing and without a switch is asking again and again.
        let at_once = self.vain.saturating_sub(self.during.voluntary);
        let many = float(at_once) > MANY_PER_SECOND * self.during.cpu.as_secs_f64();
        at_once > self.all / 2 && many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty slices of 100 ms, with so many wakes and so much CPU time each.
    fn slices(wakes: impl Fn(usize) -> u64, cpu_us: u64) -> Vec<Slice> {
        let account = |n| Account {
            cpu: Duration::from_micros(cpu_us),
            voluntary: wakes(n),
            ..Account::default()
        };
        (0..20).map(|n| Slice { time: Duration::from_millis(100), account: account(n) }).collect()
    }

    #[test]
    fn what_a_thread_did_decides() {
        use Verdict::{Asleep, Busy, Periodic};

        type Wakes = fn(usize) -> u64;
        let table: [(&str, Wakes, u64, Verdict); 13] = [
            ("nothing at all", |_| 0, 0, Asleep),
            ("one wake in all", |n| u64::from(n == 7), 0, Busy),
            ("time without a switch", |_| 0, 1, Busy),
            ("a core", |_| 0, 100_000, Busy),
            ("2000 a second", |_| 200, 3000, Periodic),
            ("2000 a second, and much to do", |_| 200, 20_000, Busy),
            ("10 a second", |_| 1, 10, Periodic),
            ("10 a second, early and late", |n| [0, 2, 1, 1, 1, 0, 2][n % 7], 10, Periodic),
            ("5 a second: too few to tell", |n| u64::from(n % 2 == 0), 10, Busy),
            ("a rhythm with a pause", |n| if n == 3 || n == 9 { 0 } else { 50 }, 500, Periodic),
            ("half of the time", |n| if n < 10 { 50 } else { 0 }, 500, Busy),
            ("a burst", |n| if n == 4 { 1000 } else { 0 }, 500, Busy),
            ("ever faster", |n| 1 << (n / 2), 500, Busy),
        ];
        for (what, wakes, cpu_us, verdict) in table {
            assert_eq!(judge(&slices(wakes, cpu_us), false, None), verdict, "{what}");
        }
    }

    #[test]
    fn a_look_that_comes_late_breaks_no_rhythm() {
        let mut slices = slices(|_| 100, 1000);
        for late in slices.iter_mut().step_by(2) {
            late.time *= 5;
            late.account.voluntary *= 5;
        }
        assert_eq!(judge(&slices, false, None), Verdict::Periodic);
    }

    #[test]
    fn a_thread_that_ended_was_not_asleep() {
        assert_eq!(judge(&slices(|_| 0, 0), true, None), Verdict::Busy);
        assert_eq!(judge(&[], true, None), Verdict::Busy);
    }

    #[test]
    fn only_many_vain_calls_that_did_not_wait_show_spinning() {
        use Verdict::{Busy, Spinning};

        // Calls, vain ones, and voluntary switches, in 2 s of CPU time.
        let table = [
            ("never waits", 1_204_331, 1_204_327, 0, Spinning),
            ("a busy server that reads to the end", 400_000, 100_000, 0, Busy),
            ("a timer that fires between much work", 20_000, 20_000, 20_000, Busy),
            ("in vain now and then", 1500, 1500, 0, Busy),
            ("asks all sockets, and sleeps", 100_000, 99_000, 1000, Spinning),
            ("calls nobody", 0, 0, 0, Busy),
        ];
        let ran = slices(|_| 0, 100_000);
        for (what, all, vain, voluntary, verdict) in table {
            let during = Account { cpu: Duration::from_secs(2), voluntary, ..Account::default() };
            let calls = Calls { all, vain, during, source: Source::Perf };
            assert_eq!(judge(&ran, false, Some(&calls)), verdict, "{what}");
        }
        let during = Account::default();
        let vain = Calls { all: 9000, vain: 9000, during, source: Source::Counters };
        let periodic = judge(&slices(|_| 100, 1000), false, Some(&vain));
        assert_eq!(periodic, Verdict::Periodic, "asks in vain, but sleeps between");
    }
}
