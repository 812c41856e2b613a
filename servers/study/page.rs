//! # Page: the report, one file that opens anywhere
//!
//! Problem: a table says what a model costs, not what it does all the time.
//! Idea: the recording goes into one HTML file as data, beside scripts that draw it; every sentence
//! and every figure is plain HTML, so that the page says the same without a picture.
//! Leaves out: where the facts come from: this file knows only their shape as JSON.
//! Read before: `study/page/embed.rs`, `study/page/cells.rs`. Read next: `study.rs`.
//! Try: `cargo test page`

mod cells;
mod embed;

use std::io;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Value, json};

use crate::figures::{grouped, short};

/// Used in this order: each uses only what stands above it.
const SCRIPTS: [&str; 17] = [
    include_str!("page/words.js"),
    include_str!("page/data.js"),
    include_str!("page/theme.js"),
    include_str!("page/nodes.js"),
    include_str!("page/scale.js"),
    include_str!("page/vain.js"),
    include_str!("page/facts.js"),
    include_str!("page/phases.js"),
    include_str!("page/lanes.js"),
    include_str!("page/draw.js"),
    include_str!("page/tip.js"),
    include_str!("page/moves.js"),
    include_str!("page/picture.js"),
    include_str!("page/list.js"),
    include_str!("page/bars.js"),
    include_str!("page/lines.js"),
    include_str!("page/main.js"),
];

const STYLES: [&str; 3] = [
    include_str!("page/colours.css"),
    include_str!("page/picture.css"),
    include_str!("page/page.css"),
];

/// Macros first: the page uses them.
const TEMPLATE: &str = concat!(
    include_str!("page/patterns.html"),
    include_str!("page/parts.html"),
    include_str!("page/page.html")
);

/// Writes the report: `page` is its title, date, command, version, machine, story, scenes and
/// charts (DESIGN.md says how they look as JSON).
///
/// # Errors
///
/// When `page` has no JSON form, or lacks something that the page shows: an error of this program.
pub fn render(page: &impl Serialize) -> io::Result<String> {
    let page = serde_json::to_value(page)?;
    // Ends in `.html`: so minijinja escapes whatever it fills in.
    let name = "page.html";
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("grouped", grouped);
    environment.add_filter("short", short);
    let facts = json!({
        "page": said(&page),
        "data": embed::script(page)?,
        "style": STYLES.join("\n"),
        "script": SCRIPTS.join("\n"),
    });
    let add = environment.add_template(name, TEMPLATE);
    let filled = add.and_then(|()| environment.get_template(name)?.render(Serde(facts)));
    filled.map_err(|error| io::Error::other(format!("the report can't be filled: {error:#}")))
}

/// What the page says in words and tables: all but the events, which only pictures need.
fn said(page: &Value) -> Value {
    let mut said = page.clone();
    for scene in embed::each(&mut said, "scenes") {
        let Some(scene) = scene.as_object_mut() else { continue };
        let events = scene.remove("events");
        let count = events.as_ref().and_then(Value::as_array).map_or(0, Vec::len);
        scene.insert("events".into(), count.into());
    }
    for chart in embed::each(&mut said, "charts") {
        let table = cells::table(chart);
        if let Some(chart) = chart.as_object_mut() {
            chart.insert("table".into(), table);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_up(text: &str) -> Value {
        json!({
            "title": text, "date": "2026-11-25 19:40 UTC", "command": text, "version": "0.1.0",
            "machine": { "os": "linux", "arch": text, "kernel": null, "cores": 2,
                         "load_average": 0.7, "release": true },
            "story": [text],
            "scenes": [
                { "model": "mio", "summary": text, "unavailable": null, "span": 900,
                  "threads": [text], "connections": ["A"], "tasks": [], "separable": true,
                  "events": [{ "kind": "read", "thread": 0, "connection": 0, "begin": 5, "end": 90,
                               "outcome": "not_yet", "count": 3, "at": [30, 70] }],
                  "clients": [], "exchanges": [], "median": null,
                  "spread": { "in_hand_us": { "min": 1.0, "median": 2.0, "max": 3.5 },
                              "waking_us": null, "copying_us": null },
                  "vain": 3, "calls": 4, "dropped": 0, "look_for": [text] },
                { "model": "uring", "summary": "s", "unavailable": text },
            ],
            "charts": [
                { "id": "t", "title": text, "note": text, "unit": "µs", "log": false, "x": null,
                  "series": [{ "name": text, "points": [
                      { "x": text, "y": 51_234.0, "low": 50_000.0, "high": 52_000.0,
                        "missing": null },
                      { "x": "uring", "y": null, "low": null, "high": null, "missing": text }] }] },
            ],
        })
    }

    #[test]
    fn the_page_holds_its_words_figures_and_data() {
        let page = render(&made_up("plain")).unwrap();
        for part in ["<h1>plain</h1>", "51,234", "50,000 to 52,000", "id=\"mio\"", "id=\"uring\""] {
            assert!(page.contains(part), "no {part}");
        }
        assert!(page.contains(r#""steps":[30,40]"#), "each time as its distance from the last");
        assert!(!page.contains("\"at\":"));
        for far in ["http://", "https://", "src=", "@import", "url(h"] {
            let own = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!own.contains(far), "the page must load nothing: {far}");
        }
    }

    #[test]
    fn no_text_of_a_peer_or_of_the_machine_breaks_out() {
        let evil = "</script><img src=x onerror=\"alert(1)\">&\u{2028}'";
        let page = render(&made_up(evil)).unwrap();
        let plain = render(&made_up("plain")).unwrap();
        assert!(!page.contains("<img"));
        let tags = |page: &str| page.matches('<').count();
        assert_eq!(tags(&page), tags(&plain), "a text brought a tag of its own");
    }

    #[test]
    fn a_page_without_a_part_is_an_error_that_names_it() {
        let error = render(&json!({ "title": "t", "scenes": [], "charts": [] })).unwrap_err();
        assert!(error.to_string().starts_with("the report can't be filled"), "{error}");
    }

    #[test]
    fn the_scripts_and_styles_stay_inside_their_element() {
        for text in SCRIPTS {
            assert!(!text.contains("</script") && !text.contains("<!--"));
            assert!(text.starts_with("// # "), "each script says what its idea is");
            assert!(!text.contains("innerHTML"), "texts become nodes, never markup");
        }
        assert!(STYLES.iter().all(|text| !text.contains("</style")));
    }
}
