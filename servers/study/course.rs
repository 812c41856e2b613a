//! # Course: what one model goes through
//!
//! Problem: every question wants a phase of its own, and the reader has less than a minute.
//! Idea: the phases of a model share its time by their weights. The main ones make its row; those
//! with messages come twice again, as short as one of their slices, each with another server
//! process: that is part of their noise. One beside the main ones that fails is a point that is
//! missing, and no more.
//! Leaves out: an order by chance.
//! Read before: `study/row.rs`. Read next: `study/table.rs`.
//! Try: `cargo run --release -- study --models nonblocking`

use std::io;
use std::time::Duration;

use super::phase::{FAST, IDLE, Phase, RATE, most};
use super::row::{Findings, Phases, Point};
use super::{growth, trade};
use crate::load::fit;
use crate::load::slices::SLICES;
use crate::models::Model;

/// The phases of one model.
pub struct Course {
    main: [Phase; 4],
    growth: Vec<Phase>,
    again: Vec<Phase>,
    every: Vec<Phase>,
}

/// How many of the main phases come again: those with messages. Silence is the same in all slices.
const REPEATED: usize = 3;

impl Course {
    /// With so many clients while there are messages.
    pub fn new(model: Model, busy: usize) -> Course {
        let rate = |rate| Phase::rate(busy, rate);
        let idle = Phase::idle(most(model, IDLE));
        let main = [Phase::full(busy), rate(RATE), rate(FAST), idle].map(fitted);
        let again = main[..REPEATED].iter().cycle().take(2 * REPEATED).map(repeated).collect();
        let growth = growth::phases(model).into_iter().map(fitted).collect();
        let every = trade::phases(model, busy).into_iter().map(fitted).collect();
        Course { main, growth, again, every }
    }

    /// In the order in which they are run.
    pub fn phases(&self) -> impl Iterator<Item = &Phase> {
        self.main.iter().chain(&self.growth).chain(&self.again).chain(&self.every)
    }

    /// The part of a phase in the time of all.
    pub fn share(&self, phase: &Phase, whole: Duration) -> Duration {
        let weights: f64 = self.phases().map(|phase| phase.weight).sum();
        whole.mul_f64(phase.weight / weights)
    }

    /// Has each phase run.
    ///
    /// # Errors
    ///
    /// Those of the main phases.
    pub fn run(&self, mut run: impl FnMut(&Phase) -> io::Result<Findings>) -> io::Result<Phases> {
        let [full, rate, fast, idle] = &self.main;
        let mut main = [run(full)?, run(rate)?, run(fast)?, run(idle)?];
        let growth = points(&self.growth, &mut run);
        // Not at once: a machine needs some time to come into another state.
        for (at, phase) in self.again.iter().enumerate() {
            // What fails here is one measurement less, of a phase that has its own.
            if let Ok(other) = run(phase) {
                main[at % REPEATED].again(&other);
            }
        }
        let every = points(&self.every, &mut run);
        let [full, rate, fast, idle] = main;
        Ok(Phases { full, rate, fast, idle, growth, every })
    }
}

/// With as many clients as this process can have.
fn fitted(phase: Phase) -> Phase {
    Phase { connections: fit(phase.connections).0, ..phase }
}

fn repeated(phase: &Phase) -> Phase {
    let name = format!("{}, again", phase.name);
    Phase { name, weight: phase.weight / f64::from(SLICES), ..phase.clone() }
}

fn points(phases: &[Phase], run: &mut impl FnMut(&Phase) -> io::Result<Findings>) -> Vec<Point> {
    phases.iter().map(|phase| Point::new(phase, run(phase))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::made_up::findings;
    use super::*;
    use crate::figures::float;

    #[test]
    fn the_phases_share_the_time_of_a_model() {
        let whole = Duration::from_secs(4);
        for model in Model::all() {
            let course = Course::new(*model, 64);
            let shares: Duration = course.phases().map(|phase| course.share(phase, whole)).sum();
            assert!(shares.abs_diff(whole) < Duration::from_micros(1), "{model}: {shares:?}");
            assert!(
                course.phases().all(|phase| phase.connections <= 900 || *model != Model::Select)
            );
        }
    }

    #[test]
    fn a_phase_beside_the_main_ones_that_fails_is_a_point_that_says_why() {
        let course = Course::new(Model::Nonblocking, 64);
        let fails = |name: &'static str| {
            course.run(move |phase| {
                let found = findings(phase.connections);
                if phase.name == name { Err(io::Error::other("no room")) } else { Ok(found) }
            })
        };
        let phases = fails("1000 connections").unwrap();
        let missing: Vec<_> =
            phases.growth.iter().map(|point| point.unavailable.as_deref()).collect();
        assert_eq!(missing, [None, None, None, Some("no room")]);
        assert_eq!(
            phases.every.iter().map(|point| point.every).collect::<Vec<_>>(),
            trade::EVERY.map(Some)
        );
        assert_eq!(fails("idle").unwrap_err().to_string(), "no room");
    }

    #[test]
    fn what_comes_again_is_noise_of_the_main_phases() {
        let course = Course::new(Model::Mio, 64);
        let mut names = Vec::new();
        let run = course.run(|phase| {
            names.push(phase.name.clone());
            let mut found = findings(phase.connections);
            found.load.messages_per_second = float(names.len() as u64);
            Ok(found)
        });
        let noise = |findings: &Findings| findings.noise.messages_per_second.range();
        let phases = run.unwrap();
        let ends = [&phases.full, &phases.rate, &phases.fast].map(|findings| {
            let range = noise(findings).unwrap();
            (range.min, range.max)
        });
        // Four main phases and four of the growth came before.
        assert_eq!(ends, [(9.0, 12.0), (10.0, 13.0), (11.0, 14.0)], "{names:?}");
        assert_eq!(noise(&phases.idle), None);
        assert!(phases.every.is_empty());
    }
}
