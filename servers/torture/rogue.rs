//! # Rogue: a client that does what clients must not do
//!
//! Problem: a server meets clients that stop reading, trickle, flood, and leave in the middle.
//! Idea: follow a plan, deed by deed; no deed goes on for longer than it may. What a rogue does
//! read is checked like everybody's: who misbehaves gets no wrong bytes either.
//! Leaves out: malice below the socket: forged packets need rights of their own.
//! Read before: `torture/tally.rs`. Read next: `torture/crowd.rs`.
//! Try: `cargo run -- torture mio --duration 2s`

use std::time::Duration;

use dormouse::time::{sleep, timeout};
use fastrand::Rng;

use super::PATIENCE;
use super::plan::{Deed, LONGEST_DEED, Leave, Plan};
use super::tally::Run;
use super::wire::Wire;
use crate::load::tally::Fault;

/// Between two bytes of a trickle, and after a fault.
const PAUSE: Duration = Duration::from_millis(3);

/// One rogue after the other, until the time is over.
pub(super) async fn rogues(run: &Run, mut random: Rng, may_outstay: bool) {
    while !run.is_over() {
        let plan = Plan::draw(&mut random, may_outstay);
        if let Err(fault) = live(run, &plan).await {
            run.tally.fault("a rogue", &fault);
            // Where the server has ended, every rogue would fail all the time.
            sleep(PAUSE).await;
        }
    }
}

async fn live(run: &Run, plan: &Plan) -> Result<(), Fault> {
    let mut wire = run.connect().await?;
    for deed in &plan.deeds {
        run.tally.did(*deed);
        // The server may have to wait for us, and we for it: that is what it is for.
        timeout(LONGEST_DEED, act(&mut wire, *deed)).await.unwrap_or(Ok(()))?;
    }
    leave(run, wire, plan.leave).await?;
    run.tally.left(plan.leave);
    Ok(())
}

async fn act(wire: &mut Wire, deed: Deed) -> Result<(), Fault> {
    match deed {
        Deed::Send(len) | Deed::Flood(len) => wire.send(len).await,
        Deed::Read(most) => wire.read(most as u64).await,
        Deed::Silence(span) => {
            sleep(span).await;
            Ok(())
        }
        Deed::Trickle(len) => {
            for _ in 0..len {
                sleep(PAUSE).await;
                wire.send(1).await?;
            }
            Ok(())
        }
    }
}

async fn leave(run: &Run, mut wire: Wire, leave: Leave) -> Result<(), Fault> {
    match leave {
        Leave::HalfClose => in_time(run, wire.half_close()).await,
        Leave::Close => in_time(run, wire.read(u64::MAX)).await,
        Leave::Reset => wire.reset(),
        Leave::Vanish => Ok(()),
        Leave::Outstay => in_time(run, wire.outstay()).await,
    }
}

/// Awaits what the server owes. It may owe it for long: others come first, and so may the end of
/// what keeps it from accepting.
pub(super) async fn in_time<T>(
    run: &Run,
    owed: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    timeout(PATIENCE, owed).await.unwrap_or_else(|_| {
        let what = format!("{} owes an answer for {PATIENCE:?}", run.addr);
        Err(Fault::Ended(std::io::Error::new(std::io::ErrorKind::TimedOut, what)))
    })
}
