//! # Browser: the report, as a browser shows it
//!
//! Problem: that a page is well-formed says nothing about whether anybody can see it.
//! Idea: a real browser without a window opens the file, and is asked what it shows.
//! Leaves out: other browsers.
//! Read before: `made_up.rs`, `real.rs`, `window.rs`, `ask.rs`. Read next: `tests/page.rs`.
//! Try: `cargo test -p dormouse-browser`

#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "only tests use it"
)]
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "only tests use it")]

pub mod ask;
pub mod made_up;
pub mod real;
pub mod window;

use dormouse_study::study::page::render;

/// The page that the tests open.
pub fn report() -> String {
    render(&made_up::page()).unwrap()
}
