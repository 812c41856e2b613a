//! # Report: what a load has shown
//!
//! Problem: the same figures are read by people, by scripts and by the study.
//! Idea: one struct; its JSON is documented field by field, its text says the same in words.
//! Leaves out: what it cost the server: only the server's machine can tell (`study/sample.rs`).
//! Read before: `load/drive.rs`. Read next: `load.rs`.
//! Try: `cargo run -- load --addr 127.0.0.1:12345 --json`

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::lane::Run;
use super::plan::Pattern;
use super::slices;
use super::tally::Fault;
use crate::figures::{float, grouped, short};

/// The figures of one load. Its JSON has these keys, in this order.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `dormouse-load/1`: the number grows when a key changes its meaning or goes.
    pub schema: &'static str,
    /// The address of the server.
    pub addr: String,
    /// `pingpong`, `pipeline`, `churn` or `idle`.
    pub pattern: Pattern,
    /// Messages per second asked for; `null` where each client sends as soon as it may.
    pub rate: Option<u32>,
    /// Bytes of one message.
    pub size: usize,
    /// Clients. Each one is served, queued or failed.
    pub connections: usize,
    /// Clients that got at least one byte.
    pub served: usize,
    /// Clients that never got a byte: the server has not come to them.
    pub queued: usize,
    /// Clients that could not connect, or were turned away without a byte.
    pub failed: usize,
    /// Those of the served that the server left too early.
    pub lost: usize,
    /// Those of the served that got bytes which were never sent; no byte goes unchecked.
    pub corrupt: usize,
    /// The first thing that went wrong; `null` where nothing did.
    pub fault: Option<String>,
    /// The measured time.
    pub seconds: f64,
    /// Answers in that time; with `churn`, connections too.
    pub messages: u64,
    /// The same, per second.
    pub messages_per_second: f64,
    /// Messages of served clients that were not answered in full at the end; their latency counts
    /// with what they had waited.
    pub unanswered: u64,
    /// From the moment that a message was due to its answer. `null` where there was none.
    ///
    /// With a rate, a message is due at its moment in the schedule. Without, when the answer before
    /// it has come, so that the latency says little more than the number of messages.
    pub latency_us: Option<Spread>,
    /// From that moment to the write: how late the generator itself was. `null` without a rate.
    pub late_us: Option<Spread>,
    /// The same time in equal parts, and what came in each.
    pub slices: Vec<Slice>,
}

/// How a time is spread, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// How many were measured.
    pub count: u64,
    /// Half of them took no longer.
    pub p50: f64,
    /// 90 in 100.
    pub p90: f64,
    /// 99 in 100.
    pub p99: f64,
    /// 999 in 1000.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// What came in one of the equal parts of the measured time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Slice {
    /// How long it was.
    pub seconds: f64,
    /// Answers in it.
    pub messages: u64,
    /// Their latency; in the last one also of those that came when it was over.
    pub latency_us: Option<Spread>,
}

impl Slice {
    fn of(slice: &slices::Slice) -> Slice {
        let seconds = slice.time().as_secs_f64();
        Slice { seconds, messages: slice.messages, latency_us: Spread::of(&slice.latency) }
    }
}

impl Spread {
    fn of(times: &Histogram<u64>) -> Option<Spread> {
        let at = |quantile| float(times.value_at_quantile(quantile)) / 1000.0;
        (!times.is_empty()).then(|| Spread {
            count: times.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        })
    }
}

impl Report {
    /// Reads the tally of a load that has ended.
    pub fn new(run: &Run) -> Report {
        let (plan, tally) = (&run.plan, &run.tally);
        let (served, failed) = (tally.served.get(), tally.failed.get());
        let (seconds, messages) = (plan.duration.as_secs_f64(), tally.slices.messages());
        Report {
            schema: "dormouse-load/1",
            addr: plan.addr.to_string(),
            pattern: plan.pattern,
            rate: plan.rate,
            size: plan.size,
            connections: plan.connections,
            served,
            queued: plan.connections.saturating_sub(served + failed),
            failed,
            lost: tally.lost.get(),
            corrupt: tally.corrupt.get(),
            fault: tally.fault.borrow().as_ref().map(Fault::to_string),
            seconds,
            messages,
            messages_per_second: float(messages) / seconds,
            unanswered: tally.unanswered.get(),
            latency_us: Spread::of(&tally.slices.whole()),
            late_us: Spread::of(&tally.late.borrow()),
            slices: tally.slices.each(Slice::of),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { served, connections, addr, messages, seconds, .. } = self;
        write!(f, "{served} of {connections} connections served by {addr}")?;
        let others = [
            (self.queued, "queued"),
            (self.failed, "failed"),
            (self.lost, "lost"),
            (self.corrupt, "with wrong bytes"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        if let Some(fault) = &self.fault {
            write!(f, "\nfirst fault: {fault}")?;
        }
        if self.pattern == Pattern::Idle {
            return write!(f, "\nsilent for {seconds} s");
        }
        let per_second = short(self.messages_per_second);
        let messages = grouped(*messages);
        write!(f, "\n{messages} messages in {seconds} s: {per_second} per second")?;
        if self.unanswered > 0 {
            write!(f, "; {} without an answer", grouped(self.unanswered))?;
        }
        if let Some(latency) = self.latency_us {
            let from = if self.rate.is_some() { "the scheduled moment" } else { "sending" };
            write!(f, "\nlatency from {from}: {latency}")?;
        }
        match self.late_us {
            Some(late) => write!(f, "\nof it, the generator's own delay: {late}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = [self.p50, self.p99, self.max].map(short);
        write!(f, "p50 {p50} µs, p99 {p99} µs, max {max} µs")
    }
}
