//! # Text: sentences, and the figures in them
//!
//! Problem: sentences among code are hard to read, and can't be translated.
//! Idea: they are Markdown, in `text/`, with places for the figures, and conditions where a
//! sentence is true of some figures only.
//! Leaves out: which figures: `story.rs`, `figures.rs`.
//! Read before: `study/table.rs`. Read next: `study/story.rs`.
//! Try: `cargo test story`

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

/// Fills a text with `facts`: its paragraphs, each as one line. One that has nothing to say is left
/// out.
///
/// # Panics
///
/// If the text names a fact that is not there. It is part of the program, and tests fill each.
pub(super) fn paragraphs(text: &str, facts: impl Serialize) -> Vec<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let filled = environment.render_str(text, Serde(facts));
    let filled = filled.unwrap_or_else(|error| panic!("a text can't be filled: {error:#}"));
    let joined = |words: &str| words.split_whitespace().collect::<Vec<_>>().join(" ");
    filled.split("\n\n").map(joined).filter(|paragraph| !paragraph.is_empty()).collect()
}
