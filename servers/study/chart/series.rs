//! # Series: the points of a chart
//!
//! Problem: bars stand beside each other per model, lines run along the connections, and the pauses
//! of one model are neither.
//! Idea: three ways to walk through the rows; in each, a point that is not there says why.
//! Leaves out: which series make a chart: `chart.rs`.
//! Read before: `study/chart.rs`. Read next: `study/compare/judge.rs`.
//! Try: `cargo test chart`

use super::{Mark, Place, Series};
use crate::figures::float;
use crate::study::growth::CONNECTIONS;
use crate::study::measure::Measure;
use crate::study::row::{Figure, Findings, Phases, Row};

/// One bar of each group: a measure of one of the main phases.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) phase: fn(&Phases) -> &Findings,
    pub(super) measure: Measure,
}

impl Bar {
    /// The same phase, measured so.
    pub(super) fn with(&self, measure: Measure) -> Bar {
        Bar { name: self.name.clone(), phase: self.phase, measure }
    }
}

/// Of each bar, the points of all models.
pub(super) fn bars<const N: usize>(rows: &[Row], bars: [Bar; N]) -> Vec<Series> {
    let of_a_model = |bar: &Bar, row: &Row| {
        let found = row.phases.as_ref().map(bar.phase);
        mark(Place::Name(row.model), found, row.unavailable.as_ref(), bar.measure)
    };
    let series = bars.map(|bar| {
        let points = rows.iter().map(|row| of_a_model(&bar, row)).collect();
        Series { name: bar.name, points }
    });
    series.into()
}

/// Of each model, the points of all numbers of connections.
pub(super) fn lines(rows: &[Row], measure: Measure) -> Vec<Series> {
    let at = |connections: usize| Place::Number(float(connections as u64));
    let points = |row: &Row| match &row.phases {
        Some(Phases { growth, .. }) => growth
            .iter()
            .map(|point| {
                let why = point.unavailable.as_ref();
                mark(at(point.connections), point.findings.as_ref(), why, measure)
            })
            .collect(),
        None => CONNECTIONS
            .iter()
            .map(|connections| mark(at(*connections), None, row.unavailable.as_ref(), measure))
            .collect(),
    };
    rows.iter().map(|row| Series { name: row.model.into(), points: points(row) }).collect()
}

/// Of each measure, the points of all pauses; nothing where none was tried.
pub(super) fn trade(rows: &[Row], measures: &[(&str, Measure)]) -> Vec<Series> {
    let mut tried = rows.iter().filter_map(|row| row.phases.as_ref());
    let Some(phases) = tried.find(|phases| !phases.every.is_empty()) else { return Vec::new() };
    let series = |(name, measure): &(&str, Measure)| {
        let without = mark(Place::Name("no pause"), Some(&phases.rate), None, *measure);
        let with = phases.every.iter().map(|point| {
            let place = Place::Name(point.every.unwrap_or_default());
            mark(place, point.findings.as_ref(), point.unavailable.as_ref(), *measure)
        });
        Series { name: (*name).into(), points: [without].into_iter().chain(with).collect() }
    };
    measures.iter().map(series).collect()
}

fn mark(x: Place, found: Option<&Findings>, why: Option<&String>, measure: Measure) -> Mark {
    let figure = match found {
        Some(findings) => (measure.figure)(findings),
        None => Figure::missing(why.cloned().unwrap_or_default()),
    };
    let range = found.and_then(|findings| (measure.noise)(&findings.noise));
    match figure {
        Figure::Is(y) => {
            let (low, high) = (range.map(|range| range.min), range.map(|range| range.max));
            Mark { x, y: Some(y), low, high, missing: None }
        }
        Figure::Missing { missing } => {
            Mark { x, y: None, low: None, high: None, missing: Some(missing) }
        }
    }
}
