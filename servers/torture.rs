//! # Torture: what real clients do wrong, to a server that has others to serve
//!
//! Problem: in tests clients are polite. Real ones stop reading, trickle, flood, vanish in the
//! middle, or are more than there are descriptors; and none of that may hurt anybody else, or
//! leave anything behind.
//! Idea: rogues that do all of it, in an order drawn from a seed, beside guests whose every byte is
//! checked, and how long they wait for it. When all have left, the server must have what it had.
//! Leaves out: clients on other machines: a loopback loses no packet.
//! Read before: `study.rs`, and the files of `torture/`, from `torture/plan.rs` on. Read next:
//! `audit/signals.rs`.
//! Try: `cargo run -- torture mio --duration 2s`

#[cfg(target_os = "linux")]
mod counted;
#[cfg(target_os = "linux")]
mod course;
#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod guest;
#[cfg(target_os = "linux")]
mod holdings;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod rogue;
#[cfg(target_os = "linux")]
mod tally;
#[cfg(target_os = "linux")]
mod verdict;
#[cfg(target_os = "linux")]
mod wire;

use std::io;
use std::time::Duration;

#[cfg(target_os = "linux")]
use self::verdict::Verdict;
use crate::load::parse_duration;
use crate::models::Model;
#[cfg(target_os = "linux")]
use crate::study::child::Current;

/// Serve clients that misbehave beside some that behave: nothing may be lost, or left behind
#[derive(Debug, clap::Args)]
pub struct Torture {
    /// Which model; all, one after the other, when not given
    #[arg(value_enum)]
    pub model: Option<Model>,
    /// Makes the same clients do the same things again; drawn, and printed, when not given
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How long to torture each model; to begin and to come to rest takes some seconds more
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,
}

impl Torture {
    /// Tortures each model, and says what came of it.
    ///
    /// # Errors
    ///
    /// When a model lost something, or kept it; or when there can be no torture here.
    #[cfg(target_os = "linux")]
    pub fn run(self) -> io::Result<()> {
        use crate::output::print_line;
        use crate::study::child::end_on_a_signal;
        use crate::study::progress::Progress;

        let models: Vec<Model> = self.model.map_or_else(|| Model::all().to_vec(), |one| vec![one]);
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        let current = Current::default();
        end_on_a_signal(current.clone())?;
        have_descriptors()?;
        print_line(&format!("seed {seed}: with `--seed {seed}` the clients do the same again"))?;
        let expected = self.duration + course::REST;
        let mut progress = Progress::new(expected * u32::try_from(models.len()).unwrap_or(1));
        let mut failed = Vec::new();
        for model in models {
            let work = || self.torture(model, seed, &current);
            let verdict = progress.during(format!("{model}: torture"), expected, work)?;
            progress.suspend(|| print_line(&verdict.to_string()))?;
            failed.extend((!verdict.is_sound()).then(|| model.name()));
        }
        if failed.is_empty() {
            return Ok(());
        }
        let failed = failed.join(", ");
        let what = format!("{failed}: not sound; again with `torture MODEL --seed {seed}`");
        Err(io::Error::other(what))
    }

    /// What can't serve here fails alone, and is passed over among all.
    #[cfg(target_os = "linux")]
    fn torture(&self, model: Model, seed: u64, current: &Current) -> io::Result<Verdict> {
        match model.check() {
            Err(why) if self.model.is_none() => Ok(Verdict::unavailable(model, &why)),
            Err(why) => Err(why),
            Ok(()) => course::torture(model, seed, self.duration, current)
                // No pipe of ours: a server that has gone is no reader who has seen enough.
                .map_err(|e| io::Error::other(format!("{model}: {e}"))),
        }
    }

    /// Elsewhere nobody says what a server has.
    ///
    /// # Errors
    ///
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub fn run(self) -> io::Result<()> {
        let why = "'torture' needs Linux: it reads there what a server has";
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
}

/// Raises the limit of descriptors, and says when there are too few for all the clients.
#[cfg(target_os = "linux")]
fn have_descriptors() -> io::Result<()> {
    /// A crowd of 80, 36 others, and what a process has besides.
    const NEEDED: u64 = 160;

    match crate::limits::raise_descriptor_limit()? {
        NEEDED.. => Ok(()),
        most => {
            let what = format!("'torture' needs {NEEDED} descriptors, and may have {most}");
            Err(io::Error::other(format!("{what}; raise the limit (ulimit -n)")))
        }
    }
}

/// How long a client may wait for what the server owes it, whatever keeps the server from it.
#[cfg(target_os = "linux")]
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 4 } else { 20 });
