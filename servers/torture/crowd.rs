//! # Crowd: more connections than the server has descriptors
//!
//! Problem: at the limit of descriptors accepting fails, and the event that said 'somebody is here'
//! is gone: real loops have spun there, or slept for ever.
//! Idea: now and then, all at once, more clients connect than there is room for. They speak, stay a
//! moment, and leave; whoever was served before must not notice.
//! Leaves out: other limits, memory and threads: the whole machine would have to share them.
//! Read before: `torture/rogue.rs`. Read next: `torture/guest.rs`.
//! Try: `cargo run -- torture mio --duration 2s`

use std::time::Duration;

use dormouse::time::sleep;
use fastrand::Rng;

use super::tally::Run;

/// So many more come than there is room for.
const TOO_MANY: usize = 16;

/// Crowds of more than `room` clients, until the time is over.
pub(super) async fn crowds(run: &Run, mut random: Rng, room: usize) {
    loop {
        sleep(millis(&mut random, 200, 1200)).await;
        if run.is_over() {
            return;
        }
        crowd(run, &mut random, room).await;
    }
}

/// One crowd of more than `room` clients.
pub(super) async fn crowd(run: &Run, random: &mut Rng, room: usize) {
    let mut wires = Vec::new();
    for _ in 0..room + TOO_MANY {
        match run.connect().await {
            Ok(wire) => wires.push(wire),
            Err(fault) => return run.tally.fault("one of a crowd", &fault),
        }
    }
    run.tally.crowded();
    for wire in &mut wires {
        if let Err(fault) = wire.send(random.usize(1..=64)).await {
            run.tally.fault("one of a crowd", &fault);
        }
    }
    sleep(millis(random, 50, 400)).await;
    for wire in wires {
        if random.bool()
            && let Err(fault) = wire.reset()
        {
            run.tally.fault("one of a crowd", &fault);
        }
    }
}

fn millis(random: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(random.u64(least..=most))
}
