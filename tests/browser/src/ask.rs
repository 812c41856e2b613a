//! # Ask: short questions about a page
//!
//! Problem: what a test asks is lost among the words that it takes to ask.
//! Idea: each question that comes twice has a name.
//! Leaves out: answers: they are asserted where they matter.
//! Read before: `window.rs`. Read next: `tests/page.rs`.
//! Try: `cargo test -p dormouse-browser`

use serde_json::Value;

use crate::made_up;
use crate::window::Window;

/// The timeline of the whole scene of a model, as a selector.
pub fn far(model: &str) -> String {
    format!("#{model} [data-picture=far] svg.timeline")
}

/// The part of the time that a picture shows, in nanoseconds.
pub fn view(window: &Window, picture: &str) -> (f64, f64) {
    let side =
        |name: &str| window.number(&format!("+document.querySelector({picture:?}).dataset.{name}"));
    (side("from"), side("to"))
}

pub fn span(window: &Window, picture: &str) -> f64 {
    let (from, to) = view(window, picture);
    to - from
}

/// The middle of an element, scrolled into view.
pub fn middle(window: &Window, selector: &str) -> (f64, f64) {
    window.run(&format!(
        "document.querySelector({selector:?}).scrollIntoView({{ block: 'center', behavior: 'instant' }})"
    ));
    let at = |side: &str, size: &str| {
        let place = format!("document.querySelector({selector:?}).getBoundingClientRect()");
        window.number(&format!("{place}.{side} + {place}.{size} / 2"))
    };
    (at("x", "width"), at("y", "height"))
}

pub fn scenes() -> Vec<Value> {
    let page: Value = made_up::page();
    page["scenes"].as_array().unwrap().clone()
}
