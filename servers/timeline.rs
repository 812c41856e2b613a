//! # Timeline: a scene as text, for who has a terminal and no browser
//!
//! Problem: what a server did in a twentieth of a second is a hundred events, and a list of them is
//! no picture.
//! Idea: a lane for each thread, client and connection, as wide as the terminal; below it one
//! message, large.
//! Leaves out: zooming: that is what the report, and `--trace`, are for.
//! Read before: `trace.rs`, and the files of `timeline/`. Read next: `cli.rs`.
//! Try: `cargo run -- timeline mio --json target/scene.json`

mod ink;
mod lanes;
mod message;

use std::io;
use std::path::PathBuf;

use console::Term;

use crate::models::Model;
use crate::output::{print_line, write_file};
use crate::scene::{self, Scene};
use crate::study::child::{Current, end_on_a_signal};
use crate::text::wrapped;
use crate::trace::trace;

/// Play a short scene with one server, and draw what it did
#[derive(Debug, clap::Args)]
pub struct Timeline {
    /// Which I/O model serves
    #[arg(value_enum)]
    pub model: Model,
    /// Also write the scene in the Trace Event Format: open it in ui.perfetto.dev or speedscope.app
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Also write the scene as JSON (DESIGN.md, "Recordings")
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Timeline {
    /// Plays, and draws.
    ///
    /// # Errors
    ///
    /// When the scene can't be played, or what it gave can't be written.
    pub fn run(self) -> io::Result<()> {
        let current = Current::default();
        end_on_a_signal(current.clone())?;
        let scene = scene::play(self.model, &current)?;
        print_line(draw(&scene, width()).trim_end())?;
        if let Some(path) = &self.json {
            write_file("--json", path, &(serde_json::to_string(&scene)? + "\n"))?;
        }
        if let Some(path) = &self.trace {
            let trace = trace([&scene]);
            write_file("--trace", path, &(serde_json::to_string(&trace)? + "\n"))?;
        }
        Ok(())
    }
}

/// As many columns as the terminal has; where there is none, as many as a page.
fn width() -> usize {
    const PAGE: usize = 100;
    const LEAST: usize = 40;

    let columns = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    columns.unwrap_or(PAGE).max(LEAST)
}

/// The picture, so many columns wide.
fn draw(scene: &Scene, width: usize) -> String {
    let title = format!("{}: {}", scene.model, scene.summary);
    let mut lines: Vec<String> =
        crate::text::wrapped(&title, width).lines().map(str::to_owned).collect();
    lines.push(String::new());
    lines.extend(lanes::draw(scene, width));
    lines.push(String::new());
    lines.extend(message::draw(scene, width));
    lines.push(String::new());
    lines.extend(scene.look_for.iter().map(|sentence| wrapped(sentence, width)));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
