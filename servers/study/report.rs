//! # Report: what a study leaves behind
//!
//! Problem: figures say what a model costs, and pictures why; a reader wants both in one place,
//! from the same machine and the same day.
//! Idea: when all is measured, each model plays the scene; pictures, charts and words go into one
//! page. What is recorded is not measured, and what is measured is not recorded.
//! Leaves out: how the page looks: `study/page.rs`.
//! Read before: `scene.rs`, `study/chart.rs`, `study/page.rs`. Read next: `study.rs`.
//! Try: `cargo run --release -- study --models mio,async --duration 1s`

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::chart::{Chart, charts};
use super::child::Current;
use super::figures::{Figures, Machine};
use super::page;
use super::progress::Progress;
use crate::models::Model;
use crate::output::write_file;
use crate::scene::{self, Scene};
use crate::trace::trace;

/// How long a scene takes, its server included.
pub const SCENE: Duration = Duration::from_millis(150);

/// What is shown of one model.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// Its scene.
    Scene(Box<Scene>),
    /// Why there is none.
    Nothing {
        /// The name of the model.
        model: &'static str,
        /// What it shows.
        summary: String,
        /// One line.
        unavailable: String,
    },
}

/// The report, as the page's template reads it.
#[derive(Serialize)]
struct Page<'a> {
    title: &'static str,
    date: String,
    command: String,
    version: &'static str,
    machine: &'a Machine,
    story: &'a [String],
    scenes: &'a [Shown],
    charts: Vec<Chart>,
}

/// Has each model play the scene.
pub(super) fn play(models: &[Model], current: &Current, progress: &mut Progress) -> Vec<Shown> {
    let show = |model: &Model| {
        let play = || model.check().and_then(|()| scene::play(*model, current));
        match progress.during(format!("{model}: the scene"), SCENE, play) {
            Ok(scene) => Shown::Scene(Box::new(scene)),
            Err(why) => Shown::Nothing {
                model: model.name(),
                summary: model.summary(),
                unavailable: why.to_string(),
            },
        }
    };
    models.iter().map(show).collect()
}

/// Writes the page, and says where it is and how to open it.
///
/// # Errors
///
/// When the file can't be written.
pub(super) fn write_page(path: &Path, figures: &Figures, scenes: &[Shown]) -> io::Result<String> {
    let page = Page {
        title: "What really happened",
        date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        command: env::args().collect::<Vec<_>>().join(" "),
        version: env!("CARGO_PKG_VERSION"),
        machine: &figures.machine,
        story: &figures.story,
        scenes,
        charts: charts(figures),
    };
    write_file("--html", path, &page::render(&page)?)?;
    let whole = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    let (whole, opener) = (whole.display(), opener());
    Ok(format!("Pictures and charts: {whole}\nOpen it in any browser: {opener} {whole}"))
}

/// What opens a file with the program that is meant for it.
fn opener() -> &'static str {
    match env::consts::OS {
        "macos" => "open",
        "windows" => "start",
        _ => "xdg-open",
    }
}

/// Writes all scenes in the Trace Event Format.
///
/// # Errors
///
/// When the file can't be written.
pub(super) fn write_trace(path: &Path, scenes: &[Shown]) -> io::Result<()> {
    let scenes = scenes.iter().filter_map(|shown| match shown {
        Shown::Scene(scene) => Some(&**scene),
        Shown::Nothing { .. } => None,
    });
    write_file("--trace", path, &(serde_json::to_string(&trace(scenes))? + "\n"))
}
