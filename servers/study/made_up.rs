//! # Made up: rows for tests, with figures that nobody measured
//!
//! Problem: a sentence must stay true when the figures turn out otherwise, and a run can't be told
//! to.
//! Idea: a row of a plain server that sleeps; each test changes what it is about.
//! Leaves out: everything but tests.
//! Read before: `study/row.rs`.
//! Try: `cargo test story`

use super::growth::CONNECTIONS;
use super::noise::Noise;
use super::row::{Figure, Findings, Phases, Point, Row};
use super::sample::Source;
use crate::load::plan::Pattern;
use crate::load::report::{Report, Spread};
use crate::stats::Stats;

/// A row of a server that sleeps when it can, but for what `change` does.
pub(super) fn row(model: &'static str, change: impl FnOnce(&mut Phases)) -> Row {
    let (full, rate, fast) = (findings(64), findings(64), findings(64));
    let point = |connections| Point {
        connections,
        every: None,
        unavailable: None,
        findings: Some(findings(connections)),
    };
    let growth = CONNECTIONS.map(point).into();
    let idle = findings(1000);
    let mut phases = Phases { full, rate, fast, idle, growth, every: Vec::new() };
    phases.full.load.latency_us = Some(spread(600.0, 2000.0));
    change(&mut phases);
    Row { model, unavailable: None, phases: Some(phases) }
}

/// A row of a server that asks all the time: dear, and fast.
pub(super) fn spinner(model: &'static str, change: impl FnOnce(&mut Phases)) -> Row {
    row(model, |phases| {
        phases.idle.cpu_percent = Figure::Is(99.8);
        phases.idle.stats = Some(Stats { vain_reads: 1_204_331, ..Stats::default() });
        phases.rate.vain_per_message = Figure::Is(800.0);
        phases.rate.cpu_us_per_message = Figure::Is(998.0);
        phases.rate.load.latency_us = Some(spread(30.0, 100.0));
        change(phases);
    })
}

/// A row of a server that could not be measured.
pub(super) fn unavailable(model: &'static str, why: &str) -> Row {
    Row { model, unavailable: Some(why.into()), phases: None }
}

/// A latency of so many microseconds.
pub(super) fn spread(p50: f64, p99: f64) -> Spread {
    Spread { count: 1400, p50, p90: p99, p99, p999: p99, max: p99 }
}

/// What was found of a server that sleeps when it can.
pub(super) fn findings(connections: usize) -> Findings {
    Findings {
        load: Report {
            schema: "dormouse-load/1",
            addr: "127.0.0.1:1".into(),
            pattern: Pattern::Pingpong,
            rate: None,
            size: 64,
            connections,
            served: connections,
            queued: 0,
            failed: 0,
            lost: 0,
            corrupt: 0,
            fault: None,
            seconds: 1.0,
            messages: 50_000,
            messages_per_second: 50_000.0,
            unanswered: 0,
            latency_us: Some(spread(60.0, 200.0)),
            late_us: Some(spread(30.0, 60.0)),
            slices: Vec::new(),
        },
        cpu_percent: Figure::Is(0.0),
        cpu_source: Some(Source::ProcessClock),
        cpu_us_per_message: Figure::Is(6.0),
        switches_per_second: Figure::Is(0.0),
        calls_per_message: Figure::Is(3.0),
        vain_per_message: Figure::Is(1.0),
        memory_per_connection: Figure::Is(4096.0),
        stats: Some(Stats::default()),
        noise: Noise::default(),
    }
}
