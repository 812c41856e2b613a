//! # Figures: all that a study has found
//!
//! Problem: a table is for eyes; tests, reports and later runs want every figure behind it.
//! Idea: one struct holds all of it. Its text is the table with its story, its JSON has every
//! figure; the schema's number tells readers of old files what they have.
//! Leaves out: single latencies: only how they are spread.
//! Read before: `study/story.rs`. Read next: `study/measure.rs`.
//! Try: `cargo run --release -- study --json figures.json`

use std::fmt;
use std::thread;

use minijinja::context;
use serde::Serialize;

use super::phase::{FAST, IDLE, RATE, SIZE};
use super::row::Row;
use super::story::story;
use super::table::table;
use crate::load::slices::SLICES;
use crate::text;

/// The number grows when a key changes its meaning or goes.
pub const SCHEMA: &str = "dormouse-study/2";

/// From so many tasks of other programs on, their company shows in the figures.
pub(super) const COMPANY: f64 = 0.5;

/// All figures of a study: the file that `--json` writes, described in DESIGN.md, "Figures as
/// JSON".
#[derive(Debug, Serialize)]
pub struct Figures {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Where it was measured.
    pub machine: Machine,
    /// What was asked for.
    pub settings: Settings,
    /// One row per model, in the order of the table.
    pub models: Vec<Row>,
    /// The sentences under the table.
    pub story: Vec<String>,
}

/// Where it was measured.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// `linux`, `macos`, `windows`…
    pub os: &'static str,
    /// `x86_64`, `aarch64`…
    pub arch: &'static str,
    /// The version of the kernel; `null` where the system does not tell.
    pub kernel: Option<String>,
    /// Cores that server and load share; `null` where the system does not tell.
    pub cores: Option<usize>,
    /// How many tasks of other programs could run, on average over the minute before
    /// (`/proc/loadavg`, proc(5)); `null` where the system does not tell.
    pub load_average: Option<f32>,
    /// Whether the program was compiled with optimizations.
    pub release: bool,
}

/// What was asked for.
#[derive(Debug, Serialize)]
pub struct Settings {
    /// Measured time per model, all phases together.
    pub seconds: f64,
    /// Clients while there are messages.
    pub connections: usize,
    /// Bytes of one message.
    pub size: usize,
    /// Messages per second in the phase `rate`, all clients together.
    pub rate: u32,
    /// The same in the phase `fast`.
    pub fast: u32,
    /// Into how many equal parts each measured time was cut.
    pub slices: u32,
}

impl Figures {
    /// Puts the rows of this machine together.
    pub fn new(machine: Machine, seconds: f64, connections: usize, models: Vec<Row>) -> Figures {
        Figures {
            schema: SCHEMA,
            machine,
            settings: Settings {
                seconds,
                connections,
                size: SIZE,
                rate: RATE,
                fast: FAST,
                slices: SLICES,
            },
            story: story(&models),
            models,
        }
    }
}

impl Machine {
    /// Asks the system, before it is kept busy.
    pub fn this() -> Machine {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Machine {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            kernel: kernel.map(|version| version.trim().to_owned()),
            cores: thread::available_parallelism().ok().map(usize::from),
            load_average: load_average(),
            release: !cfg!(debug_assertions),
        }
    }
}

#[cfg(target_os = "linux")]
fn load_average() -> Option<f32> {
    use procfs::Current;

    procfs::LoadAverage::current().ok().map(|load| load.one)
}

#[cfg(not(target_os = "linux"))]
fn load_average() -> Option<f32> {
    None
}

/// Columns of text: a terminal need not break it.
pub(super) const WIDTH: usize = 100;

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for paragraph in self.settings.course() {
            writeln!(f, "{}", text::wrapped(&paragraph, WIDTH))?;
        }
        writeln!(f, "\n{}\n", table(&self.models))?;
        let told = self.story.iter().cloned().chain(self.machine.caution());
        let lines: Vec<String> = told.map(|paragraph| text::wrapped(&paragraph, WIDTH)).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Settings {
    /// What is done to each model.
    fn course(&self) -> Vec<String> {
        let Settings { seconds, connections, size, rate, fast, .. } = self;
        text::paragraphs(
            include_str!("text/course.md"),
            context! { seconds => seconds.to_string(), connections, size, rate, fast, idle => IDLE },
        )
    }
}

impl Machine {
    /// What the machine has to do with the figures.
    fn caution(&self) -> Vec<String> {
        let Machine { cores, release, .. } = self;
        let company = self.load_average.filter(|average| f64::from(*average) >= COMPANY);
        let company = company.map(|others| format!("{others:.1}"));
        text::paragraphs(include_str!("text/machine.md"), context! { cores, release, company })
    }
}
