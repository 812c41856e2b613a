//! # Table: one row per model
//!
//! Problem: the reader compares down a column, and must know what a column says.
//! Idea: a column is a title and how to find its figure in a row. A figure that is missing is '-',
//! and a line under the table says why.
//! Leaves out: what to think of it: `story.rs`.
//! Read before: `study/course.rs`. Read next: `text.rs`.
//! Try: `cargo run --release -- study --duration 1s`

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::phase::IDLE;
use super::row::{Figure, Phases, Row};
use super::sample::Source;
use crate::figures::{grouped, short, whole};

struct Column {
    /// The phase, and the figure with its unit: two lines.
    title: [&'static str; 2],
    figure: fn(&Phases) -> Figure,
    write: fn(f64) -> String,
}

const COLUMNS: [Column; 8] = [
    Column {
        title: ["full load:", "messages/s"],
        figure: |phases| phases.full.messages_per_second(),
        write: short,
    },
    Column {
        title: ["", "CPU µs/msg"],
        figure: |phases| phases.full.cpu_us_per_message.clone(),
        write: short,
    },
    Column {
        title: ["1000/s:", "p50 µs"],
        figure: |phases| phases.rate.latency(|latency| latency.p50),
        write: short,
    },
    Column {
        title: ["", "p99 µs"],
        figure: |phases| phases.rate.latency(|latency| latency.p99),
        write: short,
    },
    Column {
        title: ["", "vain calls/msg"],
        figure: |phases| phases.rate.vain_per_message.clone(),
        write: short,
    },
    Column {
        title: ["idle:", "CPU %"],
        figure: |phases| phases.idle.cpu_percent.clone(),
        write: |percent| format!("{percent:.1}"),
    },
    Column {
        title: ["", "switches/s"],
        figure: |phases| phases.idle.switches_per_second.clone(),
        write: |switches| format!("{switches:.1}"),
    },
    Column {
        title: ["", "bytes/conn"],
        figure: |phases| phases.idle.memory_per_connection.clone(),
        write: |bytes| grouped(whole(bytes)),
    },
];

/// Writes the table, and under it why figures are missing.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(titles());
    for row in rows {
        table.add_row(cells(row));
    }
    let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.extend(rows.iter().flat_map(reasons));
    lines.extend(rough(rows));
    lines.join("\n")
}

fn titles() -> Vec<Cell> {
    let titles = COLUMNS.iter().map(|column| right(column.title.join("\n")));
    [Cell::new("\nmodel")].into_iter().chain(titles).chain([Cell::new("")]).collect()
}

fn cells(row: &Row) -> Vec<Cell> {
    let figures = COLUMNS.iter().map(|column| match &row.phases {
        Some(phases) => match (column.figure)(phases) {
            Figure::Is(number) => (column.write)(number),
            Figure::Missing { .. } => "-".into(),
        },
        None => "-".into(),
    });
    [Cell::new(row.model)]
        .into_iter()
        .chain(figures.map(right))
        .chain([Cell::new(note(row))])
        .collect()
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// What a reader must know of the whole row.
fn note(row: &Row) -> String {
    if let Some(why) = &row.unavailable {
        return format!("not available here: {why}");
    }
    let Some(phases) = &row.phases else { return String::new() };
    let load = &phases.full.load;
    let mut notes = Vec::new();
    if load.served < load.connections {
        notes.push(format!("{} of {} served", load.served, load.connections));
    }
    let silent = phases.idle.load.connections;
    if silent != IDLE {
        notes.push(format!("{silent} clients idle, not {IDLE}"));
    }
    for (phase, findings) in [("full load", &phases.full), ("1000/s", &phases.rate)] {
        let load = &findings.load;
        let faults = [(load.corrupt, "got wrong bytes"), (load.lost, "were left")];
        notes.extend(
            faults
                .iter()
                .filter(|(clients, _)| *clients > 0)
                .map(|(clients, what)| format!("{phase}: {clients} clients {what}")),
        );
    }
    notes.join("; ")
}

/// One line per figure of a measured model that is missing.
fn reasons(row: &Row) -> Vec<String> {
    let Some(phases) = &row.phases else { return Vec::new() };
    let missing = COLUMNS.iter().filter_map(|column| match (column.figure)(phases) {
        Figure::Is(_) => None,
        Figure::Missing { missing } => {
            Some(format!(" -  {}, {}: {missing}", row.model, column.title[1]))
        }
    });
    missing.collect()
}

/// Says where CPU times are coarse.
fn rough(rows: &[Row]) -> Option<String> {
    let phases = rows.iter().filter_map(|row| row.phases.as_ref());
    let mut findings = phases.flat_map(|phases| [&phases.full, &phases.rate, &phases.idle]);
    let ticks = findings.any(|findings| findings.cpu_source == Some(Source::Ticks));
    ticks.then(|| " *  CPU times are whole ticks of 10 ms: this kernel has no finer account".into())
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{row, unavailable};
    use super::*;

    fn line<'a>(table: &'a str, model: &str) -> Vec<&'a str> {
        let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.find(|cells| cells.first() == Some(&model)).unwrap_or_else(|| panic!("{table}"))
    }

    #[test]
    fn a_row_begins_with_its_model_and_has_all_figures() {
        let table = table(&[row("mio", |_| {})]);
        let cells = ["mio", "50,000", "6.00", "60.0", "200", "1.00", "0.0", "0.0", "4,096"];
        assert_eq!(line(&table, "mio"), cells, "{table}");
        assert_eq!(table.lines().count(), 3, "two lines of titles, and a row:\n{table}");
    }

    #[test]
    fn a_missing_figure_is_a_dash_with_its_reason_and_never_zero() {
        let table = table(&[row("blocking", |phases| {
            phases.full.load.served = 1;
            phases.full.load.queued = 63;
            phases.full.cpu_us_per_message = Figure::missing("nobody counts it");
            phases.idle.memory_per_connection = Figure::missing("1 of 1000 clients served");
        })]);
        let cells = line(&table, "blocking");
        assert_eq!((cells[2], cells[8]), ("-", "-"), "{table}");
        assert_eq!(cells[9..], ["1", "of", "64", "served"], "{table}");
        assert!(table.contains("blocking, CPU µs/msg: nobody counts it"), "{table}");
        assert!(table.contains("blocking, bytes/conn: 1 of 1000 clients served"), "{table}");
    }

    #[test]
    fn a_model_that_cannot_run_is_a_row_that_says_why() {
        let table = table(&[row("mio", |_| {}), unavailable("uring", "io_uring is switched off")]);
        let cells = line(&table, "uring").join(" ");
        let said = "uring - - - - - - - - not available here: io_uring is switched off";
        assert_eq!(cells, said, "{table}");
    }

    #[test]
    fn what_went_wrong_and_what_was_different_is_noted() {
        let table = table(&[row("select", |phases| {
            phases.idle.load.connections = 900;
            phases.rate.load.corrupt = 2;
            phases.rate.cpu_source = Some(Source::Ticks);
        })]);
        let note = line(&table, "select")[9..].join(" ");
        assert_eq!(
            note, "900 clients idle, not 1000; 1000/s: 2 clients got wrong bytes",
            "{table}"
        );
        assert!(table.contains("ticks of 10 ms"), "{table}");
    }
}
