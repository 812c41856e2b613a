//! # Noise: how far a figure is from itself
//!
//! Problem: a figure of one run stands there with three digits, whatever it would be in the next.
//! Idea: the same figure of each slice of its own measured time, and of other server processes,
//! which may find the machine in another state: the least, the middle and the greatest of them
//! stand beside the figure of the whole.
//! Leaves out: what the server tells only once, at its end: its calls; and memory.
//! Read before: `study/trade.rs`. Read next: `study/row.rs`.
//! Try: `cargo run --release -- study --json figures.json`

use serde::Serialize;

use super::phase::Measured;
use super::sample::Usage;
use crate::figures::float;
use crate::load::report::{Slice, Spread};

/// How far each of the main figures is spread.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Noise {
    /// Answers per second.
    pub messages_per_second: Values,
    /// CPU time of the server per answered message, in microseconds.
    pub cpu_us_per_message: Values,
    /// CPU time of the server in percent of the time; 100 is one core.
    pub cpu_percent: Values,
    /// Half of the latencies were no longer; microseconds.
    pub p50_us: Values,
    /// 90 in 100.
    pub p90_us: Values,
    /// 99 in 100.
    pub p99_us: Values,
}

/// The main figures of one slice, or of one short run.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the fields are those of `Noise`, and described there")]
pub struct Measurement {
    pub messages_per_second: Option<f64>,
    pub cpu_us_per_message: Option<f64>,
    pub cpu_percent: Option<f64>,
    pub p50_us: Option<f64>,
    pub p90_us: Option<f64>,
    pub p99_us: Option<f64>,
}

/// One figure, measured several times. In JSON its [`Range`].
#[derive(Clone, Debug, Default, Serialize)]
#[serde(into = "Option<Range>")]
pub struct Values(Vec<f64>);

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// The least.
    pub min: f64,
    /// As many are less as are greater.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Noise {
    /// Of the slices of one phase.
    pub fn of(measured: &Measured) -> Noise {
        let mut noise = Noise::default();
        for (slice, usage) in measured.load.slices.iter().zip(&measured.slices) {
            noise.push(Measurement::of(slice, usage));
        }
        noise
    }

    /// Takes one more measurement of the same load.
    pub fn push(&mut self, one: Measurement) {
        self.messages_per_second.0.extend(one.messages_per_second);
        self.cpu_us_per_message.0.extend(one.cpu_us_per_message);
        self.cpu_percent.0.extend(one.cpu_percent);
        self.p50_us.0.extend(one.p50_us);
        self.p90_us.0.extend(one.p90_us);
        self.p99_us.0.extend(one.p99_us);
    }
}

impl Measurement {
    fn of(slice: &Slice, usage: &Usage) -> Measurement {
        let cpu = usage.cpu.map(|(cpu, _)| cpu.as_secs_f64());
        let latency = |of: fn(&Spread) -> f64| slice.latency_us.as_ref().map(of);
        let messages = float(slice.messages);
        Measurement {
            messages_per_second: per(messages, slice.seconds).filter(|_| messages > 0.0),
            cpu_us_per_message: cpu.and_then(|cpu| per(1e6 * cpu, messages)),
            cpu_percent: cpu.and_then(|cpu| per(100.0 * cpu, usage.time.as_secs_f64())),
            p50_us: latency(|times| times.p50),
            p90_us: latency(|times| times.p90),
            p99_us: latency(|times| times.p99),
        }
    }
}

impl Values {
    /// From where to where; `None` where there are fewer than two: one says nothing of noise.
    pub fn range(&self) -> Option<Range> {
        let mut values = self.0.clone();
        values.sort_by(f64::total_cmp);
        let (last, half) = (values.len().checked_sub(1)?, values.len() / 2);
        let median = f64::midpoint(values[half], values[last - half]);
        (last > 0).then(|| Range { min: values[0], median, max: values[last] })
    }
}

impl From<Values> for Option<Range> {
    fn from(values: Values) -> Option<Range> {
        values.range()
    }
}

fn per(count: f64, of: f64) -> Option<f64> {
    (of > 0.0).then(|| count / of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_least_the_middle_and_the_greatest() {
        let range = |values: &[f64]| Values(values.to_vec()).range();
        assert_eq!(range(&[3.0, 1.0, 2.0]), Some(Range { min: 1.0, median: 2.0, max: 3.0 }));
        assert_eq!(range(&[4.0, 1.0, 3.0, 2.0]), Some(Range { min: 1.0, median: 2.5, max: 4.0 }));
        assert_eq!((range(&[]), range(&[1.0])), (None, None));
    }

    #[test]
    fn in_json_a_figure_has_its_range_or_null() {
        let mut noise = Noise::default();
        for cpu in [6.0, 5.0] {
            noise.push(Measurement { cpu_us_per_message: Some(cpu), ..Measurement::default() });
        }
        let json = serde_json::to_value(&noise).unwrap();
        let range = serde_json::json!({"min": 5.0, "median": 5.5, "max": 6.0});
        assert_eq!(
            (&json["cpu_us_per_message"], &json["p99_us"]),
            (&range, &serde_json::Value::Null)
        );
    }
}
