//! # Real: what a person sees of a study that has just been run
//!
//! Problem: the page may be right for made-up scenes, and wrong for what a server records.
//! Idea: the same questions to a real report: all events there, all vain calls counted, and the
//! three things that a newcomer must see at a glance, measured in the picture.
//! Leaves out: figures: they depend on the machine.
//! Read before: `tests/browser/src/real.rs`. Read next: `tests/browser/tests/shots.rs`.
//! Try: `cargo test -p dormouse-browser --test real`

#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::cast_precision_loss, reason = "tests")]

use dormouse_browser::ask::{far, span};
use dormouse_browser::real::open;
use dormouse_browser::window::{SHOTS, Window};
use serde_json::json;

const MODELS: [&str; 9] =
    ["blocking", "threads", "nonblocking", "select", "poll", "mio", "signal", "uring", "async"];

const GLANCE: &str = "#glance [data-picture=threads] svg.timeline";
const SECOND: &str = "#glance [data-picture=second] svg.timeline";

/// What is known of the marks of a phase in the lanes of a model: `[sum, longest]`, in pixels.
fn marks(window: &Window, picture: &str, model: &str, phase: &str) -> [f64; 2] {
    let rects = format!("{picture} g[data-model={model}] rect.mark{phase}");
    let found = window.look(&format!(
        "[...document.querySelectorAll({rects:?})].map((one) => +one.getAttribute('width'))"
    ));
    let widths: Vec<f64> = serde_json::from_value(found).unwrap();
    [widths.iter().sum(), widths.iter().fold(0.0, |longest, one| f64::max(longest, *one))]
}

/// From the first to the last mark of each lane of a model, all lanes together, in pixels.
fn busy(window: &Window, picture: &str, model: &str) -> f64 {
    let lanes = format!("{picture} g[data-model={model}]");
    window.number(&format!(
        "[...document.querySelectorAll({lanes:?})].reduce((sum, lane) => {{ \
            const marks = [...lane.querySelectorAll('rect.mark')]; \
            const left = marks.map((one) => +one.getAttribute('x')); \
            const right = marks.map((one, n) => left[n] + +one.getAttribute('width')); \
            return marks.length ? sum + Math.max(...right) - Math.min(...left) : sum; }}, 0)"
    ))
}

/// Zooms out until all of the recording is in view.
fn zoom_out(window: &Window, picture: &str) {
    window.run(&format!("document.querySelector({picture:?}).focus()"));
    let mut before = 0.0;
    while span(window, picture) > before {
        before = span(window, picture);
        window.press("-");
    }
}

#[test]
fn each_model_has_its_picture_with_all_events_of_page_and_trace() {
    let Some((window, real)) = open(1280, 900) else { return };
    let names: Vec<_> = real.scenes().iter().map(|scene| &scene["model"]).collect();
    assert_eq!(names, MODELS);
    for scene in real.scenes() {
        let model = scene["model"].as_str().unwrap();
        let picture = far(model);
        let there = window.look(&format!("document.querySelector({picture:?}) !== null"));
        assert_eq!(there, json!(scene["unavailable"].is_null()), "{model}");
        if let Some(why) = scene["unavailable"].as_str() {
            println!("without a picture: {model}: {why}");
            let text = window.look(&format!("document.querySelector('#{model}').textContent"));
            assert!(text.as_str().unwrap().contains(why));
            continue;
        }
        let events = scene["events"].as_array().unwrap().len();
        let drawn = window.number(&format!("+document.querySelector({picture:?}).dataset.events"));
        assert_eq!(drawn, events as f64, "{model}");
        assert_eq!(real.traced(model), events, "{model}: in the trace");
        assert_eq!(scene["dropped"], 0, "{model}");
        let sentences = format!("document.querySelector('#{model} .look').children.length");
        assert_eq!(window.number(&sentences), 3.0, "{model}");
    }
}

#[test]
fn every_call_in_vain_is_in_the_picture_that_shows_all() {
    let Some((window, real)) = open(1280, 900) else { return };
    for (model, scene) in real.played() {
        let picture = far(model);
        zoom_out(&window, &picture);
        let counted = window.number(&format!("+document.querySelector({picture:?}).dataset.vain"));
        assert_eq!(counted, scene["vain"].as_f64().unwrap(), "{model}");
    }
    let (_, scene) = real.played().find(|(model, _)| *model == "nonblocking").unwrap();
    let vain = scene["vain"].as_u64().unwrap();
    assert!(vain > 1000, "{vain}");
    let said = |selector: &str| {
        let text = window.look(&format!("document.querySelector({selector:?}).textContent"));
        text.as_str().unwrap().replace(',', "")
    };
    assert_eq!(said("#nonblocking .figure b"), vain.to_string());
    let status = said("#nonblocking [data-picture=far] .span");
    assert!(status.contains(&format!(" {vain} calls in vain")), "{status}");
}

#[test]
fn calls_in_vain_are_drawn_singly_when_zoomed_in() {
    let Some((window, real)) = open(1280, 900) else { return };
    let (_, scene) = real.played().find(|(model, _)| *model == "nonblocking").unwrap();
    let picture = far("nonblocking");
    let shown = |what: &str| {
        window.number(&format!("document.querySelectorAll('{picture} {what}').length"))
    };
    assert_eq!(shown("line.call"), 0.0);
    assert!(shown("rect.mark.vain") > 0.0);
    // Towards the begin: there all calls have their times.
    window.run(&format!("document.querySelector({picture:?}).focus()"));
    for _ in 0..9 {
        window.press("+");
        for _ in 0..9 {
            window.press("ArrowLeft");
        }
    }
    for _ in 0..60 {
        if shown("line.call") >= 5.0 {
            break;
        }
        window.press("ArrowRight");
    }
    assert!(shown("line.call") >= 5.0, "{}", scene["events"][0]);
    window.shoot("#nonblocking", "real-nonblocking-near");
}

#[test]
fn at_a_glance_one_spins_one_makes_the_second_wait_and_the_others_sleep() {
    let Some((window, real)) = open(1280, 900) else { return };
    let width =
        window.number(&format!("+document.querySelector('{SECOND} svg').getAttribute('width')"));
    let ms = span(&window, SECOND) / width / 1e6;
    for (model, _) in real.played() {
        let share =
            |phase: &str| marks(&window, GLANCE, model, phase)[0] / busy(&window, GLANCE, model);
        if model == "nonblocking" {
            // The rest is messages, and time in which another program had the core.
            assert!(share(".vain") > 0.3, "it is a band: {}", share(".vain"));
            assert_eq!(share(".sleep"), 0.0);
        } else {
            assert_eq!(share(".vain"), 0.0, "{model} has no band");
            assert!(share(".sleep") > 0.6, "{model} sleeps: {}", share(".sleep"));
            let lines = format!("{GLANCE} g[data-model={model}] line.call");
            let lines = window.number(&format!("document.querySelectorAll('{lines}').length"));
            assert_eq!(lines, 0.0, "{model}: what stands alone is a tick");
        }
        let unseen = marks(&window, SECOND, model, ".queued")[1] * ms;
        assert_eq!(unseen > 20.0, model == "blocking", "{model}: unseen for {unseen} ms");
    }
}

#[test]
fn it_is_quiet_small_and_no_wider_than_the_screen() {
    let Some((window, real)) = open(360, 740) else { return };
    assert!(real.html.len() < 2_000_000, "{} bytes", real.html.len());
    for (width, height) in [(360, 740), (1280, 900)] {
        window.resize(width, height);
        for folded in [true, false] {
            let all = "document.querySelectorAll('details')";
            window.run(&format!("{all}.forEach((one) => (one.open = {}))", !folded));
            let widest = window.number("document.documentElement.scrollWidth");
            assert!(widest <= f64::from(width), "{widest} of {width} pixels");
        }
    }
    let outside = |url: &String| !url.starts_with("data:");
    let loaded: Vec<_> = window.requests().into_iter().filter(outside).collect();
    assert_eq!(loaded, std::slice::from_ref(&window.url), "only the file itself");
    assert_eq!(window.complaints(), [""; 0]);
}

#[test]
fn it_is_kept_as_pictures() {
    let Some((window, real)) = open(1280, 900) else { return };
    std::fs::create_dir_all(SHOTS).unwrap();
    std::fs::write(format!("{SHOTS}/real.html"), &real.html).unwrap();
    for (nth, model) in ["mio", "async"].iter().enumerate() {
        window.run(&format!(
            "(() => {{ const one = document.querySelector('[data-choice=\"{nth}\"]'); \
             one.value = '{model}'; one.dispatchEvent(new Event('change')); }})()"
        ));
    }
    for (width, height) in [(1280, 900), (360, 740)] {
        window.resize(width, height);
        for scheme in ["light", "dark"] {
            window.emulate(scheme, "screen");
            let parts = MODELS.iter().chain(&["glance", "overlay", "charts"]);
            for part in parts {
                window.shoot(&format!("#{part}"), &format!("real-{part}-{width}-{scheme}"));
            }
        }
    }
}
