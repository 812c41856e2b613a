//! # Moves: what a person does with the pictures, done in a real browser
//!
//! Problem: a picture that can't be moved from the keyboard, or that traps the wheel, shuts people
//! out, and looks the same.
//! Idea: real keys, clicks and wheels; then ask the picture which part of the time it shows.
//! Leaves out: fingers: two at once are beyond the driver.
//! Read before: `tests/browser/tests/page.rs`.
//! Try: `cargo test -p dormouse-browser --test moves`

#![allow(clippy::unwrap_used, clippy::float_cmp, clippy::cast_precision_loss, reason = "tests")]

use dormouse_browser::ask::{far, middle, scenes, span, view};
use dormouse_browser::window::Window;
use dormouse_browser::{made_up, report};
use dormouse_study::study::page::render;
use serde_json::{Value, json};

#[test]
fn buttons_keys_and_wheel_change_the_visible_span() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    let picture = far("mio");
    let whole = view(&window, &picture);
    let press = |name: &str| {
        window.run(&format!(
            "document.querySelector('#mio [data-picture=far] button[title={name:?}]').click()"
        ));
    };
    press("Zoom in");
    assert!((span(&window, &picture) * 2.0 - (whole.1 - whole.0)).abs() < 4.0);
    press("Later");
    let later = view(&window, &picture);
    press("Earlier");
    assert!(view(&window, &picture).0 < later.0);
    press("Back to the first view");
    assert_eq!(view(&window, &picture), whole);

    window.run(&format!("document.querySelector({picture:?}).focus()"));
    for _ in 0..3 {
        window.press("+");
    }
    assert!((span(&window, &picture) * 8.0 - (whole.1 - whole.0)).abs() < 16.0);
    let before = view(&window, &picture);
    window.press("ArrowRight");
    assert!(view(&window, &picture).0 > before.0);
    window.press("ArrowLeft");
    assert!((view(&window, &picture).0 - before.0).abs() < 4.0);
    window.press("-");
    assert!(span(&window, &picture) > before.1 - before.0);
    window.press("Home");
    assert_eq!(view(&window, &picture), whole);

    let (x, y) = middle(&window, &picture);
    let scrolled = window.number("scrollY");
    window.mouse("mouseWheel", x, y, &json!({ "deltaX": 0, "deltaY": -240, "modifiers": 2 }));
    window.wait_for(&format!(
        "document.querySelector({picture:?}).dataset.to - document.querySelector({picture:?}).dataset.from < {}",
        (whole.1 - whole.0) * 0.9
    ));
    assert_eq!(window.number("scrollY"), scrolled, "with Ctrl the wheel belongs to the picture");
    let zoomed = view(&window, &picture);
    window.mouse("mouseWheel", x, y, &json!({ "deltaX": 0, "deltaY": 200 }));
    window.wait_for(&format!("scrollY > {scrolled}"));
    assert_eq!(view(&window, &picture), zoomed, "without, to the page");
}

#[test]
fn a_drag_moves_the_picture_and_a_pointer_shows_the_facts() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    let picture = far("mio");
    window.run(&format!("document.querySelector({picture:?}).focus()"));
    window.press("+");
    let before = view(&window, &picture);
    let (x, y) = middle(&window, &picture);
    window.mouse("mousePressed", x, y, &json!({}));
    window.mouse("mouseMoved", x - 60.0, y, &json!({ "buttons": 1 }));
    window.mouse("mouseMoved", x - 90.0, y, &json!({ "buttons": 1 }));
    window.mouse("mouseReleased", x - 90.0, y, &json!({}));
    let after = view(&window, &picture);
    assert!(after.0 > before.0 && (after.1 - after.0 - (before.1 - before.0)).abs() < 4.0);

    let (x, y) = middle(&window, &format!("{picture} rect.mark.sleep"));
    window.mouse("mouseMoved", x, y, &json!({}));
    let tip = "document.querySelector('#mio .tip:not([hidden])')?.textContent ?? ''";
    window.wait_for(&format!("({tip}).includes('wait')"));
    assert!(window.look(tip).as_str().unwrap().contains("1 ready"));
}

#[test]
fn the_keyboard_reaches_the_facts_of_every_event() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    window.run("document.querySelector('#mio [data-picture=far] button[title=\"Back to the first view\"]').focus()");
    window.tab_on();
    assert_eq!(window.look("document.activeElement.dataset.model"), json!("mio"));
    let tip = "document.querySelector('#mio .tip:not([hidden])')?.textContent ?? ''";
    let first = window.look(tip);
    assert!(first.as_str().unwrap().contains("begins at"), "{first}");
    window.press("n");
    let second = window.look(tip);
    assert_ne!(second, first);
    window.press("p");
    assert_eq!(window.look(tip), first);
    assert_eq!(
        window.look("getComputedStyle(document.activeElement).outlineStyle"),
        json!("solid")
    );
    window.press("Escape");
    assert_eq!(window.look(tip), json!(""));
}

#[test]
fn vain_calls_are_a_band_from_far_and_single_from_near() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    let picture = far("nonblocking");
    let singles = format!("document.querySelectorAll('{picture} line.call').length");
    assert_eq!(window.number(&singles), 0.0);
    window.run(&format!("document.querySelector({picture:?}).focus()"));
    for _ in 0..11 {
        window.press("+");
    }
    assert!(window.number(&singles) > 20.0, "{}", window.number(&singles));
    window.shoot("#nonblocking", "nonblocking-near");
    // Some pixels apart on average: else it would be a band.
    let lanes =
        window.number(&format!("document.querySelectorAll('{picture} rect.vain-ground').length"));
    assert!(window.number(&singles) * 3.0 <= 1280.0 * lanes);
    // What is drawn is bounded by the picture, however many calls there are.
    let vain = "JSON.parse(document.getElementById('data').textContent).scenes\
        .find((scene) => scene.model === 'nonblocking').vain";
    let vain = window.number(vain);
    let drawn = |what: &str| {
        window.number(&format!("document.querySelectorAll('{picture} {what}').length"))
    };
    assert!(vain > 100_000.0 && drawn("*") < 5000.0, "{} nodes for {vain} calls", drawn("*"));
    window.press("Home");
    assert!(drawn("*") < 5000.0, "{} nodes from far", drawn("*"));
}

#[test]
fn calls_beyond_those_with_times_are_a_band_that_says_so() {
    let mut page = made_up::page();
    let of = |scene: &&mut Value| scene["model"] == "nonblocking";
    let scene = page["scenes"].as_array_mut().unwrap().iter_mut().find(of).unwrap();
    let span = scene["span"].as_i64().unwrap();
    let at: Vec<i64> = (1..400_000).map(|n| n * span / 400_000).collect();
    scene["events"] = json!([{ "kind": "read", "thread": 0, "connection": 0, "begin": 0,
        "end": span, "outcome": "not_yet", "count": 400_000, "at": at }]);
    let html = render(&page).unwrap();
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    let Some(window) = Window::open(&html, 1280, 900) else { return };
    let picture = far("nonblocking");
    let vain = window.number(&format!("+document.querySelector({picture:?}).dataset.vain"));
    assert_eq!(vain, 400_000.0);
    let status = "document.querySelector('#nonblocking [data-picture=far] .span').textContent";
    let status = window.look(status);
    assert!(status.as_str().unwrap().ends_with("ms on only counted"), "{status}");
    window.run(&format!("document.querySelector({picture:?}).focus()"));
    for _ in 0..13 {
        window.press("+");
    }
    let shown = |what: &str| {
        window.number(&format!("document.querySelectorAll('{picture} {what}').length"))
    };
    assert_eq!(shown("line.call"), 0.0, "in the middle they have no times");
    assert!(shown("rect.mark.vain") > 0.0);
    window.press("Home");
    for _ in 0..13 {
        window.press("+");
        while view(&window, &picture).0 > 0.0 {
            window.press("ArrowLeft");
        }
    }
    assert!(shown("line.call") > 5.0, "near the begin they have");
}

#[test]
fn two_models_lie_on_one_axis() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    let choose = |nth: usize, model: &str| {
        window.run(&format!(
            "(() => {{ const one = document.querySelector('[data-choice=\"{nth}\"]'); one.value = {model:?}; \
             one.dispatchEvent(new Event('change')); }})()"
        ));
    };
    choose(0, "nonblocking");
    choose(1, "uring");
    let picture = "#overlay svg.timeline";
    window.wait_for(&format!("document.querySelector({picture:?}).dataset.from"));
    let said =
        |name: &str| window.look(&format!("document.querySelector({picture:?}).dataset.{name}"));
    assert_eq!(said("model"), json!("nonblocking uring"));
    let of = |model: &str| {
        let scene = scenes().into_iter().find(|scene| scene["model"] == model).unwrap();
        scene["events"].as_array().unwrap().len()
    };
    assert_eq!(said("events"), json!((of("nonblocking") + of("uring")).to_string()));
    let text = window.look(&format!("document.querySelector({picture:?}).textContent"));
    let text = text.as_str().unwrap();
    assert!(text.contains("nonblocking: thread") && text.contains("uring: thread"));
    assert!(
        window.number(&format!("document.querySelectorAll('{picture} .mark.vain').length")) > 0.0
    );
    assert!(
        window.number(&format!("document.querySelectorAll('{picture} .mark.sleep').length")) > 0.0
    );
}
