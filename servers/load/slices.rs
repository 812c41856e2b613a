//! # Slices: one load, in equal parts
//!
//! Problem: one figure of one load does not say how far the next load's would be from it.
//! Idea: cut the measured window into a few equal parts, and keep what came in each apart: how far
//! they are from each other is what a run knows of its own noise.
//! Leaves out: what is the same all through a load and differs in the next one.
//! Read before: `load/ledger.rs`. Read next: `load/tally.rs`.
//! Try: `cargo run -- load --addr 127.0.0.1:12345 --json`

use std::cell::RefCell;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Into how many parts the measured window is cut.
pub const SLICES: u32 = 5;

/// The slices of a load so far; the last one is still open.
#[derive(Default)]
pub struct Slices(RefCell<Vec<Slice>>);

/// One of them.
pub struct Slice {
    begin: Instant,
    end: Option<Instant>,
    /// Answers in it.
    pub messages: u64,
    /// Latency of those answers, in nanoseconds; after the last slice's end, of those that still
    /// came.
    pub latency: Histogram<u64>,
}

impl Slice {
    /// How long it was.
    pub fn time(&self) -> Duration {
        self.end.map_or(Duration::ZERO, |end| end.saturating_duration_since(self.begin))
    }
}

impl Slices {
    /// Ends the open slice, and begins the next.
    pub fn cut(&self, now: Instant) {
        self.end(now);
        let next = Slice { begin: now, end: None, messages: 0, latency: histogram() };
        self.0.borrow_mut().push(next);
    }

    /// Ends the open slice: no message counts any more, but answers that are under way may come.
    pub fn end(&self, now: Instant) {
        if let Some(last) = self.0.borrow_mut().last_mut() {
            last.end = Some(now);
        }
    }

    /// An answer came, in the measured window.
    pub fn message(&self) {
        if let Some(last) = self.0.borrow_mut().last_mut() {
            last.messages += 1;
        }
    }

    /// Something took so long.
    pub fn latency(&self, time: Duration) {
        if let Some(last) = self.0.borrow_mut().last_mut() {
            record(&mut last.latency, time);
        }
    }

    /// Answers of all slices.
    pub fn messages(&self) -> u64 {
        self.0.borrow().iter().map(|slice| slice.messages).sum()
    }

    /// The latencies of all slices.
    pub fn whole(&self) -> Histogram<u64> {
        self.0.borrow().iter().fold(histogram(), |mut whole, slice| {
            whole += &slice.latency;
            whole
        })
    }

    /// Looks at each.
    pub fn each<T>(&self, look: impl FnMut(&Slice) -> T) -> Vec<T> {
        self.0.borrow().iter().map(look).collect()
    }
}

/// Adds a time to a histogram.
pub(crate) fn record(histogram: &mut Histogram<u64>, time: Duration) {
    histogram.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
}

/// From a nanosecond to a minute, with three digits that count.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("these bounds are in order")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slice_keeps_its_own_and_all_together_are_the_load() {
        let (slices, begin) = (Slices::default(), Instant::now());
        slices.message();
        for part in 0..3 {
            slices.cut(begin + Duration::from_secs(part));
            (0..=part).for_each(|_| slices.message());
            slices.latency(Duration::from_micros(10 * (part + 1)));
        }
        slices.end(begin + Duration::from_secs(4));
        assert_eq!(slices.each(|slice| slice.messages), [1, 2, 3]);
        assert_eq!(slices.messages(), 6, "nothing before the first counts");
        assert_eq!(slices.each(|slice| slice.time().as_secs()), [1, 1, 2]);
        assert!(slices.each(|slice| slice.latency.max()).is_sorted());
        assert_eq!(slices.whole().len(), 3);
    }
}
