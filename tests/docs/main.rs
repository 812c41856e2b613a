//! The prose is true: what the pages and headers name exists, and what they tell a reader to type
//! does what they say.
//!
//! Nothing here is listed that can be found: a new page, file or step is read as it comes. What
//! must be written down stands in one table each: names that are not ours (`foreign.rs`), where
//! each term is explained (`terms.rs`), and what comes of a command (`rows.rs`).
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod arrows;
mod cells;
mod commands;
mod cover;
mod faults;
mod foreign;
mod header;
mod items;
mod laws;
mod links;
mod names;
mod paths;
mod prose;
mod references;
mod repo;
mod rows;
mod table;
#[cfg(target_os = "linux")]
mod terminal;
mod terms;
mod tour;
#[cfg(target_os = "linux")]
mod typed;

use prose::Prose;
use repo::Repo;

const PAGES: [&str; 3] = ["README.md", "DESIGN.md", "CONTRIBUTING.md"];

/// What the prose is about; what checks it names things that do not exist.
fn sources(repo: &Repo) -> impl Iterator<Item = &str> {
    let all = repo.below(&["runtime", "servers", "asleep", "examples", "tests"], ".rs");
    all.filter(|file| !file.starts_with("tests/docs/"))
}

/// All prose that is checked: the pages, and the comments of the sources.
fn texts(repo: &Repo) -> Vec<Prose> {
    let pages = PAGES.iter().map(|page| Prose::page(page, repo.text(page)));
    pages.chain(sources(repo).map(|file| Prose::comments(file, repo.text(file)))).collect()
}
