//! # Load: many clients at once, and what they saw
//!
//! Problem: to compare servers, each must get the same load, and a load generator has faults of its
//! own: it trusts what comes back, it waits for a slow server, it takes the CPU that it measures.
//! Idea: an async program on the runtime of this project: one thread, a task per client, asleep
//! while nothing comes. Every byte is checked, and a schedule waits for nobody.
//! Leaves out: more than one core.
//! Read before: `load/report.rs`, and the files that it names. Read next: `study.rs`.
//! Try: `cargo run -- serve mio`, and in another terminal `cargo run --release -- load --addr
//! 127.0.0.1:12345 --rate 1000`

pub mod drive;
pub mod lane;
pub mod ledger;
pub mod pacer;
pub mod payload;
pub mod plan;
pub mod report;
pub mod schedule;
pub mod slices;
pub(crate) mod source;
pub mod tally;
pub mod ticker;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;

use self::drive::drive;
use self::plan::{Pattern, Plan};
use crate::limits::raise_descriptor_limit;
use crate::options::{parse_addr, parse_interval};
use crate::output::print_line;

/// Put a load on an echo server, check every byte that comes back, and say what was measured
#[derive(Debug, clap::Args)]
pub struct Load {
    /// Where the server listens
    #[arg(long, value_parser = parse_addr)]
    pub addr: SocketAddr,
    /// How many clients
    #[arg(long, value_name = "N", default_value = "64", value_parser = count(1_000_000))]
    pub connections: usize,
    /// Bytes of one message
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = count(1 << 20))]
    pub size: usize,
    /// How long to measure; it ends at most a second later
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub duration: Duration,
    /// What each client does
    #[arg(long, value_enum, default_value_t = Pattern::Pingpong)]
    pub pattern: Pattern,
    /// Messages per second of all clients together, sent on a schedule; without it each client
    /// sends as soon as it may
    #[arg(long, value_name = "MESSAGES_PER_SECOND",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,
    /// Print the figures as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads a whole number from 1 to `most`.
pub fn count(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=most)
}

/// Reads how long to measure: up to a day.
///
/// # Errors
///
/// One line that says what to write instead.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    match parse_interval(text)? {
        duration if duration > LONGEST => Err("give at most a day, for example 2s".into()),
        duration => Ok(duration),
    }
}

impl Load {
    /// Says what is wrong with the options together, as each alone was right.
    ///
    /// # Errors
    ///
    /// One line that names the options and what to do.
    pub fn check(&self) -> Result<(), String> {
        if let (Some(rate), Pattern::Churn | Pattern::Idle) = (self.rate, self.pattern) {
            let pattern = format!("{:?}", self.pattern).to_lowercase();
            return Err(format!(
                "'--rate {rate}' has no meaning for '--pattern {pattern}', which follows no \
                 schedule: leave one of them out"
            ));
        }
        Ok(())
    }

    /// Runs the load, then prints its figures.
    ///
    /// # Errors
    ///
    /// When nobody listens, when a wrong byte came back, or when stdout can't be written.
    pub fn run(self) -> io::Result<()> {
        let (connections, note) = fit(self.connections);
        if let (Some(note), false) = (note, self.json) {
            print_line(&note)?;
        }
        let plan = Plan {
            addr: self.addr,
            connections,
            size: self.size,
            duration: self.duration,
            pattern: self.pattern,
            rate: self.rate,
        };
        let report = drive(plan, &mut |_edge| {})?;
        let printed = if self.json { serde_json::to_string(&report)? } else { report.to_string() };
        print_line(&printed)?;
        match report.fault {
            Some(fault) if report.corrupt > 0 => Err(io::Error::other(format!(
                "wrong bytes from {}: {fault}; this server is no echo server, or has a fault",
                self.addr
            ))),
            _ => Ok(()),
        }
    }
}

/// How many of so many connections this process can have; where it is fewer, a line that says so.
pub fn fit(connections: usize) -> (usize, Option<String>) {
    /// Standard streams, the runtime's own, a clock, a child's pipes.
    const OTHERS: u64 = 32;

    // Where the limit can't be read, the connections themselves will show what it is.
    let Ok(limit) = raise_descriptor_limit() else { return (connections, None) };
    let most = usize::try_from(limit.saturating_sub(OTHERS)).unwrap_or(usize::MAX).max(1);
    let note = (most < connections).then(|| {
        format!(
            "{most} connections instead of {connections}: the limit of descriptors is {limit}; \
             raise it with `ulimit -n`"
        )
    });
    (connections.min(most), note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_longer_than_nothing_and_at_most_a_day() {
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["0s", "2", "1year", "soon"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fewer_connections_are_said() {
        assert_eq!(fit(1), (1, None));
        let (most, note) = fit(usize::MAX);
        let note = note.unwrap();
        assert!(note.contains(&most.to_string()) && note.contains("ulimit"), "{note}");
    }
}
