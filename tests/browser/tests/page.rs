//! # The page: what a person sees of it, asked of a real browser
//!
//! Problem: a report that is right in its data may still be empty, broken, or loud on the network.
//! Idea: open the file as a person does, and ask the page; each test has a browser of its own.
//! Leaves out: beauty: `tests/browser/tests/shots.rs` keeps pictures for eyes.
//! Read before: `tests/browser/src/window.rs`. Read next: `tests/browser/tests/moves.rs`.
//! Try: `cargo test -p dormouse-browser`

#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::cast_precision_loss, reason = "tests")]

use dormouse_browser::ask::{far, scenes};
use dormouse_browser::window::Window;
use dormouse_browser::{made_up, report};
use serde_json::json;

#[test]
fn the_page_loads_nothing_and_complains_about_nothing() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    for scheme in ["dark", "light"] {
        window.emulate(scheme, "screen");
    }
    window.run("document.querySelectorAll('details').forEach((one) => (one.open = true))");
    let far: Vec<_> =
        window.requests().into_iter().filter(|url| !url.starts_with("data:")).collect();
    assert_eq!(far, std::slice::from_ref(&window.url), "only the file itself");
    assert_eq!(window.complaints(), [""; 0]);
    assert_eq!(
        window.look("Object.keys(window).filter((name) => name === 'page' || name === 'scenes')"),
        json!([])
    );
    assert_eq!(window.look("document.querySelectorAll('h1').length"), json!(1));
    assert_eq!(window.look("document.documentElement.lang"), json!("en"));
}

#[test]
fn what_the_page_must_not_load_is_refused_and_noticed() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    window.run(
        "document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/x.png' }))",
    );
    window.wait_for("document.images.length === 1");
    assert!(window.complaints().iter().any(|text| text.contains("Content Security Policy")));
}

#[test]
fn a_text_that_tries_to_break_out_does_nothing() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    window.run("document.querySelectorAll('details').forEach((one) => (one.open = true))");
    assert_eq!(window.look("document.images.length"), json!(0));
    assert_eq!(window.look("document.title"), made_up::page()["title"]);
    let shown = window.look("document.querySelector('.story p:last-child').textContent");
    assert_eq!(shown, json!(made_up::EVIL), "it is shown as what it is");
}

#[test]
fn each_model_has_its_timeline_with_all_events_of_the_data() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    for scene in scenes() {
        let model = scene["model"].as_str().unwrap();
        let there = window.look(&format!("document.querySelector({:?}) !== null", far(model)));
        assert_eq!(there, json!(scene["unavailable"].is_null()), "{model}");
        if let Some(why) = scene["unavailable"].as_str() {
            let text = window.look(&format!("document.querySelector('#{model}').textContent"));
            assert!(text.as_str().unwrap().contains(why));
            continue;
        }
        let said = |name: &str| {
            window.number(&format!("+document.querySelector({:?}).dataset.{name}", far(model)))
        };
        let events = scene["events"].as_array().unwrap();
        assert_eq!(said("events"), events.len() as f64, "{model}");
        // Out to the moment when the server started: all its vain calls, as `--stats` counts them.
        window.run(&format!("document.querySelector({:?}).focus()", far(model)));
        window.press("-");
        window.press("-");
        assert_eq!(said("vain"), scene["vain"].as_f64().unwrap(), "{model}");
        window.run(&format!("document.querySelector('#{model} details.events').open = true"));
        let rows = format!("document.querySelectorAll('#{model} details.events tbody tr').length");
        window.wait_for(&format!("{rows} === {}", events.len()));
    }
}

#[test]
fn who_spins_who_queues_and_who_sleeps_looks_different() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    // How many pixels of a model's whole scene a phase covers.
    let wide = |model: &str, phase: &str| {
        window.number(&format!(
            "[...document.querySelectorAll('{} rect.mark.{phase}')].reduce((sum, one) => sum + +one.getAttribute('width'), 0)",
            far(model)
        ))
    };
    assert!(wide("nonblocking", "vain") > 600.0 && wide("nonblocking", "sleep") < 1.0);
    assert!(wide("mio", "sleep") > 600.0 && wide("mio", "vain") < 1.0);
    assert!(wide("blocking", "queued") > 400.0 && wide("mio", "queued") < 20.0);
    assert!(wide("blocking", "sleep") > 600.0);
}

#[test]
fn nothing_is_wider_than_the_screen_and_colours_follow_the_wish() {
    let Some(window) = Window::open(&report(), 360, 740) else { return };
    let paper = "getComputedStyle(document.body).backgroundColor";
    for (width, height) in [(360, 740), (1280, 900)] {
        window.resize(width, height);
        let widest = window.number("document.documentElement.scrollWidth");
        assert!(widest <= f64::from(width), "{widest} of {width} pixels");
        window.emulate("light", "screen");
        let light = window.look(paper);
        window.emulate("dark", "screen");
        let dark = window.look(paper);
        assert_ne!(light, dark);
        window.run("document.querySelector('button.theme').click()");
        assert_eq!(window.look(paper), light, "the button overrules the system");
        window.run("document.querySelector('button.theme').click()");
        assert_eq!(window.look(paper), dark);
        window.run("delete document.documentElement.dataset.theme");
    }
}

#[test]
fn paper_is_white_has_all_tables_and_no_controls() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    window.emulate("dark", "print");
    assert_eq!(
        window.look("getComputedStyle(document.body).backgroundColor"),
        json!("rgb(255, 255, 255)")
    );
    let seen = |selector: &str| {
        window.number(&format!(
            "[...document.querySelectorAll({selector:?})].filter((one) => one.checkVisibility({{ contentVisibilityAuto: true }}) && one.getBoundingClientRect().height > 0).length"
        ))
    };
    let charts = made_up::page()["charts"].as_array().unwrap().len() as f64;
    assert_eq!(seen(".cells table"), charts);
    assert_eq!(seen("button"), 0.0);
    window.emulate("light", "screen");
    assert_eq!(seen(".cells table"), 0.0, "on the screen they are folded");
    assert!(seen("button") > 10.0);
}
