//! # Row: what is known of one model
//!
//! Problem: a figure that could not be measured looks like a small one when it is written as 0.
//! Idea: a figure is a number, or the reason why there is none; table, sentences and JSON all
//! read it, and each has to say what it does with the second.
//! Leaves out: how figures look: `table.rs`.
//! Read before: `study/phase.rs`. Read next: `study/table.rs`.
//! Try: `cargo run --release -- study --duration 1s --json figures.json`

use serde::Serialize;

use super::phase::Measured;
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
    /// Every client is silent, after one message each.
    pub idle: Findings,
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
}

const NO_ACCOUNT: &str = "this system does not account for it";
const NO_STATS: &str = "this server can't be asked for its statistics here";

impl Findings {
    /// Makes figures of what was measured.
    pub fn new(measured: Measured) -> Findings {
        let Measured { load, usage, memory, stats } = measured;
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
mod tests {
    use std::time::Duration;

    use super::super::made_up::row;
    use super::super::sample::Usage;
    use super::*;

    fn measured(change: impl FnOnce(&mut Measured)) -> Findings {
        let Some(Phases { full, .. }) = row("mio", |_| {}).phases else { unreachable!() };
        let cpu = Some((Duration::from_millis(300), Source::ProcessClock));
        let mut measured = Measured {
            load: Report { connections: 1000, served: 1000, ..full.load },
            usage: Usage { time: Duration::from_secs(2), cpu, switches: Some(50) },
            memory: Some((1 << 20, (1 << 20) + 4_096_000)),
            stats: Some(Stats {
                bytes_in: 64 * 100,
                vain_reads: 250,
                reads: 350,
                ..Stats::default()
            }),
        };
        change(&mut measured);
        Findings::new(measured)
    }

    #[test]
    fn figures_are_counts_over_their_own_time() {
        let findings = measured(|_| {});
        assert_eq!(findings.cpu_percent, Figure::Is(15.0));
        assert_eq!(findings.cpu_us_per_message, Figure::Is(6.0));
        assert_eq!(findings.switches_per_second, Figure::Is(25.0));
        assert_eq!(findings.memory_per_connection, Figure::Is(4096.0));
        let calls = (findings.calls_per_message, findings.vain_per_message);
        assert_eq!(calls, (Figure::Is(3.5), Figure::Is(2.5)));
    }

    #[test]
    fn without_an_account_or_a_message_there_is_a_reason_and_no_number() {
        let findings = measured(|measured| {
            measured.usage.cpu = None;
            measured.usage.switches = None;
            measured.load.served = 1;
            measured.load.latency_us = None;
            measured.load.messages = 0;
            measured.stats = None;
        });
        let missing = [
            &findings.cpu_percent,
            &findings.cpu_us_per_message,
            &findings.switches_per_second,
            &findings.calls_per_message,
            &findings.vain_per_message,
            &findings.memory_per_connection,
            &findings.messages_per_second(),
            &findings.latency(|latency| latency.p50),
        ];
        assert!(missing.iter().all(|figure| figure.get().is_none()), "{missing:?}");
        let json = serde_json::to_value(&findings.memory_per_connection).unwrap();
        assert_eq!(json, serde_json::json!({"missing": "1 of 1000 clients served"}));
    }

    #[test]
    fn a_figure_is_a_number_in_json_and_an_unmeasured_model_has_none() {
        let json = serde_json::to_value(row("mio", |_| {})).unwrap();
        assert_eq!(json["rate"]["vain_per_message"], 1.0);
        assert_eq!(json["unavailable"], serde_json::Value::Null);
        let json = serde_json::to_value(super::super::made_up::unavailable("uring", "no")).unwrap();
        assert_eq!(json, serde_json::json!({"model": "uring", "unavailable": "no"}));
    }
}
