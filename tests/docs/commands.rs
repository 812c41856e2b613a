//! The commands that the prose tells a reader to type.

use std::collections::BTreeMap;

use crate::prose::{Kind, Prose};
use crate::repo::Repo;
use crate::{PAGES, sources};

/// How a command begins, wherever it stands.
const BEGINS: [&str; 9] = [
    "bash ",
    "cargo ",
    "diff ",
    "dormouse ",
    "grep ",
    "rustup ",
    "RUST_LOG=",
    "RUSTFLAGS=",
    "RUSTDOCFLAGS=",
];

/// All commands, each with where it stands.
pub(crate) fn commands(repo: &Repo) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let pages = PAGES.iter().map(|page| Prose::page(page, repo.text(page)));
    let headers = sources(repo).map(|file| Prose::header(file, repo.text(file)));
    for prose in pages.chain(headers) {
        for (command, place) in of(&prose) {
            found.entry(command).or_default().push(place);
        }
    }
    found
}

/// The commands of a text: lines of its blocks, code that begins as one does, and all code with a
/// space in it after `Try:`.
fn of(prose: &Prose) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for paragraph in &prose.paragraphs {
        if paragraph.kind == Kind::Block {
            let line = paragraph.text.split(" # ").next().unwrap_or_default().trim();
            if begins(line) {
                found.push((line.to_owned(), prose.place(paragraph, 0)));
            }
            continue;
        }
        let tried = paragraph.text.starts_with("Try: ");
        let code = paragraph.code().into_iter();
        found.extend(code.filter(|span| begins(&span.text) || tried && is_line(&span.text)).map(
            |span| {
                let words: Vec<_> = span.text.split_whitespace().collect();
                (words.join(" "), prose.place(paragraph, span.from))
            },
        ));
    }
    found
}

fn begins(text: &str) -> bool {
    let word = BEGINS.iter().find(|word| text.starts_with(*word));
    // Neither a variable alone, nor a dependency: `dormouse = { … }`.
    word.is_some_and(|_| text.contains(' ')) && !text.starts_with("dormouse = ")
}

/// More than one word, and not just options or placeholders.
fn is_line(text: &str) -> bool {
    text.contains(' ') && text.starts_with(|c: char| c.is_lowercase())
}

#[test]
fn commands_are_found_where_a_reader_types_them() {
    let page = "# A\n\n    cargo test    # all\n    HELLO\n\nTry `RUST_LOG=trace cargo run -- serve\nasync`, \
        not `RUST_LOG=trace`, `cargo`, `dormouse = { }`.\n\n| `dormouse models` | x |\n";
    let found = of(&Prose::page("a.md", page));
    let commands: Vec<_> = found.iter().map(|(command, _)| command.as_str()).collect();
    assert_eq!(
        commands,
        ["cargo test", "RUST_LOG=trace cargo run -- serve async", "dormouse models"]
    );
    assert_eq!(found[1].1, "a.md:6");
    let header =
        "//! # A: b\n//! Try: `ulimit -n 9; cargo run`, `--every 1s`, `Other thing`\n//! `ls -l`\n";
    let found = of(&Prose::header("a.rs", header));
    let commands: Vec<_> = found.iter().map(|(command, _)| command.as_str()).collect();
    assert_eq!(commands, ["ulimit -n 9; cargo run", "ls -l"]);
}
