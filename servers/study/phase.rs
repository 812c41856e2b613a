//! # Phase: one server, one load, and what each says about it
//!
//! Problem: a server that spins asks in vain all the time; divided by the messages of another
//! time, its calls would mean nothing.
//! Idea: phases, each with a fresh server process: what the server counted over its life belongs to
//! one load. The load runs in this process, on a thread of its own, so that the kernel's account is
//! read at the very edges of the measured time and of its slices, by who knows when they are.
//! Leaves out: a core per side: server and load share what the machine has, as the table says.
//! Read before: `study/sample.rs`. Read next: `study/growth.rs`.
//! Try: `cargo run --release -- study --models mio --duration 2s`

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::child::{Current, Server};
use super::sample::{Sample, Usage, memory};
use crate::load::drive::{Edge, drive};
use crate::load::plan::{Pattern, Plan};
use crate::load::report::Report;
use crate::models::Model;
use crate::stats::Stats;

/// One server, one load.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// What the progress bar calls it.
    pub name: String,
    /// How many clients.
    pub connections: usize,
    /// What each does.
    pub pattern: Pattern,
    /// Messages per second of all clients together, whatever the server does; without it each
    /// client sends as soon as it was answered.
    pub rate: Option<u32>,
    /// `--every` of the server.
    pub every: Option<&'static str>,
    /// Its part of the time of a model, beside the weights of the other phases.
    pub weight: f64,
}

/// Messages per second of a load that leaves time to sleep, all clients together.
pub const RATE: u32 = 1000;

/// Messages per second of one that leaves less.
pub const FAST: u32 = 10_000;

/// Clients that are served once and then silent, but where a model can't have so many.
pub const IDLE: usize = 1000;

/// Bytes of one message.
pub const SIZE: usize = 64;

impl Phase {
    /// Every client sends as soon as it was answered.
    pub fn full(connections: usize) -> Phase {
        let (name, pattern) = ("full load".into(), Pattern::Pingpong);
        Phase { name, connections, pattern, rate: None, every: None, weight: 20.0 }
    }

    /// So many messages per second: [`RATE`] or [`FAST`].
    pub fn rate(connections: usize, rate: u32) -> Phase {
        let name = format!("{rate} per second");
        let weight = if rate == RATE { 20.0 } else { 10.0 };
        Phase { name, rate: Some(rate), weight, ..Phase::full(connections) }
    }

    /// Every client is served once, and then silent.
    pub fn idle(connections: usize) -> Phase {
        let (name, pattern) = ("idle".into(), Pattern::Idle);
        Phase { name, pattern, weight: 12.0, ..Phase::full(connections) }
    }
}

/// So many clients, or the most that a model can have.
pub fn most(model: Model, connections: usize) -> usize {
    // select(2) can name no descriptor above 1023, and a server has some of its own.
    if model.name() == "select" { connections.min(900) } else { connections }
}

/// What was measured in a phase.
pub struct Measured {
    /// What the clients saw.
    pub load: Report,
    /// What the server used while it was measured.
    pub usage: Usage,
    /// The same in each slice; without context switches.
    pub slices: Vec<Usage>,
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
    phase: &Phase,
    duration: Duration,
    current: &Current,
) -> io::Result<Measured> {
    let args = phase.every.map_or(vec![], |every| vec!["--every", every]);
    let server = Server::start(model, &args, current)?;
    drop(server.greet()?);
    let pid = server.pid();
    let before = memory(pid);
    let mut after = None;
    let mut samples = Vec::new();
    let load = drive(phase.plan(server.addr(), duration), &mut |edge| {
        if edge == Edge::Begin {
            after = memory(pid);
        }
        let take = if edge == Edge::Between { Sample::brief } else { Sample::take };
        samples.push(take(pid));
    })?;
    let stats = server.stop()?;
    let [begin, .., end] = &samples[..] else { return Err(io::Error::other("it has no edges")) };
    let slices = samples.windows(2).map(|edges| edges[0].until(&edges[1])).collect();
    Ok(Measured { load, usage: begin.until(end), slices, memory: before.zip(after), stats })
}

impl Phase {
    fn plan(&self, addr: SocketAddr, duration: Duration) -> Plan {
        let Phase { connections, pattern, rate, .. } = *self;
        Plan { addr, connections, size: SIZE, duration, pattern, rate }
    }
}
