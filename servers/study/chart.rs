//! # Chart: the figures as pictures would show them
//!
//! Problem: whoever draws the figures should not have to know where each of them stands, or guess
//! what a missing one means.
//! Idea: a chart is plain points in series; each has its spread, or the reason why it is missing.
//! Leaves out: how they are drawn; titles and notes, which are in `text/charts.md`.
//! Read before: `study/measure.rs`. Read next: `study/chart/series.rs`.
//! Try: `cargo test chart`

mod series;
#[cfg(test)]
mod tests;

use minijinja::context;
use serde::Serialize;

use self::series::{Bar, bars, lines, trade};
use super::figures::Figures;
use super::measure::{CPU_PERCENT, CPU_TIME, LATENCY, MEMORY, Measure, THROUGHPUT, VAIN};
use super::phase::{FAST, IDLE, RATE};
use crate::figures::grouped;
use crate::text;

/// One chart: bars in groups, or lines.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Its name, for whoever looks for it.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// What to know of it.
    pub note: Option<String>,
    /// What its figures are counted in.
    pub unit: &'static str,
    /// Whether its figures are so far apart that only their ratios show.
    pub log: bool,
    /// The axis of lines; `null` for bars, one group per category.
    pub x: Option<Axis>,
    /// Bars of one kind, or one line.
    pub series: Vec<Series>,
}

/// What lines run along.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Axis {
    /// What it counts.
    pub label: &'static str,
    /// Whether each step is a multiple of the one before.
    pub log: bool,
}

/// Points that belong together.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// The figure; of lines, the model.
    pub name: String,
    /// In the order of the table, or along the axis.
    pub points: Vec<Mark>,
}

/// One point.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// Where it stands.
    pub x: Place,
    /// Its figure; `null` where it is missing.
    pub y: Option<f64>,
    /// The least that was measured of it; `null` where it was measured once.
    pub low: Option<f64>,
    /// The greatest.
    pub high: Option<f64>,
    /// Why there is no figure; `null` where there is one.
    pub missing: Option<String>,
}

/// A category, or a number on an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// A model, or a pause.
    Name(&'static str),
    /// So many connections.
    Number(f64),
}

/// All charts of a study; those of `--every` only where it was measured.
pub fn charts(figures: &Figures) -> Vec<Chart> {
    let rows = &figures.models;
    let [full, rate, fast, idle] = main();
    let latency = |bar: &Bar| {
        bars(rows, LATENCY.map(|(name, measure)| Bar { name: name.into(), ..bar.with(measure) }))
    };
    let cpu_time = [&full, &fast, &rate].map(|bar| bar.with(CPU_TIME));
    let vain = [&full, &fast, &rate].map(|bar| bar.with(VAIN));
    let (linear, log) = (false, true);
    let mut charts = vec![
        chart("throughput", linear, bars(rows, [full.with(THROUGHPUT)]), THROUGHPUT),
        chart("latency-rate", log, latency(&rate), LATENCY[0].1),
        chart("latency-fast", log, latency(&fast), LATENCY[0].1),
        chart("every-latency", log, trade(rows, &LATENCY), LATENCY[0].1),
        chart("every-cpu", log, trade(rows, &[("CPU time", CPU_PERCENT)]), CPU_PERCENT),
        chart("cpu", log, bars(rows, cpu_time), CPU_TIME),
        chart("vain", log, bars(rows, vain), VAIN),
        chart("idle-cpu", linear, bars(rows, [idle.with(CPU_PERCENT)]), CPU_PERCENT),
        chart("memory", linear, bars(rows, [idle.with(MEMORY)]), MEMORY),
    ];
    for (id, log, measure) in [
        ("growth-throughput", linear, THROUGHPUT),
        ("growth-cpu", log, CPU_TIME),
        ("growth-vain", log, VAIN),
        ("growth-memory", linear, MEMORY),
    ] {
        let x = Some(Axis { label: "connections", log: true });
        charts.push(Chart { x, ..chart(id, log, lines(rows, measure), measure) });
    }
    charts.retain(|chart| !chart.series.is_empty());
    named(charts, figures)
}

/// The main phases, as a chart names them.
fn main() -> [Bar; 4] {
    let bar = |name: String, phase| Bar { name, phase, measure: THROUGHPUT };
    [
        bar("full load".into(), |phases| &phases.full),
        bar(format!("{}/s", grouped(RATE.into())), |phases| &phases.rate),
        bar(format!("{}/s", grouped(FAST.into())), |phases| &phases.fast),
        bar("silence".into(), |phases| &phases.idle),
    ]
}

fn chart(id: &'static str, log: bool, series: Vec<Series>, measure: Measure) -> Chart {
    Chart { id, title: String::new(), note: None, unit: measure.unit, log, x: None, series }
}

/// Gives each its title and its note.
///
/// # Panics
///
/// If the text does not have it: a test looks for all.
fn named(mut charts: Vec<Chart>, figures: &Figures) -> Vec<Chart> {
    let facts = context! {
        connections => figures.settings.connections,
        rate => grouped(RATE.into()),
        fast => grouped(FAST.into()),
        idle => IDLE,
    };
    let paragraphs = text::paragraphs(include_str!("text/charts.md"), facts);
    for chart in &mut charts {
        let title = |said: &String| said.strip_prefix(&format!("# {}: ", chart.id)).map(Into::into);
        let at = paragraphs.iter().position(|said| title(said).is_some());
        let at = at.unwrap_or_else(|| panic!("text/charts.md has no {}", chart.id));
        chart.title = title(&paragraphs[at]).unwrap_or_default();
        chart.note = paragraphs.get(at + 1).filter(|said| !said.starts_with('#')).cloned();
    }
    charts
}
