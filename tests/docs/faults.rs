//! The table of faults is whole, and each test that it names is there, in the file that it names.
//!
//! Seen to fail when a row is taken out, when a test is renamed, when the mark `#[test]` of one is
//! taken away, and when a case of the conformance suite leaves its list.

use crate::names::{Code, kind};
use crate::paths::resolve;
use crate::prose::{Kind, Paragraph, Prose};
use crate::repo::Repo;

const FAULTS: usize = 46;

/// Those that each server can have: a test of all models must provoke them.
const OF_ALL_MODELS: [usize; 10] = [1, 2, 4, 5, 6, 7, 8, 26, 30, 31];

/// Where the cases that run against every model are listed.
const SUITE: &str = "tests/conformance";
const CASES: &str = "tests/conformance/main.rs";

/// A row: its number, whether it has a star, and each test that its last cell names, with its file.
#[derive(Debug)]
struct Fault {
    number: usize,
    starred: bool,
    tests: Vec<(String, String)>,
}

/// The rows of the section 'The faults' that begin with a number.
fn rows(page: &str) -> Vec<String> {
    let paragraphs = Prose::page("", page).paragraphs.into_iter();
    let section = paragraphs.skip_while(|paragraph| paragraph.text != "The faults").skip(1);
    let section = section.take_while(|paragraph| !matches!(paragraph.kind, Kind::Heading(_)));
    let rows = section.filter(|paragraph| paragraph.kind == Kind::Row).map(|row| row.text);
    rows.filter(|row| row.starts_with("| F")).collect()
}

fn read(repo: &Repo, row: &str) -> Result<Fault, String> {
    let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
    let [id, _, shown] = cells[..] else { return Err(format!("three cells, please: {row}")) };
    let (id, star) = id.split_once(' ').unwrap_or((id, ""));
    let number = id[1..].parse().map_err(|e| format!("{id}: {e}"))?;
    let shown = Prose::page("", shown);
    let (mut tests, mut file) = (Vec::new(), None);
    for span in shown.paragraphs.iter().flat_map(Paragraph::code) {
        match kind(&span.text) {
            Code::Path(path) => {
                let home = ["runtime/tests/".to_owned()];
                file = Some(resolve(repo, "DESIGN.md", &home, path)?);
            }
            Code::Word(name) => {
                let file = file.clone().ok_or_else(|| format!("{id}: in which file is {name}?"))?;
                tests.push((name.to_owned(), file));
            }
            _ => {}
        }
    }
    Ok(Fault { number, starred: star == "★", tests })
}

/// Whether there is a test of this name: with its mark, or as a case of the suite.
fn is_test(repo: &Repo, name: &str, file: &str) -> bool {
    if file.trim_end_matches('/') == SUITE {
        return repo.text(CASES).contains(&format!("(\"{name}\", "));
    }
    let lines: Vec<&str> = repo.text(file).lines().map(str::trim).collect();
    let called = format!("fn {name}(");
    lines.iter().position(|line| line.contains(&called)).is_some_and(|at| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/']));
        above.into_iter().any(|line| *line == "#[test]")
    })
}

fn check(repo: &Repo, row: &str) -> Result<Fault, String> {
    let fault = read(repo, row)?;
    let missing = fault.tests.iter().find(|(name, file)| !is_test(repo, name, file));
    if let Some((name, file)) = missing {
        return Err(format!("F{:02}: {file} has no test {name}", fault.number));
    }
    let of_all = |file: &str| file.starts_with(SUITE) || file.starts_with("tests/no_busy_spin");
    if fault.starred && !fault.tests.iter().any(|(_, file)| of_all(file)) {
        return Err(format!("F{:02}: which test runs for all models?", fault.number));
    }
    if fault.tests.is_empty() {
        return Err(format!("F{:02} names no test", fault.number));
    }
    Ok(fault)
}

#[test]
fn every_fault_has_its_tests() {
    let repo = Repo::read();
    let checked: Vec<_> =
        rows(repo.text("DESIGN.md")).iter().map(|row| check(&repo, row)).collect();
    let wrong: Vec<_> = checked.iter().filter_map(|fault| fault.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let faults: Vec<Fault> = checked.into_iter().flatten().collect();
    let numbers: Vec<_> = faults.iter().map(|fault| fault.number).collect();
    assert_eq!(numbers, (1..=FAULTS).collect::<Vec<_>>(), "one row each, in their order");
    let starred: Vec<_> =
        faults.iter().filter(|fault| fault.starred).map(|fault| fault.number).collect();
    assert_eq!(starred, OF_ALL_MODELS);
    let tests: usize = faults.iter().map(|fault| fault.tests.len()).sum();
    println!("{tests} tests of {FAULTS} faults");
}

#[test]
fn a_row_that_is_wrong_is_named() {
    let suite = "const CASES: &[Case] = &[\n    (\"a_case_of_the_suite_itself\", here),\n];";
    let file = "/// Seen to fail.\n#[test]\n#[ignore]\nfn a_test_with_a_long_name() {}\n\n\
                fn a_function_that_is_no_test() {}";
    let files = [(CASES, suite), ("runtime/tests/net.rs", file)];
    let repo = Repo::of(files.map(|(path, text)| (path.to_owned(), text.to_owned())));
    let sound = "| F07 ★ | a fault | `tests/conformance/`: `a_case_of_the_suite_itself`; `net.rs`: \
                 `a_test_with_a_long_name` (`blocking` apart) |";
    let fault = check(&repo, sound).unwrap();
    assert_eq!((fault.number, fault.starred, fault.tests.len()), (7, true, 2));
    for (row, said) in [
        ("| F01 | a fault | none |", "F01 names no test"),
        ("| F01 | a fault |", "three cells"),
        ("| Fx | a fault | none |", "Fx: "),
        ("| F01 | x | `a_test_with_a_long_name` |", "in which file"),
        ("| F01 | x | `udp.rs`: `a_test_with_a_long_name` |", "there is no `udp.rs`"),
        ("| F01 | x | `net.rs`: `a_function_that_is_no_test` |", "has no test a_function"),
        ("| F01 | x | `net.rs`: `a_test_with_a_longer_name` |", "has no test a_test_with"),
        ("| F01 | x | `tests/conformance/`: `a_test_with_a_long_name` |", "conformance/ has no"),
        ("| F01 ★ | x | `net.rs`: `a_test_with_a_long_name` |", "for all models"),
    ] {
        let found = check(&repo, row);
        assert!(found.as_ref().is_err_and(|wrong| wrong.contains(said)), "{row}: {found:?}");
    }
}
