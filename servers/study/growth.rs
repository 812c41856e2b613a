//! # Growth: one client, ten, a hundred, a thousand
//!
//! Problem: a way to wait that is cheap for one client may be dear for a thousand.
//! Idea: the same full load from few clients and from many, a short phase for each number.
//! Leaves out: silent clients among busy ones, which `poll` and `select` pay for, too.
//! Read before: `study/phase.rs`. Read next: `study/trade.rs`.
//! Try: `cargo run --release -- study --json figures.json`

use super::phase::{Phase, most};
use crate::models::Model;

/// How many clients there are, one number after the other.
pub const CONNECTIONS: [usize; 4] = [1, 10, 100, 1000];

/// A phase for each number.
pub fn phases(model: Model) -> Vec<Phase> {
    let phase = |connections| {
        let connections = most(model, connections);
        let name = format!("{connections} connections");
        Phase { name, weight: 4.5, ..Phase::full(connections) }
    };
    CONNECTIONS.map(phase).into()
}
