//! # Text: sentences, and the figures in them
//!
//! Problem: sentences among code are hard to read, and can't be translated.
//! Idea: they are Markdown, in `study/text/` and `scene/text/`, with places for the figures, and
//! conditions where a sentence is true of some figures only.
//! Leaves out: which figures: whoever has them says so.
//! Read before: `figures.rs`. Read next: `study/story.rs`, `scene/look_for.rs`.
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
pub fn paragraphs(text: &str, facts: impl Serialize) -> Vec<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let filled = environment.render_str(text, Serde(facts));
    let filled = filled.unwrap_or_else(|error| panic!("a text can't be filled: {error:#}"));
    let joined = |words: &str| words.split_whitespace().collect::<Vec<_>>().join(" ");
    filled.split("\n\n").map(joined).filter(|paragraph| !paragraph.is_empty()).collect()
}

/// Breaks a text into lines of at most `width` columns, but for words that are longer.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
