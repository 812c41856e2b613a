//! # Trade: what a pause between two rounds of asking buys
//!
//! Problem: who asks in vain for ever burns a core; who sleeps in between answers late.
//! Idea: the load that leaves time to sleep, again with pauses of several lengths: the CPU time
//! that each saves stands beside the latency that it costs.
//! Leaves out: all models but `nonblocking`, as the others sleep without it.
//! Read before: `study/growth.rs`. Read next: `study/noise.rs`.
//! Try: `cargo run -- serve nonblocking --buffer 7 --every 1ms`

use super::phase::{Phase, RATE};
use crate::models::Model;

/// The pauses; without one, it is the phase that all models have.
pub const EVERY: [&str; 3] = ["100us", "1ms", "10ms"];

/// A phase for each pause; none for models that do not ask in rounds.
pub fn phases(model: Model, connections: usize) -> Vec<Phase> {
    if model != Model::Nonblocking {
        return Vec::new();
    }
    let phase = |every| {
        let name = format!("--every {every}");
        Phase { name, every: Some(every), weight: 7.0, ..Phase::rate(connections, RATE) }
    };
    EVERY.map(phase).into()
}
