//! # Compare: this run beside an earlier one
//!
//! Problem: whoever changed a server wants to know what it changed, and not to read two tables.
//! Idea: read the file that an earlier run wrote, put each main figure beside its own from then,
//! and say which differ by more than the noise of both.
//! Leaves out: files of other schemas: their figures may mean something else.
//! Read before: `study/compare/judge.rs`. Read next: `study.rs`.
//! Try: `cargo run --release -- study --compare figures.json`

mod judge;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use serde_json::Value;

use self::judge::{COMPARED, Compared, FLOOR, FLOOR_OF_ONE, Seen, Verdict};
use super::figures::{COMPANY, Figures, SCHEMA, WIDTH};
use crate::figures::short;
use crate::load::slices::SLICES;
use crate::output::printable;
use crate::text;

/// The figures of an earlier run.
pub struct Earlier(Value);

impl Earlier {
    /// Reads what `--json` wrote.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or holds something else: a line that names it, and what to do.
    pub fn read(path: &Path) -> io::Result<Earlier> {
        /// A file of all models has less than a hundredth of it.
        const LONGEST: u64 = 1 << 24;
        const HINT: &str = "give --compare a file that `study --json FILE` of this version wrote";

        let wrong = |kind, what: String| {
            io::Error::new(kind, format!("{}: {what}; {HINT}", path.display()))
        };
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
        read.map_err(|e| wrong(e.kind(), format!("can't be read: {e}")))?;
        let figures: Value = serde_json::from_slice(&text)
            .map_err(|e| wrong(ErrorKind::InvalidData, format!("is no JSON: {e}")))?;
        match figures["schema"].as_str() {
            Some(SCHEMA) => Ok(Earlier(figures)),
            Some(other) => {
                let other = printable(other.as_bytes());
                let what = format!("has schema '{other}', and not '{SCHEMA}'");
                Err(wrong(ErrorKind::InvalidData, what))
            }
            None => Err(wrong(ErrorKind::InvalidData, "holds no figures of a study".into())),
        }
    }

    /// A table of old and new, and below it what that says.
    ///
    /// # Errors
    ///
    /// None that figures have.
    pub fn beside(&self, figures: &Figures) -> io::Result<String> {
        Ok(self.text(&serde_json::to_value(figures)?))
    }

    fn text(&self, new: &Value) -> String {
        let old = &self.0;
        let lines: Vec<Line> = models(new)
            .flat_map(|model| COMPARED.iter().map(|what| Line::new(what, old, model)))
            .collect();
        let told = text::paragraphs(include_str!("text/compare.md"), Facts::new(&lines, old, new));
        let told: Vec<String> =
            told.iter().map(|paragraph| text::wrapped(paragraph, WIDTH)).collect();
        format!("{}\n\n{}", table(&lines), told.join("\n"))
    }
}

/// One figure of one model, then and now.
struct Line {
    model: String,
    what: &'static Compared,
    found: Result<(Seen, Seen, Verdict), String>,
}

impl Line {
    fn new(what: &'static Compared, old: &Value, model: &Value) -> Line {
        let name = model["model"].as_str().unwrap_or_default();
        let before = models(old).find(|other| other["model"] == name);
        let then = what.find(before).map_err(|why| format!("then: {why}"));
        let now = what.find(Some(model)).map_err(|why| format!("now: {why}"));
        let found = then.and_then(|then| {
            let now = now?;
            let verdict = what.judge(&then, &now);
            Ok((then, now, verdict))
        });
        Line { model: name.into(), what, found }
    }

    fn cells(&self) -> Vec<Cell> {
        let (figures, said) = match &self.found {
            Ok((old, new, verdict)) => {
                let ratio = new.figure / old.figure;
                let ratio = if ratio.is_finite() { short(ratio) } else { "-".into() };
                let said = match verdict {
                    Verdict::Noise => "",
                    Verdict::Better => "better",
                    Verdict::Worse => "worse",
                };
                ([short(old.figure), spread(old), short(new.figure), spread(new), ratio], said)
            }
            Err(why) => (["-", "", "-", "", "-"].map(String::from), why.as_str()),
        };
        let names = [&self.model, self.what.phase, self.what.title].map(Cell::new);
        let figures = figures.map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
        names.into_iter().chain(figures).chain([Cell::new(said)]).collect()
    }
}

fn spread(seen: &Seen) -> String {
    seen.spread
        .map_or_else(String::new, |(least, most)| format!("{}–{}", short(least), short(most)))
}

fn models(figures: &Value) -> impl Iterator<Item = &Value> {
    figures["models"].as_array().into_iter().flatten()
}

fn table(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["model", "phase", "figure", "old", "spread", "new", "spread", "ratio", ""]);
    for line in lines {
        table.add_row(line.cells());
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A condition that was another one then.
#[derive(Serialize)]
struct Changed {
    what: &'static str,
    old: String,
    new: String,
}

/// What there is to say below the table.
#[derive(Serialize)]
struct Facts {
    better: usize,
    worse: usize,
    judged: usize,
    missing: usize,
    slices: u32,
    floor: String,
    once: String,
    changed: Vec<Changed>,
    busy_then: bool,
    busy_now: bool,
}

impl Facts {
    fn new(lines: &[Line], old: &Value, new: &Value) -> Facts {
        let found = || lines.iter().filter_map(|line| line.found.as_ref().ok());
        let count = |verdict| found().filter(|(_, _, is)| *is == verdict).count();
        let judged = found().count();
        Facts {
            better: count(Verdict::Better),
            worse: count(Verdict::Worse),
            judged,
            missing: lines.len() - judged,
            slices: SLICES,
            floor: FLOOR.to_string(),
            once: FLOOR_OF_ONE.to_string(),
            changed: changed(old, new),
            busy_then: had_company(old),
            busy_now: had_company(new),
        }
    }
}

fn changed(old: &Value, new: &Value) -> Vec<Changed> {
    const CONDITIONS: [(&str, &str); 11] = [
        ("the system", "/machine/os"),
        ("the architecture", "/machine/arch"),
        ("the kernel", "/machine/kernel"),
        ("the number of cores", "/machine/cores"),
        ("compiled with optimizations", "/machine/release"),
        ("--duration in seconds", "/settings/seconds"),
        ("--connections", "/settings/connections"),
        ("the size of a message", "/settings/size"),
        ("the fixed rate", "/settings/rate"),
        ("the faster rate", "/settings/fast"),
        ("the number of slices", "/settings/slices"),
    ];
    let at = |figures: &Value, place| figures.pointer(place).cloned().unwrap_or(Value::Null);
    let said = |value: Value| match value {
        Value::Null => "unknown".into(),
        Value::String(text) => printable(text.as_bytes()),
        other => other.to_string(),
    };
    let pairs = CONDITIONS.map(|(what, place)| (what, at(old, place), at(new, place)));
    let differ = pairs.into_iter().filter(|(_, old, new)| old != new);
    differ.map(|(what, old, new)| Changed { what, old: said(old), new: said(new) }).collect()
}

/// Whether tasks of other programs wanted the cores before a run.
fn had_company(figures: &Value) -> bool {
    figures["machine"]["load_average"].as_f64() >= Some(COMPANY)
}
