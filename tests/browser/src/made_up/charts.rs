//! # Charts: figures that nobody measured
//!
//! Problem: a chart has many cases: a spread, a missing figure, a logarithmic axis.
//! Idea: one chart for each of them.
//! Leaves out: meaning.
//! Read next: `made_up.rs`.
//! Try: `cargo test -p dormouse-browser`

use serde_json::{Value, json};

use super::SUMMARIES;

pub(super) fn charts() -> Value {
    json!([
        bars(
            "throughput",
            "Messages per second under full load",
            "messages/s",
            false,
            &["full load"],
            150_000.0
        ),
        bars("latency", "Latency at 1,000 messages per second", "µs", true, &["p50", "p99"], 60.0),
        bars("idle", "CPU while 1,000 clients are silent", "% of a core", false, &["CPU"], 0.4),
        grows("connections", "CPU per message, by connections", "µs", true),
        grows("every", "What nonblocking --every trades", "µs", false),
    ])
}

fn bars(id: &str, title: &str, unit: &str, log: bool, names: &[&str], size: f64) -> Value {
    let point = |(nth, (model, _)): (usize, &(&str, &str)), scale: f64| {
        if *model == "select" {
            return json!({ "x": model, "y": null, "low": null, "high": null,
                "missing": "not available here" });
        }
        let spins = if *model == "nonblocking" && id == "idle" { 240.0 } else { 1.0 };
        let y = size * scale * spins * (1.0 + (nth * 7 % 5) as f64 / 9.0);
        json!({ "x": model, "y": y, "low": y * 0.93, "high": y * 1.08, "missing": null })
    };
    let series = names.iter().enumerate().map(|(at, name)| {
        let points = SUMMARIES.iter().enumerate().map(|one| point(one, 1.0 + at as f64 * 2.4));
        json!({ "name": name, "points": points.collect::<Vec<_>>() })
    });
    json!({ "id": id, "title": title, "unit": unit, "log": log, "x": null,
        "note": "The figures are made up.", "series": series.collect::<Vec<_>>() })
}

fn grows(id: &str, title: &str, unit: &str, log: bool) -> Value {
    let series = SUMMARIES.iter().enumerate().map(|(nth, (model, _))| {
        let points = [1.0, 10.0, 100.0, 1000.0_f64].map(|x| {
            let y = 5.0 + nth as f64 + x.powf(0.3 + nth as f64 / 24.0);
            let missing =
                (*model == "select" && x > 900.0).then_some("descriptors below 1024 only");
            let y = missing.map_or(Some(y), |_| None);
            let off = |by: f64| y.map(|y| y * by);
            json!({ "x": x, "y": y, "low": off(0.9), "high": off(1.15), "missing": missing })
        });
        json!({ "name": model, "points": points })
    });
    json!({ "id": id, "title": title, "unit": unit, "log": log, "note": null,
        "x": { "label": "connections", "log": true }, "series": series.collect::<Vec<_>>() })
}
