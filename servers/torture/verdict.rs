//! # Verdict: what a torture has shown of one model
//!
//! Problem: whoever runs it wants to know at a glance whether all is well, and what was done.
//! Idea: one value that is sound or not, and three lines.
//! Leaves out: JSON: it is a test, and its figure is its exit status.
//! Read before: `torture/counted.rs`. Read next: `torture/course.rs`.
//! Try: `cargo run -- torture mio --duration 2s`

use std::fmt;
use std::io;

use hdrhistogram::Histogram;

use super::tally::{Deeds, Tally};
use crate::figures::{float, grouped, short};
use crate::models::Model;

/// What came of it.
pub(super) struct Verdict {
    model: Model,
    shown: Result<Shown, String>,
}

struct Shown {
    connections: u64,
    deeds: Deeds,
    /// Guests may stay: it serves several at a time.
    can_stay: bool,
    waits: Histogram<u64>,
    visits: Histogram<u64>,
    /// What it has now, in words.
    has: String,
    /// What went wrong, a line each; and how often, as not all may be told.
    faults: Vec<String>,
    count: usize,
}

impl Verdict {
    /// The model can't serve here.
    pub(super) fn unavailable(model: Model, why: &io::Error) -> Verdict {
        Verdict { model, shown: Err(why.to_string()) }
    }

    /// Of a server that `has` this now, after a warm-up and a torture; `others`: what is wrong with
    /// it that no client could see.
    pub(super) fn new(
        model: Model,
        warm_up: &Tally,
        tally: &Tally,
        others: Vec<String>,
        has: String,
    ) -> Verdict {
        let (first, found) = (warm_up.faults.borrow(), tally.faults.borrow());
        let in_warm_up = first.told.iter().map(|fault| format!("in the warm-up, {fault}"));
        let shown = Shown {
            connections: tally.connections.get(),
            deeds: tally.deeds(),
            can_stay: model != Model::Blocking,
            waits: tally.waits.borrow().clone(),
            visits: tally.visits.borrow().clone(),
            has,
            count: others.len() + first.count + found.count,
            faults: others.into_iter().chain(in_warm_up).chain(found.told.clone()).collect(),
        };
        Verdict { model, shown: Ok(shown) }
    }

    /// Whether nothing was lost, and nothing left. What can't serve here has lost nothing.
    pub(super) fn is_sound(&self) -> bool {
        self.shown.as_ref().is_ok_and(|shown| shown.count == 0) || self.shown.is_err()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.model;
        match &self.shown {
            Err(why) => write!(f, "{model}: not available here: {why}"),
            Ok(shown) => write!(f, "{model}: {shown}"),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { connections, deeds, can_stay, waits, visits, .. } = self;
        writeln!(f, "{} connections; rogues: {deeds}", grouped(*connections))?;
        if *can_stay {
            writeln!(f, "  guests who stay: {}", Times("answers", waits))?;
        } else {
            writeln!(f, "  no guest stays: it would keep all others waiting")?;
        }
        writeln!(f, "  guests who come and go: {}", Times("visits", visits))?;
        if self.count == 0 {
            return write!(f, "  nothing lost, nothing left: {}", self.has);
        }
        let s = if self.count == 1 { "" } else { "s" };
        write!(f, "  NOT SOUND: {} fault{s}", self.count)?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n    {fault}"))
    }
}

impl fmt::Display for Deeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.sends, "sends"),
            (self.reads, "reads"),
            (self.trickles, "trickles"),
            (self.floods, "floods"),
            (self.silences, "silences"),
            (self.half_closes, "half-closes"),
            (self.closes, "closes"),
            (self.resets, "resets"),
            (self.vanished, "vanished"),
            (self.outstayed, "outstayed"),
            (self.crowds, "crowds"),
        ];
        let counts = counts.map(|(count, what)| format!("{} {what}", grouped(count)));
        f.write_str(&counts.join(", "))
    }
}

struct Times<'a>(&'a str, &'a Histogram<u64>);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Times(what, times) = self;
        if times.is_empty() {
            return write!(f, "no {what}");
        }
        let at = |quantile| short(float(times.value_at_quantile(quantile)) / 1e6);
        let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
        let count = grouped(times.len());
        write!(f, "{count} {what}, p50 {p50} ms, p99 {p99} ms, max {max} ms")
    }
}
