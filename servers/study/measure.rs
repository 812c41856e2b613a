//! # Measure: one figure that every phase has
//!
//! Problem: charts show the same few figures of one phase or another, each with its unit and its
//! noise.
//! Idea: a measure is a unit, and how to find figure and noise in what a phase has found.
//! Leaves out: which phases: `study/chart.rs`.
//! Read before: `study/figures.rs`. Read next: `study/chart.rs`.
//! Try: `cargo test chart`

use super::noise::{Noise, Range};
use super::row::{Figure, Findings};

/// What to look for.
#[derive(Clone, Copy)]
pub struct Measure {
    /// What it is counted in.
    pub unit: &'static str,
    /// Its figure.
    pub figure: fn(&Findings) -> Figure,
    /// How far it is spread; `None` where it was measured once.
    pub noise: fn(&Noise) -> Option<Range>,
}

/// Answers per second.
pub const THROUGHPUT: Measure = Measure {
    unit: "messages/s",
    figure: Findings::messages_per_second,
    noise: |noise| noise.messages_per_second.range(),
};

/// CPU time of the server per message.
pub const CPU_TIME: Measure = Measure {
    unit: "µs/message",
    figure: |findings| findings.cpu_us_per_message.clone(),
    noise: |noise| noise.cpu_us_per_message.range(),
};

/// CPU time of the server per second.
pub const CPU_PERCENT: Measure = Measure {
    unit: "% of a core",
    figure: |findings| findings.cpu_percent.clone(),
    noise: |noise| noise.cpu_percent.range(),
};

/// System calls that brought nothing.
pub const VAIN: Measure = Measure {
    unit: "calls/message",
    figure: |findings| findings.vain_per_message.clone(),
    noise: |_| None,
};

/// Bytes of the server's memory.
pub const MEMORY: Measure = Measure {
    unit: "bytes",
    figure: |findings| findings.memory_per_connection.clone(),
    noise: |_| None,
};

/// Latency: of half of the messages, of 90 in 100, of 99 in 100.
pub const LATENCY: [(&str, Measure); 3] = [
    (
        "p50",
        Measure {
            unit: "µs",
            figure: |findings| findings.latency(|times| times.p50),
            noise: |noise| noise.p50_us.range(),
        },
    ),
    (
        "p90",
        Measure {
            unit: "µs",
            figure: |findings| findings.latency(|times| times.p90),
            noise: |noise| noise.p90_us.range(),
        },
    ),
    (
        "p99",
        Measure {
            unit: "µs",
            figure: |findings| findings.latency(|times| times.p99),
            noise: |noise| noise.p99_us.range(),
        },
    ),
];
