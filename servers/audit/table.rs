//! # Table: a line per thread, or per kind of thread
//!
//! Problem: a server with a thread per connection has a thousand lines that say the same.
//! Idea: threads of one process with one verdict and one name, but for numbers in it, share a line
//! from three on, with their figures added up.
//! Leaves out: what each of those did: that is in the JSON.
//! Read before: `audit/report.rs`. Read next: `audit.rs`.
//! Try: `cargo run -- audit -- cargo run -- serve async --shards 4`

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::report::{Finding, Report};
use super::verdict::Verdict;
use crate::figures::{grouped, short};

/// Writes the table, and the sentence under it.
pub fn table(report: &Report) -> String {
    let mut kinds: BTreeMap<(u32, String, Verdict), Vec<&Finding>> = BTreeMap::new();
    for thread in &report.threads {
        let name = thread.name.replace(|letter: char| letter.is_ascii_digit(), "");
        kinds.entry((thread.process, name, thread.verdict)).or_default().push(thread);
    }
    let mut kinds: Vec<_> = kinds.into_values().collect();
    // The first thread of a process is the one that its program began with.
    kinds.sort_by_key(|kind| (kind[0].process, kind[0].thread));
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let titles = ["process", "thread", "name", "verdict", "CPU %", "wakes/s", "switches", ""];
    table.set_header(titles.iter().enumerate().map(|(n, title)| cell(n, *title)));
    for kind in &kinds {
        if kind.len() < 3 {
            for one in kind {
                add(&mut table, one.thread.to_string(), &[one]);
            }
        } else {
            add(&mut table, format!("{} ×", grouped(kind.len() as u64)), kind);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.chain([String::new(), report.meaning.clone()]).collect::<Vec<_>>().join("\n")
}

fn add(table: &mut Table, threads: String, alike: &[&Finding]) {
    let first = alike[0];
    let sum = |figure: fn(&Finding) -> f64| alike.iter().map(|one| figure(one)).sum::<f64>();
    let cells = [
        first.process.to_string(),
        threads,
        name(alike),
        format!("{:?}", first.verdict).to_lowercase(),
        format!("{:.1}", sum(|one| one.cpu_percent)),
        short(sum(|one| one.wakes_per_second)),
        grouped(alike.iter().map(|one| one.switches).sum()),
        notes(alike),
    ];
    table.add_row(cells.into_iter().enumerate().map(|(n, text)| cell(n, text)));
}

/// What their names have in common.
fn name(alike: &[&Finding]) -> String {
    let first = &alike[0].name;
    let ends = first.char_indices().map(|(n, _)| n).chain([first.len()]).rev();
    let mut starts = ends.map(|end| &first[..end]);
    let common = starts.find(|start| alike.iter().all(|one| one.name.starts_with(start)));
    match common.unwrap_or_default() {
        all if alike.iter().all(|one| one.name == all) => all.into(),
        start => format!("{start}…"),
    }
}

/// Numbers to the right, words to the left.
fn cell(column: usize, text: impl ToString) -> Cell {
    let alignment =
        if matches!(column, 2 | 3 | 7) { CellAlignment::Left } else { CellAlignment::Right };
    Cell::new(text).set_alignment(alignment)
}

fn notes(alike: &[&Finding]) -> String {
    let mut notes = Vec::new();
    if let [one] = alike {
        notes.extend(Some(one.evidence("")).filter(|text| !text.is_empty()));
    }
    for (what, is) in [
        ("began while watched", (|one| one.came) as fn(&Finding) -> bool),
        ("ended while watched", |one| one.ended),
    ] {
        match alike.iter().filter(|one| is(one)).count() {
            0 => {}
            n if n == alike.len() => notes.push(what.into()),
            n => notes.push(format!("{n} {what}")),
        }
    }
    notes.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::row::Figure;

    fn finding(thread: u32, name: &str, verdict: Verdict) -> Finding {
        Finding {
            process: 7,
            thread,
            name: name.into(),
            verdict,
            cpu_percent: 0.5,
            wakes_per_second: 100.0,
            switches: 200,
            came: thread == 9,
            ended: false,
            calls: Figure::Is(4.0),
            vain_calls: Figure::missing("nobody looked"),
            calls_source: None,
        }
    }

    fn lines(threads: Vec<Finding>) -> Vec<String> {
        let meaning = "What it means.".into();
        let verdict = Verdict::Busy;
        let report = Report { schema: "", seconds: 2.0, slices: 20, verdict, threads, meaning };
        let spaced = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        table(&report).lines().map(spaced).collect()
    }

    #[test]
    fn threads_that_are_alike_share_a_line_from_three_on() {
        let mut threads = vec![finding(7, "main", Verdict::Asleep)];
        threads.extend([8, 9, 10].map(|n| finding(n, "worker", Verdict::Periodic)));
        threads.push(finding(11, "worker", Verdict::Busy));
        threads.extend([12, 13, 14].map(|n| finding(n, &format!("to :{n}!"), Verdict::Asleep)));
        let lines = lines(threads);
        assert_eq!(lines[1], "7 7 main asleep 0.5 100 200");
        assert_eq!(lines[2], "7 3 × worker periodic 1.5 300 600 1 began while watched");
        let why = "can't tell work from spinning: nobody looked";
        assert_eq!(lines[3], format!("7 11 worker busy 0.5 100 200 {why}"));
        assert_eq!(lines[4], "7 3 × to :1… asleep 1.5 300 600");
        assert_eq!(lines[5..], ["", "What it means."]);
    }
}
