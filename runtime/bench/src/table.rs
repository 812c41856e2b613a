//! A table with a column for each runtime: what can be measured in this process.

use std::io;
use std::time::Duration;

use crate::machine::{cpu_time, describe};
use crate::options::Options;
use crate::peer::{Dormouse, Peer, Smol, Tokio};
use crate::rounds::{Samples, take_turns};

/// One benchmark on one runtime: `at_once` tasks or timers, `times` over.
pub type Measure = fn(at_once: u32, times: u32) -> f64;

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    /// Says what is measured, and the unit.
    pub name: String,
    /// How many tasks or timers there are at a time.
    pub at_once: u32,
    /// How often each does it, where all is measured: long beside what disturbs it, and short
    /// beside a cup of coffee.
    pub times: u32,
    /// dormouse, tokio, smol.
    pub measures: [Measure; 3],
}

/// Measures those of `rows` that are asked for, and prints each as soon as it is known.
pub fn print_table(options: &Options, mut rows: Vec<Row>) -> io::Result<()> {
    let rounds = options.effort.pick(1, 3, 7);
    rows.retain(|row| options.wants(&row.name));
    if rows.is_empty() {
        return Ok(());
    }
    describe(options.effort, rounds);
    let names = [Dormouse::NAME, Tokio::NAME, Smol::NAME].map(|name| format!("{name:>19}"));
    println!("\n{:31}{}{:>7}{:>6}", "", names.concat(), "/tokio", "/smol");
    for Row { name, at_once, times, measures } in rows {
        let times = options.effort.pick(times / 1000, times / 4, times).max(1);
        let mut samples = [const { Samples::new() }; 3];
        take_turns(rounds, measures.len(), |who| {
            samples[who].add(measures[who](at_once, times));
            Ok(())
        })?;
        let [ours, tokio, smol] = samples.each_ref().map(Samples::median);
        let figures = samples.map(|samples| format!("{samples:>19}"));
        println!("{name:31}{}{:>7.2}{:>6.2}", figures.concat(), ours / tokio, ours / smol);
    }
    Ok(())
}

/// CPU time since it was `begin`.
pub fn since(begin: Duration) -> Duration {
    cpu_time().saturating_sub(begin)
}

/// Nanoseconds of each of `count` operations that took `total` together.
pub fn each(total: Duration, count: u32) -> f64 {
    total.as_secs_f64() * 1e9 / f64::from(count)
}
