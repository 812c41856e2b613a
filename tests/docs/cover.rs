//! Every command of the prose is shown to do what the text says, and this is how.
//!
//! Most follow a rule: what stands in `.ci/run` is run there; a step is run by `tests/steps/`; of
//! `cargo test` with names it is enough that there are such tests, as all are run anyway. All else
//! has a row in `rows.rs`.

use std::collections::BTreeSet;

use crate::commands::commands;
use crate::repo::Repo;
use crate::rows::ROWS;
use crate::table::{How, Row};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cover {
    /// Its row, by its number in the table.
    Row(usize),
    /// `.ci/run` has this very line.
    Ci,
    /// `tests/steps/` runs every step.
    Step,
    /// It names tests, and those are run by `.ci/run` in any case: there must be some.
    Lists,
    /// It ends by itself, and checks what it claims.
    Example,
}

/// How a command is shown to do what the text says; if there is no way, what to do.
pub(crate) fn cover(repo: &Repo, command: &str) -> Result<Cover, String> {
    if let Some(at) = ROWS.iter().position(|row| row.text == command) {
        return Ok(Cover::Row(at));
    }
    if in_ci(repo.text(".ci/run")).contains(&plain(command)) {
        return Ok(Cover::Ci);
    }
    if let Some(name) = command.strip_prefix("cargo run --example ") {
        let file = format!("examples/{name}.rs");
        let there = repo.is_file(&file);
        return there.then_some(Cover::Step).ok_or_else(|| format!("there is no {file}"));
    }
    if let Some(name) = command.strip_prefix("cargo run -p dormouse-ecosystem --example ") {
        let there = repo.is_file(&format!("examples/ecosystem/examples/{name}.rs"));
        return there.then_some(Cover::Example).ok_or_else(|| format!("there is no {name}"));
    }
    if command.starts_with("cargo test") {
        return Ok(Cover::Lists);
    }
    Err("say in tests/docs/rows.rs how it is shown to do what the text says".to_owned())
}

/// The lines of `.ci/run`, each on one line.
fn in_ci(script: &str) -> BTreeSet<String> {
    script.replace("\\\n", " ").lines().map(plain).collect()
}

/// Without what makes no difference to who reads: where it is built, and that Cargo.lock holds.
fn plain(line: &str) -> String {
    let words = line.split_whitespace();
    let words = words.filter(|word| *word != "--locked" && !word.starts_with("CARGO_TARGET_DIR="));
    words.collect::<Vec<_>>().join(" ")
}

/// What is wrong with a row, apart from what comes of it.
fn check(repo: &Repo, row: &Row) -> Result<(), String> {
    match &row.how {
        How::Beside(line) => {
            let typed = |row: &Row| match &row.how {
                How::Serves(_, others) => others.iter().any(|other| other.line == *line),
                _ => false,
            };
            ROWS.iter().any(typed).then_some(()).ok_or_else(|| format!("no row types `{line}`"))
        }
        How::Same(other) => match cover(repo, other) {
            Ok(Cover::Row(at)) if matches!(ROWS[at].how, How::Same(_)) => {
                Err(format!("`{other}` is the same as yet another one"))
            }
            other => other.map(drop),
        },
        How::Test(file, name) => {
            let there = repo.is_file(file) && repo.text(file).contains(&format!("fn {name}("));
            there.then_some(()).ok_or_else(|| format!("there is no test {name} in {file}"))
        }
        How::Ci(line) => {
            let there = in_ci(repo.text(".ci/run")).contains(*line);
            there.then_some(()).ok_or_else(|| format!(".ci/run has no `{line}`"))
        }
        How::Exempt("") => Err("it has no reason".to_owned()),
        How::Typed(_) | How::Serves(..) | How::Exempt(_) => Ok(()),
    }
}

#[test]
fn every_command_is_shown_to_do_what_the_text_says() {
    let repo = Repo::read();
    let commands = commands(&repo);
    assert!(commands.len() >= 100, "only {} commands were found", commands.len());
    let mut faults = Vec::new();
    let (mut ci, mut lists) = (0, 0);
    for (command, places) in &commands {
        match cover(&repo, command) {
            Ok(Cover::Ci) => ci += 1,
            Ok(Cover::Lists) => lists += 1,
            Ok(_) => {}
            Err(wrong) => faults.push(format!("{}: `{command}`: {wrong}", places.join(", "))),
        }
    }
    for (at, row) in ROWS.iter().enumerate() {
        if !commands.contains_key(row.text) {
            faults.push(format!("rows.rs: `{}`: no text has it any more", row.text));
        }
        if ROWS[..at].iter().any(|other| other.text == row.text) {
            faults.push(format!("rows.rs: `{}` has two rows", row.text));
        }
        faults.extend(check(&repo, row).err().map(|wrong| format!("`{}`: {wrong}", row.text)));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(ci >= 5 && lists >= 20, "{ci} commands are in .ci/run, {lists} name tests");
}

#[test]
fn a_command_that_nobody_runs_is_named() {
    let files = [
        (".ci/run", "A=1 CARGO_TARGET_DIR=x \\\n  cargo test --locked -p a\n"),
        ("examples/01_a.rs", ""),
    ];
    let repo = Repo::of(files.map(|(file, text)| (file.to_owned(), text.to_owned())));
    assert_eq!(cover(&repo, "A=1 cargo test -p a"), Ok(Cover::Ci));
    assert_eq!(cover(&repo, "cargo run --example 01_a"), Ok(Cover::Step));
    assert!(cover(&repo, "cargo run --example 02_b").unwrap_err().contains("no examples/02_b.rs"));
    assert_eq!(cover(&repo, "cargo test -p a name"), Ok(Cover::Lists));
    assert!(cover(&repo, "cargo run -- dance").unwrap_err().contains("rows.rs"));
    assert!(cover(&repo, "cargo bench").is_err());
}
