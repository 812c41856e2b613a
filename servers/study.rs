//! # Study: all servers under the same load, in one table
//!
//! Problem: what a model costs is known to everybody and was measured by few.
//! Idea: each model as a process of its own, under the same load, with the kernel as witness; then
//! a table, and what it shows, in sentences that are computed.
//! Leaves out: repetition. One run of a few seconds tells tens of percent apart, not single ones.
//! Read before: `load.rs`, and the files of `study/`. Read next: `main.rs`.
//! Try: `cargo run --release`

pub mod chart;
pub mod child;
pub mod compare;
pub mod course;
pub mod figures;
pub mod growth;
#[cfg(test)]
mod made_up;
pub mod measure;
pub mod noise;
pub mod page;
pub mod phase;
pub(crate) mod progress;
pub mod report;
pub mod row;
pub mod sample;
pub mod story;
pub mod table;
pub mod trade;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use self::child::{Current, end_on_a_signal};
use self::compare::Earlier;
use self::course::Course;
use self::figures::{Figures, Machine};
use self::phase::{IDLE, measure};
use self::progress::Progress;
use self::row::{Findings, Phases, Row};
use crate::load::{count, fit, parse_duration};
use crate::models::Model;
use crate::output::{check_writable, print_line, write_file};

/// Put each server under the same load, compare what it cost, and write a report
#[derive(Debug, clap::Args)]
pub struct Study {
    /// Which models, separated by commas; all when not given
    #[arg(long, value_enum, value_name = "MODELS", value_delimiter = ',')]
    pub models: Vec<Model>,
    /// How long to measure each model, all its phases together
    #[arg(long, default_value = "4s", value_parser = parse_duration)]
    pub duration: Duration,
    /// How many clients while there are messages
    #[arg(long, value_name = "N", default_value = "64", value_parser = count(100_000))]
    pub connections: usize,
    /// Also write all figures as JSON (DESIGN.md, "Figures as JSON")
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where to write the report, a page with pictures and charts that any browser opens
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub html: PathBuf,
    /// Also write what the pictures show in the Trace Event Format: open it in ui.perfetto.dev or
    /// speedscope.app
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Also compare with an earlier run: the file that its `--json` wrote
    #[arg(long, value_name = "OLD.json")]
    pub compare: Option<PathBuf>,
}

impl Study {
    /// Measures, prints the table and its story, and writes the report, and the figures where they
    /// are wanted.
    ///
    /// # Errors
    ///
    /// When the earlier run can't be read, or stdout or a file can't be written. A model that can't
    /// be measured is a row.
    pub fn run(self) -> io::Result<()> {
        self.check_files()?;
        let earlier = self.compare.as_deref().map(Earlier::read).transpose()?;
        let current = Current::default();
        end_on_a_signal(current.clone())?;
        let machine = Machine::this();
        let (connections, note) = fit(self.connections);
        let models = self.chosen();
        let mut progress = Progress::new(self.expected(&models));
        let rows = self.measure_all(&models, connections, &current, &mut progress);
        let scenes = report::play(&models, &current, &mut progress);
        drop(progress);
        let figures = Figures::new(machine, self.duration.as_secs_f64(), connections, rows);
        for note in note.into_iter().chain(fit(IDLE).1) {
            print_line(&note)?;
        }
        print_line(&figures.to_string())?;
        if let Some(earlier) = earlier {
            print_line(&format!("\n{}", earlier.beside(&figures)?))?;
        }
        if let Some(path) = &self.json {
            write_file("--json", path, &(serde_json::to_string_pretty(&figures)? + "\n"))?;
        }
        if let Some(path) = &self.trace {
            report::write_trace(path, &scenes)?;
        }
        print_line(&format!("\n{}", report::write_page(&self.html, &figures, &scenes)?))
    }

    /// Whoever gave a file that can't be written hears of it before a minute is over.
    fn check_files(&self) -> io::Result<()> {
        let files = [("--html", Some(&self.html)), ("--json", self.json.as_ref())];
        let files = files.into_iter().chain([("--trace", self.trace.as_ref())]);
        files
            .filter_map(|(option, path)| Some((option, path?)))
            .try_for_each(|(option, path)| check_writable(option, path))
    }

    fn expected(&self, models: &[Model]) -> Duration {
        models.iter().map(|_| self.duration + report::SCENE).sum()
    }

    fn measure_all(
        &self,
        models: &[Model],
        connections: usize,
        current: &Current,
        progress: &mut Progress,
    ) -> Vec<Row> {
        let mut rows = Vec::with_capacity(models.len());
        for &model in models {
            // What keeps one model from being measured says nothing about the others.
            let (phases, unavailable) = match self.measure(model, connections, current, progress) {
                Ok(phases) => (Some(phases), None),
                Err(why) => (None, Some(why.to_string())),
            };
            rows.push(Row { model: model.name(), unavailable, phases });
        }
        rows
    }

    fn measure(
        &self,
        model: Model,
        connections: usize,
        current: &Current,
        progress: &mut Progress,
    ) -> io::Result<Phases> {
        let course = Course::new(model, connections);
        course.run(|phase| {
            let duration = course.share(phase, self.duration);
            let work = || measure(model, phase, duration, current);
            progress.during(format!("{model}: {}", phase.name), duration, work).map(Findings::new)
        })
    }

    /// The models asked for, each once, in the order in which they are listed everywhere.
    fn chosen(&self) -> Vec<Model> {
        let wanted = |model: &Model| self.models.is_empty() || self.models.contains(model);
        Model::all().iter().copied().filter(wanted).collect()
    }
}
