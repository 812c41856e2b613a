//! # Pacer: sends on the schedule
//!
//! Problem: a message that is due must go out now, whether the one before was answered or not.
//! Idea: one task sleeps from tick to tick, and grants what has become due: each message to the
//! next client in turn. How late it wakes is part of each latency, and is measured beside it.
//! Leaves out: clients that nobody serves: what they sent would only lie in a buffer.
//! Read before: `load/ticker.rs`. Read next: `load/drive.rs`.
//! Try: `cargo run -- load --addr 127.0.0.1:12345 --rate 1000`

use std::io;
use std::rc::Rc;
use std::time::Instant;

use super::lane::Lane;
use super::schedule::Schedule;
use super::tally::Window;
use super::ticker::Ticker;

/// Grants messages at `rate` per second, all clients together, until the window ends.
///
/// # Errors
///
/// If the clock can't be had.
pub async fn pace(lanes: &[Rc<Lane>], rate: u32, window: Window) -> io::Result<()> {
    let schedule = Schedule::new(window.begin, rate);
    let mut ticker = Ticker::new(schedule.step())?;
    let mut turn = Turn::default();
    let mut number = 0;
    loop {
        let now = Instant::now();
        while number < schedule.due_by(now) && schedule.at(number) < window.end {
            if let Some(lane) = turn.next(lanes) {
                lane.ledger.grant(schedule.at(number));
            }
            number += 1;
        }
        if window.end <= now {
            return Ok(());
        }
        ticker.tick().await?;
    }
}

/// Whose turn it is.
#[derive(Default)]
struct Turn(usize);

impl Turn {
    /// The next client that is served; `None` where nobody is.
    fn next<'a>(&mut self, lanes: &'a [Rc<Lane>]) -> Option<&'a Lane> {
        let (before, after) = lanes.split_at(self.0.min(lanes.len()));
        let mut around = after.iter().chain(before);
        let steps = around.position(|lane| lane.is_live())?;
        let index = (self.0 + steps) % lanes.len();
        self.0 = (index + 1) % lanes.len();
        Some(&lanes[index])
    }
}
