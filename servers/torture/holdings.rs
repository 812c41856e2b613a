//! # Holdings: what a server has, seen from outside
//!
//! Problem: a descriptor, a task or a page that is lost with each thousandth client shows after
//! days.
//! Idea: when all have left, a server must have what it had before they came: descriptors and memory
//! by the kernel's account; tasks, sources and deadlines by its own, where it runs a runtime.
//! Leaves out: memory that the kernel keeps for sockets: it goes with the descriptors.
//! Read before: `torture/guest.rs`. Read next: `torture.rs`.
//! Try: `cargo run -- serve async`, and `pkill -USR1 dormouse`

use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use procfs::ProcError;
use procfs::process::Process;

use crate::figures::{float, short};
use crate::models::Model;
use crate::study::child::Server;
use crate::study::sample::memory;

/// So much more memory than before is none of ours: the allocator moves its own borders. A
/// connection that is forgotten takes its buffer of 4 KiB, and there are thousands.
const GIVE: u64 = 1 << 20;

/// How long a server may take to notice that all have left: accepting again alone waits a tenth
/// of a second, and a silent peer has its time.
const SETTLE: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(5);

/// What a server has at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holdings {
    descriptors: usize,
    memory: u64,
    runtime: Option<Seen>,
}

/// What a runtime has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    tasks: usize,
    sources: usize,
    has_deadline: bool,
}

/// How many descriptors process `pid` has.
///
/// # Errors
///
/// If its `/proc` can't be read: it has ended, for one.
pub(super) fn descriptors(pid: u32) -> io::Result<usize> {
    // One by one: not every kernel keeps their number as the size of the folder.
    let count = || Ok(Process::new(i32::try_from(pid).unwrap_or(i32::MAX))?.fd()?.count());
    count()
        .map_err(|e: ProcError| io::Error::other(format!("the descriptors of process {pid}: {e}")))
}

impl Holdings {
    /// Takes them once nobody is connected: it has `own` descriptors then, and nothing to wait for.
    ///
    /// # Errors
    ///
    /// When it does not answer any more, or has ended.
    pub(super) fn at_rest(server: &Server, model: Model, own: usize) -> io::Result<Holdings> {
        // Whoever connected before and was not accepted yet, is now: the queue is one.
        drop(server.greet()?);
        let begin = Instant::now();
        loop {
            let now = Holdings::of(server, model)?;
            let rests = now.descriptors == own
                && now.runtime.is_none_or(|seen| seen.sources == 1 && !seen.has_deadline);
            // What is still there after that is left behind.
            if rests || begin.elapsed() > SETTLE {
                return Ok(now);
            }
            thread::sleep(PAUSE);
        }
    }

    fn of(server: &Server, model: Model) -> io::Result<Holdings> {
        Ok(Holdings {
            descriptors: descriptors(server.pid())?,
            runtime: (model == Model::Async).then(|| look(server)).transpose()?,
            memory: memory(server.pid()).unwrap_or(0),
        })
    }

    /// What there is more than `before`, in words; `None`: nothing.
    pub(super) fn left(&self, before: &Holdings) -> Option<String> {
        let differs = self.descriptors != before.descriptors || self.runtime != before.runtime;
        let grew = self.memory > before.memory + GIVE;
        (differs || grew).then(|| format!("left behind: {before} before, {self} after"))
    }

    /// How much more memory than `before`, as text.
    pub(super) fn growth(&self, before: &Holdings) -> String {
        let (sign, bytes) = match self.memory.checked_sub(before.memory) {
            Some(more) => ('+', more),
            None => ('-', before.memory - self.memory),
        };
        format!("{sign}{} KiB", bytes / 1024)
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = short(float(self.memory) / float(1 << 20));
        write!(f, "{} descriptors, {mib} MiB", self.descriptors)?;
        let Some(Seen { tasks, sources, has_deadline }) = self.runtime else { return Ok(()) };
        let deadline = if has_deadline { "a deadline" } else { "no deadline" };
        write!(f, ", tasks: {tasks}, sources: {sources}, {deadline}")
    }
}

/// Has a server print its snapshot, and reads what it says.
fn look(server: &Server) -> io::Result<Seen> {
    server.look()?;
    let line = server.line()?;
    let seen = read(&line).ok_or_else(|| {
        io::Error::other(format!("'{line}' is no first line of a snapshot (`look.rs`)"))
    })?;
    // A header for each table, and a line for each of theirs.
    for _ in 0..seen.tasks + seen.sources + 2 {
        server.line()?;
    }
    Ok(seen)
}

fn read(line: &str) -> Option<Seen> {
    let (tasks, rest) = line.strip_prefix("tasks: ")?.split_once("; sources: ")?;
    let (sources, deadline) = rest.split_once("; ")?;
    let has_deadline = deadline != "no deadline";
    Some(Seen { tasks: tasks.parse().ok()?, sources: sources.parse().ok()?, has_deadline })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Holdings = Holdings {
        descriptors: 9,
        memory: 4 << 20,
        runtime: Some(Seen { tasks: 1, sources: 1, has_deadline: false }),
    };

    #[test]
    fn whatever_is_left_is_told() {
        assert_eq!(NOTHING.left(&NOTHING), None);
        let seen = Seen { tasks: 1, sources: 1, has_deadline: false };
        for more in [
            Holdings { descriptors: 10, ..NOTHING },
            Holdings { memory: 6 << 20, ..NOTHING },
            Holdings { runtime: Some(Seen { tasks: 2, ..seen }), ..NOTHING },
            Holdings { runtime: Some(Seen { sources: 2, ..seen }), ..NOTHING },
            Holdings { runtime: Some(Seen { has_deadline: true, ..seen }), ..NOTHING },
        ] {
            let said = more.left(&NOTHING).unwrap();
            assert!(said.contains(&NOTHING.to_string()) && said.contains(&more.to_string()));
        }
        assert_eq!(Holdings { memory: (4 << 20) + 4096, ..NOTHING }.left(&NOTHING), None);
    }

    #[test]
    fn the_first_line_of_a_snapshot_is_read() {
        let runtime = dormouse::Runtime::new().unwrap();
        let line = runtime.block_on(async { dormouse::snapshot().to_string() });
        let seen = read(line.lines().next().unwrap());
        assert_eq!(seen, Some(Seen { tasks: 1, sources: 0, has_deadline: false }), "{line}");
        assert_eq!(read("listening on 127.0.0.1:1"), None);
    }
}
