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
use std::ffi::{OsStr, OsString};
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
use crate::output::{printable, write_file};
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
        let play = || scene::play(*model, current);
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
        command: command(env::args_os()),
        version: env!("CARGO_PKG_VERSION"),
        machine: &figures.machine,
        story: &figures.story,
        scenes,
        charts: charts(figures),
    };
    write_file("--html", path, &page::render(&page)?)?;
    let whole = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    let (whole, opener) = (quoted(whole.as_os_str()), opener());
    Ok(format!("Pictures and charts: {whole}\nOpen it in any browser: {opener} {whole}"))
}

/// A command line as it could be typed again.
fn command(words: impl Iterator<Item = OsString>) -> String {
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// A word of a command line, in quotes where a shell would see more in it. What is no text, or
/// would move the cursor, is escaped: then it is only to be read.
fn quoted(word: &OsStr) -> String {
    let word = printable(word.as_encoded_bytes()).replace(r"\\", r"\");
    let plain = |letter: char| letter.is_alphanumeric() || "/:._-+=,@%".contains(letter);
    let plain = |letter| plain(letter) || (cfg!(windows) && letter == '\\');
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again() {
        let said = |words: &[&str]| command(words.iter().map(OsString::from));
        assert_eq!(
            said(&["dormouse", "study", "--models", "mio,async"]),
            "dormouse study --models mio,async"
        );
        assert_eq!(said(&["--html", "it's a page.html", ""]), r"--html 'it'\''s a page.html' ''");
        assert_eq!(said(&["\u{1b}[2J"]), r"'\u{1b}[2J'");
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_is_no_text_is_shown_too() {
        use std::os::unix::ffi::OsStringExt;

        let word = OsString::from_vec(b"\xff.html".to_vec());
        assert_eq!(command([word].into_iter()), r"'\xff.html'");
    }
}
