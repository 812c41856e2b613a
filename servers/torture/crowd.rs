//! # Crowd: more connections than the server has descriptors
//!
//! Problem: at the limit of descriptors accepting fails, and the event that said 'somebody is here'
//! is gone: real loops have spun there, or slept for ever.
//! Idea: now and then, all at once, more clients connect than there is room for. They speak, stay a
//! moment, and leave; those who found no room are owed an answer then, and whoever was served before
//! must not notice.
//! Leaves out: other limits, memory and threads: the whole machine would have to share them.
//! Read before: `torture/rogue.rs`. Read next: `torture/guest.rs`.
//! Try: `cargo run -- torture mio --duration 2s`

use std::time::Duration;

use dormouse::time::sleep;
use fastrand::Rng;

use super::plan::Leave;
use super::rogue::in_time;
use super::tally::Run;
use crate::load::tally::Fault;

/// So many more come than there is room for.
const TOO_MANY: usize = 16;

/// Crowds of more than `room` clients, until the time is over.
pub(super) async fn crowds(run: &Run, mut random: Rng, room: usize) {
    loop {
        sleep(millis(&mut random, 200, 1200)).await;
        if run.is_over() {
            return;
        }
        crowd(run, random.fork(), room).await;
    }
}

/// One crowd of more than `room` clients.
pub(super) async fn crowd(run: &Run, random: Rng, room: usize) {
    if let Err(fault) = come_and_leave(run, random, room).await {
        run.tally.fault("one of a crowd", &fault);
    }
}

async fn come_and_leave(run: &Run, mut random: Rng, room: usize) -> Result<(), Fault> {
    let mut wires = Vec::new();
    for _ in 0..room + TOO_MANY {
        wires.push(run.connect().await?);
    }
    run.tally.crowded();
    for wire in &mut wires {
        wire.send(random.usize(1..=64)).await?;
    }
    sleep(millis(&mut random, 50, 400)).await;
    // There was no room for these. It is theirs as soon as the others leave, also where nobody
    // else comes whose event would wake the server.
    let too_many = wires.split_off(room);
    for wire in wires {
        if random.bool() {
            wire.reset()?;
            run.tally.left(Leave::Reset);
        }
    }
    for mut wire in too_many {
        in_time(run, wire.read(u64::MAX)).await?;
    }
    Ok(())
}

fn millis(random: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(random.u64(least..=most))
}
