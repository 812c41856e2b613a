//! Where a cell of a table names files, and the one beside it functions, they stand in those files.

use crate::items::Items;
use crate::names::{Code, kind};
use crate::paths::resolve;
use crate::prose::{Kind, Prose};
use crate::repo::Repo;
use crate::texts;

/// What a cell holds, if that is code only.
fn code_of(cell: &str) -> Vec<String> {
    let cell = Prose::page("", cell.trim_matches([' ', '|']));
    let [paragraph] = cell.paragraphs.as_slice() else { return Vec::new() };
    let spans = paragraph.code();
    let quoted: usize = spans.iter().map(|span| span.to - span.from).sum();
    let between = paragraph.text.matches([',', ' ', '*']).count();
    let only = quoted + between >= paragraph.text.len();
    if only { spans.into_iter().map(|span| span.text).collect() } else { Vec::new() }
}

/// How many functions a row names beside their files, or what is wrong with it.
fn check(repo: &Repo, items: &Items, file: &str, row: &str) -> Result<usize, String> {
    let cells: Vec<_> = row.split(" | ").map(code_of).collect();
    let mut found = 0;
    for pair in cells.windows(2) {
        let [paths, functions] = pair else { continue };
        let is_path = |path: &String| matches!(kind(path), Code::Path(_));
        let is_member = |name: &String| matches!(kind(name), Code::Member(..));
        if paths.is_empty() || !paths.iter().all(is_path) || !functions.iter().any(is_member) {
            continue;
        }
        let paths: Result<Vec<_>, _> =
            paths.iter().map(|path| resolve(repo, file, &[], path)).collect();
        let paths = paths?;
        let mut without = paths.clone();
        for function in functions {
            let Code::Member(of, name) = kind(function) else { continue };
            let files: Vec<_> =
                items.member(of, name).iter().map(|item| item.file.clone()).collect();
            if !files.iter().any(|file| paths.contains(file)) {
                return Err(format!("`{function}` is in {files:?}, and not in {paths:?}"));
            }
            without.retain(|path| !files.contains(path));
            found += 1;
        }
        if let Some(path) = without.first() {
            return Err(format!("{path} has none of {functions:?}"));
        }
    }
    Ok(found)
}

#[test]
fn functions_stand_in_the_files_beside_them() {
    let repo = Repo::read();
    let items = Items::of(&repo);
    let (mut found, mut faults) = (0, Vec::new());
    for prose in texts(&repo) {
        for row in prose.paragraphs.iter().filter(|paragraph| paragraph.kind == Kind::Row) {
            match check(&repo, &items, &prose.file, &row.text) {
                Ok(more) => found += more,
                Err(wrong) => faults.push(format!("{}: {wrong}", prose.place(row, 0))),
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(found >= 12, "only {found} functions stand beside their files");
}

#[test]
fn a_function_that_has_moved_is_noticed() {
    let file = |path: &str, of: &str, name: &str| {
        (path.to_owned(), format!("impl {of} {{\n    fn {name}(&self) {{}}\n}}\n"))
    };
    let repo = Repo::of([
        file("runtime/src/a.rs", "Side", "wait"),
        file("runtime/src/b.rs", "Task", "wake"),
    ]);
    let items = Items::of(&repo);
    let check = |row: &str| check(&repo, &items, "DESIGN.md", row);
    assert_eq!(check("| 1 | both | `a.rs`, `b.rs` | `Side::wait`, `Task::wake` |"), Ok(2));
    assert!(check("| 1 | it | `a.rs` | `Task::wake` |").unwrap_err().contains("is in [\"runtime"));
    assert!(
        check("| 1 | it | `a.rs`, `b.rs` | `Side::wait` |").unwrap_err().contains("b.rs has none")
    );
    assert_eq!(check("| `a.rs`: text | `Task::wake` |"), Ok(0));
}
