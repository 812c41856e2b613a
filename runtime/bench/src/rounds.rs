//! Taking turns, and what is left of the rounds.

use std::fmt;
use std::io;

/// What one contestant needed, once per round.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// None yet.
    pub const fn new() -> Self {
        Samples(Vec::new())
    }

    /// Takes note of one round.
    pub fn add(&mut self, sample: f64) {
        self.0.push(sample);
        self.0.sort_by(f64::total_cmp);
    }

    /// The one in the middle; of an even number the lower of the two.
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
    }
}

/// `median (least–greatest)`, with as many decimals as asked for.
impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(0);
        let least = self.0.first().copied().unwrap_or(f64::NAN);
        let greatest = self.0.last().copied().unwrap_or(f64::NAN);
        let median = self.median();
        let text = format!("{median:.decimals$} ({least:.decimals$}–{greatest:.decimals$})");
        f.pad_integral(true, "", &text)
    }
}

/// Calls `measure` once per round for each contestant: each round begins with another one, so
/// that nobody always follows the same other.
pub fn take_turns(
    rounds: usize,
    contestants: usize,
    mut measure: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<()> {
    for round in 0..rounds {
        for turn in 0..contestants {
            measure((round + turn) % contestants)?;
        }
    }
    Ok(())
}
