//! # Audit: does a program sleep while it has nothing to do?
//!
//! Problem: 'this never busy-spins' is a claim about any program, and most find out by its heat.
//! Idea: watch a process from outside, without stopping it: the kernel's account of each thread
//! tells sleep from rhythm from work, and where calls can be counted, work from vain questions.
//! Leaves out: other systems than Linux, whose kernels keep other accounts.
//! Read before: the files of `audit/`, from `audit/signals.rs` on. Read next: `cli.rs`.
//! Try: `cargo run -- audit -- cargo run -- serve nonblocking --stats`

#[cfg(target_os = "linux")]
pub mod perf;
#[cfg(target_os = "linux")]
pub mod report;
#[cfg(target_os = "linux")]
pub mod signals;
#[cfg(target_os = "linux")]
pub mod table;
#[cfg(target_os = "linux")]
pub mod tree;
#[cfg(target_os = "linux")]
pub mod verdict;
#[cfg(target_os = "linux")]
pub mod watch;

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use crate::load::parse_duration;
use crate::output::printable;

const VERDICTS: &str = "\
Verdicts:
  asleep    no CPU time and no context switch
  periodic  woken at a steady rate (16 times or more in all), below 20 % of a core
  busy      ran: work, an uneven rhythm, or a loop that asks nobody
  spinning  most of its system calls came back with nothing, at once

To tell spinning from busy it needs perf and the right to trace (usually root's), or a command
whose last line is that of 'dormouse serve --stats'. Without, both are busy.";

/// Watch a process, and say per thread whether it sleeps, wakes at a steady rate, runs or spins
#[derive(Debug, clap::Args)]
#[command(after_help = VERDICTS)]
pub struct Audit {
    /// Watch this running process alone, not its children; it is left running
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=0x7fff_ffff))]
    pub pid: Option<u32>,
    /// How long to watch
    #[arg(long, default_value = "2s", value_parser = parse_span)]
    pub duration: Duration,
    /// Exit with 1 if any thread was not asleep
    #[arg(long)]
    pub expect_idle: bool,
    /// Print the figures as one line of JSON (DESIGN.md, "Figures as JSON")
    #[arg(long)]
    pub json: bool,
    /// Start this program, wait half a second, watch it and all that it starts, then end them
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Reads how long to watch: up to a day, and not so short that its slices say nothing.
fn parse_span(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        span if span < Duration::from_millis(100) => Err("give at least 100ms".into()),
        span => Ok(span),
    }
}

impl Audit {
    /// Says what is wrong with the options together, as each alone was right.
    ///
    /// # Errors
    ///
    /// One line that names the options and what to do.
    pub fn check(&self) -> Result<(), String> {
        match (self.pid, self.command.first()) {
            (None, None) => Err("nothing to watch: give '--pid N', or a command after '--'".into()),
            (Some(pid), Some(program)) => Err(format!(
                "'--pid {pid}' and the command '{}' can't both be watched: leave one of them out",
                printable(program.as_encoded_bytes())
            )),
            _ => Ok(()),
        }
    }

    /// Watches, and prints what was found.
    ///
    /// # Errors
    ///
    /// When there is nobody to watch (any more), or, where that is expected, if a thread was awake.
    #[cfg(target_os = "linux")]
    pub fn run(self) -> io::Result<()> {
        let signals = signals::Signals::catch()?;
        let report = self.watch(&signals);
        // All that was started has ended by now.
        if let Some(signal) = signals.caught() {
            std::process::exit(128 + signal);
        }
        // From here on a signal ends this process at once.
        drop(signals);
        let report = report?;
        let text = if self.json { serde_json::to_string(&report)? } else { table::table(&report) };
        crate::output::print_line(&text)?;
        if self.expect_idle { report.expect_idle().map_err(io::Error::other) } else { Ok(()) }
    }

    #[cfg(target_os = "linux")]
    fn watch(&self, signals: &signals::Signals) -> io::Result<report::Report> {
        use self::perf::Perf;
        use self::report::{Evidence, Report};
        use self::watch::{Target, Watch};

        let mut target = match self.pid {
            Some(pid) => Target::Process(pid),
            None => Target::command(&self.command, signals)?,
        };
        let mut watch = Watch::begin(&mut target)?;
        let mut perf = Perf::attach(watch.present());
        let count_on = |watch: &Watch| perf.try_again(watch.present());
        let span = watch.go_on(&mut target, self.duration, signals, count_on)?;
        let evidence = Evidence { perf: perf.finish(), stats: target.end() };
        let threads: Vec<_> = watch.threads().collect();
        Ok(Report::new(span, &threads, &evidence))
    }

    /// Says what is missing.
    ///
    /// # Errors
    ///
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub fn run(self) -> io::Result<()> {
        let why = "audit reads the accounts that Linux keeps of each thread: run it on Linux";
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_room_for_its_slices() {
        assert_eq!(parse_span("100ms"), Ok(Duration::from_millis(100)));
        for wrong in ["99ms", "0s", "soon", "2days"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }
}
