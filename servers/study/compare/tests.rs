//! Files that nobody measured, side by side.

use std::fs;

use super::*;
use crate::study::figures::Machine;
use crate::study::made_up::{row, unavailable};
use crate::study::noise::Measurement;
use crate::study::row::{Figure, Row};

/// A model whose CPU time per message is spread like this, the middle one being its figure.
fn costs(model: &'static str, [least, figure, most]: [f64; 3]) -> Row {
    row(model, |phases| {
        phases.full.cpu_us_per_message = Figure::Is(figure);
        for cpu in [least, figure, most] {
            let cpu_us_per_message = Some(cpu);
            phases.full.noise.push(Measurement { cpu_us_per_message, ..Measurement::default() });
        }
    })
}

fn file(rows: Vec<Row>) -> Value {
    let mut machine = Machine::this();
    machine.load_average = None;
    serde_json::to_value(Figures::new(machine, 4.0, 64, rows)).unwrap()
}

fn line<'a>(text: &'a str, model: &str, title: &str) -> &'a str {
    let mut lines = text.lines().filter(|line| line.trim().starts_with(model));
    lines.find(|line| line.contains(title)).unwrap_or_else(|| panic!("no {title} in\n{text}"))
}

/// Breaks of lines are no part of what is said.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn noise_is_no_difference_and_a_real_one_is() {
    let old = vec![costs("mio", [5.0, 6.0, 9.5]), costs("poll", [5.0, 6.0, 7.0])];
    let new = vec![costs("mio", [9.0, 10.0, 11.0]), costs("poll", [9.0, 10.0, 11.0])];
    let said = Earlier(file(old)).text(&file(new));
    let noise = line(&said, "mio", "CPU µs/msg");
    assert!(noise.contains("5.00–9.50") && noise.trim_end().ends_with("1.67"), "{noise}");
    assert!(line(&said, "poll", "CPU µs/msg").ends_with("1.67  worse"), "{said}");
    assert!(
        flat(&said).contains("1 of 20 figures differ by more than the noise: 0 better, 1 worse")
    );
    assert!(!flat(&said).contains("could not be compared"), "{said}");
}

#[test]
fn the_same_file_twice_has_no_difference() {
    let file = file(vec![costs("mio", [5.0, 6.0, 7.0])]);
    let said = flat(&Earlier(file.clone()).text(&file));
    assert!(said.contains("0 of 10 figures differ by more than the noise."), "{said}");
    for words in ["Not the same conditions", "better,", "by chance", "company"] {
        assert!(!said.contains(words), "{words}: {said}");
    }
}

#[test]
fn what_is_missing_on_either_side_stays_missing_with_its_reason() {
    let without = row("mio", |phases| phases.full.cpu_us_per_message = Figure::missing("no clock"));
    let old = file(vec![without, unavailable("uring", "switched off")]);
    let rows = ["mio", "uring", "async"].map(|model| costs(model, [5.0, 6.0, 7.0]));
    let said = Earlier(old).text(&file(rows.into()));
    let missing = line(&said, "mio", "CPU µs/msg");
    assert!(missing.ends_with("then: no clock") && missing.contains(" - "), "{missing}");
    let missing = line(&said, "uring", "messages/s");
    assert!(missing.ends_with("then: not available: switched off"), "{missing}");
    assert!(line(&said, "async", "p99").ends_with("then: not measured"), "{said}");
    assert!(
        flat(&said).contains("0 of 9 figures") && flat(&said).contains("21 could not"),
        "{said}"
    );
}

#[test]
fn other_conditions_are_named() {
    let mut old = file(vec![row("mio", |_| {})]);
    let new = old.clone();
    old["machine"]["kernel"] = "2.4.0".into();
    old["machine"]["load_average"] = 3.5.into();
    old["settings"]["seconds"] = 1.5.into();
    let said = flat(&Earlier(old).text(&new));
    assert!(said.contains("the kernel was 2.4.0 and is ") && said.contains("1.5 and is 4.0."));
    assert!(said.contains("In the minute before the old run, tasks"), "{said}");
}

#[test]
fn a_file_of_something_else_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.json");
    let said = |text: &str| {
        fs::write(&path, text).unwrap();
        let said = Earlier::read(&path).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(said.contains("old.json") && said.contains("--json FILE"), "{said}");
        said
    };
    assert!(said("{\"schema\": \"dormouse-study/1\"}").contains("'dormouse-study/1', and not"));
    assert!(said("[]").contains("no figures"));
    assert!(said("model,cpu").contains("no JSON"));
    fs::write(&path, file(Vec::new()).to_string()).unwrap();
    assert!(Earlier::read(&path).is_ok());
    fs::remove_file(&path).unwrap();
    assert!(Earlier::read(&path).err().unwrap().to_string().contains("can't be read"));
}
