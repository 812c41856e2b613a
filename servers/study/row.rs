//! # Row: what is known of one model
//!
//! Problem: a figure that could not be measured looks like a small one when it is written as 0.
//! Idea: a figure is a number, or the reason why there is none; table, sentences and JSON all
//! read it, and each has to say what it does with the second.
//! Leaves out: how figures look: `table.rs`.
//! Read before: `study/noise.rs`. Read next: `study/course.rs`.
//! Try: `cargo run --release -- study --duration 1s --json figures.json`

use std::io;

use serde::Serialize;

use super::noise::{Measurement, Noise};
use super::phase::{Measured, Phase};
use super::sample::Source;
use crate::figures::float;
use crate::load::report::{Report, Spread};
use crate::stats::Stats;

/// A number, or why there is none. In JSON `12.5`, or `{"missing": "why"}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figure {
    /// It was measured.
    Is(f64),
    /// It was not.
    Missing {
        /// Why.
        missing: String,
    },
}

impl Figure {
    /// None, for this reason.
    pub fn missing(why: impl Into<String>) -> Figure {
        Figure::Missing { missing: why.into() }
    }

    fn of(number: Option<f64>, why: &str) -> Figure {
        number.map_or_else(|| Figure::missing(why), Figure::Is)
    }

    /// The number, for those who have something to say only if there is one.
    pub fn get(&self) -> Option<f64> {
        match self {
            Figure::Is(number) => Some(*number),
            Figure::Missing { .. } => None,
        }
    }
}

/// A model's row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The name of the model.
    pub model: &'static str,
    /// Why it could not be measured; `null` where it was.
    pub unavailable: Option<String>,
    /// What was measured; its keys stand beside the two above, and are not there without it.
    #[serde(flatten)]
    pub phases: Option<Phases>,
}

/// The phases of one model, each with a server process of its own.
#[derive(Clone, Debug, Serialize)]
pub struct Phases {
    /// Every client sends as soon as it was answered.
    pub full: Findings,
    /// A fixed number of messages per second.
    pub rate: Findings,
    /// Ten times as many.
    pub fast: Findings,
    /// Every client is silent, after one message each.
    pub idle: Findings,
    /// `full` again, with few clients and with many.
    pub growth: Vec<Point>,
    /// `rate` again, with each `--every`; empty for models that have no such option.
    pub every: Vec<Point>,
}

/// A phase beside the main ones.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// How many clients there were.
    pub connections: usize,
    /// With which `--every`; `null` for none.
    pub every: Option<&'static str>,
    /// Why it could not be measured; `null` where it was.
    pub unavailable: Option<String>,
    /// What was measured; its keys stand beside those above, and are not there without it.
    #[serde(flatten)]
    pub findings: Option<Findings>,
}

impl Point {
    /// What came of a phase.
    pub fn new(phase: &Phase, result: io::Result<Findings>) -> Point {
        let Phase { connections, every, .. } = *phase;
        let (findings, unavailable) = match result {
            Ok(findings) => (Some(findings), None),
            Err(why) => (None, Some(why.to_string())),
        };
        Point { connections, every, unavailable, findings }
    }
}

/// The figures of one phase.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// What the clients saw: the keys of `dormouse load --json`.
    pub load: Report,
    /// CPU time of the server in percent of the measured time; 100 is one core.
    pub cpu_percent: Figure,
    /// Where the CPU time comes from: `process_clock` counts nanoseconds, `ticks` usually 10 ms.
    pub cpu_source: Option<Source>,
    /// CPU time of the server per answered message, in microseconds.
    pub cpu_us_per_message: Figure,
    /// Context switches of all its threads, voluntary or not.
    pub switches_per_second: Figure,
    /// System calls per message, over the life of the server.
    pub calls_per_message: Figure,
    /// Those of them that came back with 'not yet' or with nothing.
    pub vain_per_message: Figure,
    /// Bytes of the server's memory that came with the clients, per client; without the kernel's.
    pub memory_per_connection: Figure,
    /// What the server counted over its life: the keys of `dormouse serve --stats`.
    pub stats: Option<Stats>,
    /// How far the slices of the measured time are from each other, and from other processes.
    pub noise: Noise,
}

const NO_ACCOUNT: &str = "this system does not account for it";
const NO_STATS: &str = "this server can't be asked for its statistics here";

impl Findings {
    /// Makes figures of what was measured.
    pub fn new(measured: Measured) -> Findings {
        let noise = Noise::of(&measured);
        let Measured { load, usage, memory, stats, slices: _ } = measured;
        let seconds = usage.time.as_secs_f64();
        let cpu = usage.cpu.map(|(time, _)| time.as_secs_f64());
        // The server's own count of messages: like its calls, from its start to its end.
        let size = float(load.size as u64);
        let per_message = |count: fn(&Stats) -> u64| match stats {
            None => Figure::missing(NO_STATS),
            Some(stats) => {
                ratio(float(count(&stats)), float(stats.bytes_in) / size, "no message came")
            }
        };
        Findings {
            cpu_percent: Figure::of(cpu.map(|cpu| 100.0 * cpu / seconds), NO_ACCOUNT),
            cpu_source: usage.cpu.map(|(_, source)| source),
            cpu_us_per_message: match cpu {
                Some(cpu) => ratio(1e6 * cpu, float(load.messages), "no message was answered"),
                None => Figure::missing(NO_ACCOUNT),
            },
            switches_per_second: Figure::of(
                usage.switches.map(|switches| float(switches) / seconds),
                NO_ACCOUNT,
            ),
            calls_per_message: per_message(Stats::calls),
            vain_per_message: per_message(Stats::vain),
            memory_per_connection: memory_per_connection(memory, &load),
            load,
            stats,
            noise,
        }
    }

    /// Answers per second.
    pub fn messages_per_second(&self) -> Figure {
        let answered = (self.load.messages > 0).then_some(self.load.messages_per_second);
        Figure::of(answered, "no message was answered")
    }

    /// The latency of so many: `|spread| spread.p50`.
    pub fn latency(&self, of: fn(&Spread) -> f64) -> Figure {
        Figure::of(self.load.latency_us.as_ref().map(of), "no message was answered")
    }

    /// Takes the same load on another server process for one more measurement.
    pub fn again(&mut self, other: &Findings) {
        self.noise.push(Measurement {
            messages_per_second: other.messages_per_second().get(),
            cpu_us_per_message: other.cpu_us_per_message.get(),
            cpu_percent: other.cpu_percent.get(),
            p50_us: other.latency(|times| times.p50).get(),
            p90_us: other.latency(|times| times.p90).get(),
            p99_us: other.latency(|times| times.p99).get(),
        });
    }

    /// Whether every client was served, and stayed so.
    pub fn all_served(&self) -> bool {
        self.load.served == self.load.connections && self.load.lost + self.load.corrupt == 0
    }
}

fn ratio(count: f64, of: f64, nothing: &str) -> Figure {
    if of > 0.0 { Figure::Is(count / of) } else { Figure::missing(nothing) }
}

fn memory_per_connection(memory: Option<(u64, u64)>, load: &Report) -> Figure {
    /// With fewer, pages that are touched for the first time outweigh the clients.
    const ENOUGH: usize = 100;

    let Report { served, connections, .. } = load;
    match memory {
        _ if *connections < ENOUGH => Figure::missing("too few clients to tell"),
        _ if served < connections => {
            Figure::missing(format!("{served} of {connections} clients served"))
        }
        Some((before, after)) => {
            Figure::Is((float(after) - float(before)) / float(*connections as u64))
        }
        None => Figure::missing(NO_ACCOUNT),
    }
}

#[cfg(test)]
mod tests;
