//! # Cells: the figures of a chart as a table
//!
//! Problem: a picture of bars says nothing to a screen reader, and little to who wants the figure.
//! Idea: one row for each place on the axis, one column for each series; a figure that is missing
//! says why.
//! Leaves out: the picture: `study/page/bars.js`, `study/page/lines.js`.
//! Read before: `figures.rs`. Read next: `study/page.rs`.
//! Try: `cargo test cells`

use serde_json::{Value, json};

use crate::figures::{grouped, short, whole};

/// `{ "head": [name], "rows": [{ "name", "cells": [{ "text", "spread", "missing" }] }] }`.
pub(super) fn table(chart: &Value) -> Value {
    let series = list(chart, "series");
    let mut places: Vec<&Value> = Vec::new();
    for point in series.iter().flat_map(|one| list(one, "points")) {
        if !places.contains(&&point["x"]) {
            places.push(&point["x"]);
        }
    }
    // Names of models keep their order; numbers get theirs.
    places.sort_by(|a, b| a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(std::cmp::Ordering::Equal));
    let row = |place: &&Value| {
        let at = |one: &Value| list(one, "points").iter().find(|p| p["x"] == **place).map(cell);
        let cells = series.iter().map(|one| at(one).unwrap_or_else(|| cell(&Value::Null)));
        json!({ "name": name(place), "cells": cells.collect::<Vec<_>>() })
    };
    let head: Vec<_> = series.iter().map(|one| one["name"].clone()).collect();
    json!({ "head": head, "rows": places.iter().map(row).collect::<Vec<_>>() })
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// Where a point stands on the axis: a model, or a number.
fn name(place: &Value) -> String {
    match place.as_str() {
        Some(text) => text.to_owned(),
        None => number(place.as_f64().unwrap_or_default()),
    }
}

/// A whole number is shown with all its digits.
fn number(figure: f64) -> String {
    if figure >= 0.0 && figure.fract() == 0.0 { grouped(whole(figure)) } else { short(figure) }
}

fn cell(point: &Value) -> Value {
    let spread = point["low"].as_f64().zip(point["high"].as_f64());
    json!({
        "text": point["y"].as_f64().map(number),
        "spread": spread.map(|(low, high)| format!("{} to {}", number(low), number(high))),
        "missing": point["missing"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_series_and_say_why_they_are_empty() {
        let point = |x: Value, y: Value| json!({ "x": x, "y": y, "low": null, "high": null });
        let chart = json!({ "series": [
            { "name": "mio", "points": [point(json!(10), json!(1.5)), point(json!(1), json!(7.0))] },
            { "name": "poll", "points": [{ "x": 10, "y": null, "missing": "not here" }] },
        ] });
        let table = table(&chart);
        assert_eq!(table["head"], json!(["mio", "poll"]));
        let text = |row: usize, column: usize| &table["rows"][row]["cells"][column];
        assert_eq!(
            (&table["rows"][0]["name"], &table["rows"][1]["name"]),
            (&json!("1"), &json!("10"))
        );
        assert_eq!(text(0, 0)["text"], "7");
        assert_eq!(text(1, 0)["text"], "1.50");
        assert_eq!(text(0, 1)["text"], Value::Null);
        assert_eq!(text(1, 1)["missing"], "not here");
    }

    #[test]
    fn cells_of_models_keep_the_order_of_the_models() {
        let points: Vec<_> =
            ["threads", "mio", "async"].iter().map(|x| json!({ "x": x, "y": 1 })).collect();
        let table = table(&json!({ "series": [{ "name": "p50", "points": points }] }));
        let names: Vec<_> =
            table["rows"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
        assert_eq!(names, ["threads", "mio", "async"]);
    }
}
