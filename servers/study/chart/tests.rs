//! Each chart, of rows that nobody measured.

use super::*;
use crate::study::figures::Machine;
use crate::study::made_up::{findings, row, spinner, unavailable};
use crate::study::noise::Measurement;
use crate::study::row::{Figure, Point};

fn all() -> Vec<Chart> {
    let rows = vec![
        row("mio", |phases| {
            phases.growth[3].unavailable = Some("no room".into());
            phases.growth[3].findings = None;
            phases.idle.memory_per_connection = Figure::missing("nobody counts it");
            for cpu in [5.0, 7.0, 6.0] {
                let cpu_us_per_message = Some(cpu);
                phases
                    .full
                    .noise
                    .push(Measurement { cpu_us_per_message, ..Measurement::default() });
            }
        }),
        spinner("nonblocking", |phases| {
            let findings = Some(findings(64));
            let every = Some("1ms");
            phases.every = vec![Point { connections: 64, every, unavailable: None, findings }];
        }),
        unavailable("uring", "switched off"),
    ];
    charts(&Figures::new(Machine::this(), 4.0, 64, rows))
}

fn find<'a>(charts: &'a [Chart], id: &str) -> &'a Chart {
    charts.iter().find(|chart| chart.id == id).unwrap()
}

#[test]
fn every_chart_has_a_title_a_unit_and_points() {
    let charts = all();
    assert_eq!(charts.len(), 13);
    for chart in &charts {
        let whole = !chart.title.is_empty() && !chart.unit.is_empty();
        assert!(whole && !chart.series.is_empty(), "{chart:?}");
        assert!(chart.note.as_ref().is_some_and(|note| !note.contains('#')), "{chart:?}");
        for point in chart.series.iter().flat_map(|series| &series.points) {
            assert_ne!(point.y.is_some(), point.missing.is_some(), "{point:?} of {}", chart.id);
        }
    }
}

#[test]
fn bars_have_a_point_per_model_and_a_missing_one_says_why() {
    let charts = all();
    let cpu = &find(&charts, "cpu").series[0];
    let places: Vec<_> = cpu.points.iter().map(|point| point.x.clone()).collect();
    assert_eq!(places, ["mio", "nonblocking", "uring"].map(Place::Name));
    let [mio, nonblocking, uring] = &cpu.points[..] else { unreachable!() };
    assert_eq!((mio.y, mio.low, mio.high), (Some(6.0), Some(5.0), Some(7.0)));
    assert_eq!((nonblocking.low, nonblocking.high), (None, None), "it was measured once");
    assert_eq!((uring.y, uring.missing.as_deref()), (None, Some("switched off")));
    let memory = &find(&charts, "memory").series[0].points[0];
    assert_eq!(memory.missing.as_deref(), Some("nobody counts it"));
}

#[test]
fn lines_run_along_the_connections_and_pauses_stand_beside_none() {
    let charts = all();
    let growth = find(&charts, "growth-cpu");
    assert!(growth.x.is_some_and(|axis| axis.log));
    let mio = &growth.series[0];
    assert_eq!((mio.name.as_str(), &mio.points[2].x), ("mio", &Place::Number(100.0)));
    assert_eq!(mio.points[3].missing.as_deref(), Some("no room"));
    let reasons = growth.series[2].points.iter().map(|point| point.missing.as_deref());
    assert!(reasons.eq([Some("switched off"); 4]));
    let every = &find(&charts, "every-cpu").series[0];
    let places: Vec<_> = every.points.iter().map(|point| &point.x).collect();
    assert_eq!(places, [&Place::Name("no pause"), &Place::Name("1ms")]);
}

#[test]
fn a_chart_of_what_nobody_asked_for_is_left_out() {
    let rows = vec![row("mio", |_| {})];
    let charts = charts(&Figures::new(Machine::this(), 4.0, 64, rows));
    assert!(charts.iter().all(|chart| !chart.id.starts_with("every")), "{charts:?}");
    let json = serde_json::to_value(find(&charts, "throughput")).unwrap();
    assert_eq!(json["x"], serde_json::Value::Null);
    assert_eq!(json["series"][0]["points"][0]["x"], "mio");
}
