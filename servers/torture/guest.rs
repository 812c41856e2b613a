//! # Guest: a client that behaves, and is owed an answer
//!
//! Problem: a server that survives bad clients, and forgets the good ones, has not survived.
//! Idea: some guests stay from before the first rogue, and speak all the time; others come, speak
//! and go. Each byte of theirs must come back, and in time.
//! Leaves out: a time for those who come while there is no descriptor left, but for a generous one:
//! they wait until somebody leaves.
//! Read before: `torture/crowd.rs`. Read next: `torture/holdings.rs`.
//! Try: `cargo run -- torture mio --duration 2s`

use std::time::{Duration, Instant};

use dormouse::time::{sleep, timeout};
use fastrand::Rng;

use super::rogue::in_time;
use super::tally::Run;
use super::wire::Wire;
use crate::load::tally::Fault;

/// No guest that is served may ever wait so long for an answer: it is many times what a busy
/// machine makes of it.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Messages of a guest have up to so many bytes.
const LONGEST_MESSAGE: usize = 4096;

/// Speaks on one connection until the time is over, and leaves politely.
pub(super) async fn stay(run: &Run, mut wire: Wire, mut random: Rng) {
    if let Err(fault) = speak_all_the_time(run, &mut wire, &mut random).await {
        run.tally.fault("a guest who stays", &fault);
    }
}

async fn speak_all_the_time(run: &Run, wire: &mut Wire, random: &mut Rng) -> Result<(), Fault> {
    while !run.is_over() {
        let begin = Instant::now();
        let answered = timeout(LONGEST_WAIT, speak(wire, random)).await;
        answered.unwrap_or_else(|_| Err(no_answer()))?;
        run.tally.waited(begin);
        sleep(Duration::from_millis(random.u64(1..=20))).await;
    }
    in_time(run, wire.half_close()).await
}

/// Comes, speaks, goes, and comes again, until the time is over.
pub(super) async fn visit(run: &Run, mut random: Rng) {
    while !run.is_over() {
        let begin = Instant::now();
        match in_time(run, visit_once(run, random.fork())).await {
            Ok(()) => run.tally.visited(begin),
            Err(fault) => run.tally.fault("a guest who comes and goes", &fault),
        }
        sleep(Duration::from_millis(random.u64(1..=20))).await;
    }
}

async fn visit_once(run: &Run, mut random: Rng) -> Result<(), Fault> {
    let mut wire = run.connect().await?;
    for _ in 0..random.usize(1..=5) {
        speak(&mut wire, &mut random).await?;
    }
    wire.half_close().await
}

async fn speak(wire: &mut Wire, random: &mut Rng) -> Result<(), Fault> {
    wire.send(random.usize(1..=LONGEST_MESSAGE)).await?;
    wire.read(u64::MAX).await
}

fn no_answer() -> Fault {
    let what = format!("no answer within {LONGEST_WAIT:?}");
    Fault::Ended(std::io::Error::new(std::io::ErrorKind::TimedOut, what))
}
