//! # Phase: one server, one load, and what each says about it
//!
//! Problem: a server that spins asks in vain all the time; divided by the messages of another
//! time, its calls would mean nothing.
//! Idea: three phases, each with a fresh server process: what the server counted over its life
//! belongs to one load. The load runs in this process, on a thread of its own, so that the
//! kernel's account is read at the very edges of the measured time, by who knows when they are.
//! Leaves out: a core per side: server and load share what the machine has, as the table says.
//! Read before: `study/sample.rs`. Read next: `study/figures.rs`.
//! Try: `cargo run --release -- study --models mio --duration 2s`

use std::io;
use std::time::Duration;

use super::child::{Current, Server};
use super::sample::{Sample, Usage, memory};
use crate::load::drive::{Edge, drive};
use crate::load::plan::{Pattern, Plan};
use crate::load::report::Report;
use crate::models::Model;
use crate::stats::Stats;

/// What every model goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Every client sends as soon as it was answered.
    Full,
    /// So many messages per second, whatever the server does: a load that leaves time to sleep.
    Rate,
    /// Every client is served once, and then silent.
    Idle,
}

/// Messages per second in [`Phase::Rate`], all clients together.
pub const RATE: u32 = 1000;

/// Clients in [`Phase::Idle`], but where a model can't have so many.
pub const IDLE: usize = 1000;

/// Bytes of one message.
pub const SIZE: usize = 64;

impl Phase {
    /// In the order in which they are run.
    pub const ALL: [Phase; 3] = [Phase::Full, Phase::Rate, Phase::Idle];

    /// What the progress bar calls it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Full => "full load",
            Phase::Rate => "fixed rate",
            Phase::Idle => "idle",
        }
    }

    /// Its part of the time of a model.
    pub fn share(self, whole: Duration) -> Duration {
        match self {
            Phase::Full => whole.mul_f64(0.40),
            Phase::Rate => whole.mul_f64(0.35),
            Phase::Idle => whole.mul_f64(0.25),
        }
    }

    /// How many clients it has, where a phase of messages has `busy`.
    pub fn connections(self, model: Model, busy: usize) -> usize {
        match self {
            Phase::Full | Phase::Rate => busy,
            // select(2) can name no descriptor above 1023, and a server has some of its own.
            Phase::Idle if model.name() == "select" => 900,
            Phase::Idle => IDLE,
        }
    }
}

/// What was measured in a phase.
pub struct Measured {
    /// What the clients saw.
    pub load: Report,
    /// What the server used while it was measured.
    pub usage: Usage,
    /// Its memory before the clients came, and with them.
    pub memory: Option<(u64, u64)>,
    /// What it counted over its life.
    pub stats: Option<Stats>,
}

/// Runs one phase with a server of its own.
///
/// # Errors
///
/// Why the server could not be measured, in one line.
pub fn measure(
    model: Model,
    phase: Phase,
    connections: usize,
    duration: Duration,
    current: &Current,
) -> io::Result<Measured> {
    let server = Server::start(model, &[], current)?;
    server.greet()?;
    let pid = server.pid();
    let memory_before = memory(pid);
    let mut memory_after = None;
    let mut samples = Vec::with_capacity(2);
    let plan = Plan {
        addr: server.addr(),
        connections,
        size: SIZE,
        duration,
        pattern: if phase == Phase::Idle { Pattern::Idle } else { Pattern::Pingpong },
        rate: (phase == Phase::Rate).then_some(RATE),
    };
    let load = drive(plan, &mut |edge| {
        samples.push(Sample::take(pid));
        if edge == Edge::End && phase == Phase::Idle {
            memory_after = memory(pid);
        }
    })?;
    let stats = server.stop()?;
    let [begin, end] = samples[..] else { return Err(io::Error::other("the load has no edges")) };
    let memory = memory_before.zip(memory_after);
    Ok(Measured { load, usage: begin.until(&end), memory, stats })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_share_the_time_of_a_model() {
        let whole = Duration::from_secs(4);
        let shares: Duration = Phase::ALL.iter().map(|phase| phase.share(whole)).sum();
        assert_eq!(shares, whole);
    }
}
