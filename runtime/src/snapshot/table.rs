//! # Table: a snapshot as text
//!
//! Problem: whoever asks for a snapshot has a program that hangs, and wants something to read.
//! Idea: a row for each task, and one for each source; what a task waits for stands in its row.
//! Leaves out: other forms: a snapshot is a struct.
//! Read before: `snapshot.rs`. Read next: `handle.rs`.
//! Try: `cargo run -- serve async`, and `pkill -USR1 dormouse`

use std::fmt;
use std::time::{Duration, Instant};

use super::{SideSeen, Snapshot, SourceSeen, TaskSeen, TaskState, Way};
use crate::slots::Key;

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deadline = match self.next_deadline {
            Some(deadline) => format!("the next deadline is {}", from(self.taken, deadline)),
            None => "no deadline".into(),
        };
        let (tasks, sources) = (self.tasks.len(), self.sources.len());
        writeln!(f, "tasks: {tasks}; sources: {sources}; {deadline}")?;
        let head =
            ["task", "name", "state", "polls", "wakes", "by itself", "waits for", "spawned at"];
        let rows: Vec<_> = self.tasks.iter().map(|task| self.row_of_task(task)).collect();
        write_rows(f, &head.map(String::from), &rows)?;
        let rows: Vec<_> = self.sources.iter().map(row_of_source).collect();
        if !rows.is_empty() {
            write_rows(f, &["source", "kind", "read", "write"].map(String::from), &rows)?;
        }
        Ok(())
    }
}

impl Snapshot {
    fn row_of_task(&self, task: &TaskSeen) -> [String; 8] {
        [
            task.key.to_string(),
            task.name.as_deref().unwrap_or("").to_owned(),
            task.state.to_string(),
            task.polls.to_string(),
            task.wakes.to_string(),
            task.self_wakes.to_string(),
            self.waits_for(task),
            task.spawned_at.to_string(),
        ]
    }

    // IDEA: one cell says all that a task waits for: sources by number, a deadline by how long.
    fn waits_for(&self, task: &TaskSeen) -> String {
        let source = |(key, way): &(Key, Way)| match way {
            Way::Read => format!("read {key}"),
            Way::Write => format!("write {key}"),
        };
        let mut all: Vec<String> = task.sources.iter().map(source).collect();
        all.extend(task.deadline.map(|deadline| from(self.taken, deadline)));
        all.join(", ")
    }
}

fn row_of_source(source: &SourceSeen) -> [String; 4] {
    // The last part of each path in it: `mio::net::tcp::stream::TcpStream` is a `TcpStream`.
    let kind = source.kind.rsplit("::").next().unwrap_or(source.kind);
    [source.key.to_string(), kind.to_owned(), source.read.to_string(), source.write.to_string()]
}

/// When something is due, as seen from `now`.
fn from(now: Instant, due: Instant) -> String {
    // Nobody reads nanoseconds here.
    let micros =
        |span: Duration| Duration::from_micros(span.as_micros().try_into().unwrap_or(u64::MAX));
    match due.checked_duration_since(now) {
        Some(left) => format!("in {:?}", micros(left)),
        None => format!("{:?} ago", micros(now.saturating_duration_since(due))),
    }
}

/// Writes columns as wide as their widest cell.
fn write_rows<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    head: &[String; N],
    rows: &[[String; N]],
) -> fmt::Result {
    let mut widths = [0; N];
    for row in rows.iter().chain([head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in [head].into_iter().chain(rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskState::Runs => "runs",
            TaskState::Queued => "queued",
            TaskState::Waits => "waits",
        })
    }
}

impl fmt::Display for SideSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SideSeen::Ready => f.write_str("ready"),
            SideSeen::NotReady => f.write_str("not ready"),
            SideSeen::WaitedFor(task) => write!(f, "task {task} waits"),
            SideSeen::WaitedForByOther => f.write_str("somebody waits"),
        }
    }
}
