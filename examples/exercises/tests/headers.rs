//! What the headers promise: the command, where it happened, and functions that exist.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// The files of the exercises, or of their mended forms.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(PACKAGE).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let numbered =
        |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().as_bytes()[0].is_ascii_digit();
    paths.filter(numbered).collect()
}

/// Its header, and what follows.
fn parts(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path).unwrap();
    let (header, code): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("//! "));
    (header.join("\n").replace("//! ", ""), code.join("\n"))
}

/// The part of a header that begins with `key`.
fn part<'a>(header: &'a str, key: &str, next: &str) -> &'a str {
    let (_, rest) = header.split_once(&format!("\n{key}: ")).unwrap_or_else(|| {
        panic!("a header has a line '{key}:'\n{header}");
    });
    rest.split(&format!("\n{next}: ")).next().unwrap()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn an_exercise_says_where_it_happened_and_how_to_run_it() {
    for path in files("src") {
        let (header, code) = parts(&path);
        let name = path.file_stem().unwrap().to_str().unwrap();
        let command = format!("cargo test -p dormouse-exercises --test exercises {}", &name[3..]);
        assert!(header.starts_with("# "), "{name}: a title");
        for (key, next) in [("Problem", "Happened"), ("Number", "Try"), ("Hint", "Leaves out")] {
            assert!(!part(&header, key, next).is_empty(), "{name}: {key}");
        }
        assert_eq!(quoted(part(&header, "Try", "Hint")).collect::<Vec<_>>(), [command], "{name}");
        let project = quoted(part(&header, "Happened", "Number")).next().unwrap();
        assert!(project.contains('/'), "{name}: `owner/project#number` first, not {project}");
        let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
        assert!((20..=90).contains(&lines), "{name}: {lines} lines of code");
    }
}

#[test]
fn a_mended_form_says_which_function_of_dormouse_does_it_so() {
    for path in files("src/mended") {
        let (header, _) = parts(&path);
        let name = path.file_stem().unwrap().to_str().unwrap();
        for (key, next) in [("Fault", "Mend"), ("Mend", "In dormouse")] {
            assert!(!part(&header, key, next).is_empty(), "{name}: {key}");
        }
        let place = part(&header, "In dormouse", "Leaves out");
        let (sources, functions): (Vec<_>, Vec<_>) =
            quoted(place).partition(|word| Path::new(word).extension().is_some());
        let read = |source| fs::read_to_string(Path::new(PACKAGE).join("../..").join(source));
        let sources: Vec<_> = sources.into_iter().map(|source| read(source).unwrap()).collect();
        assert!(!sources.is_empty(), "{name}: a file");
        assert!(!functions.is_empty(), "{name}: a function");
        for named in functions {
            let (of, function) = named.rsplit_once("::").unwrap_or(("", named));
            let is_there = |source: &String| {
                let methods =
                    source.contains(&format!(" {of} {{")) || source.contains(&format!("{of}<"));
                source.contains(&format!("fn {function}")) && (of.is_empty() || methods)
            };
            assert!(sources.iter().any(is_there), "{name}: no {named} there");
        }
    }
}
