//! # Holdings: what a server has, seen from outside
//!
//! Problem: a descriptor, a task or a page that is lost with each thousandth client shows after
//! days.
//! Idea: when all have left, a server must have what it had before they came, and sleep: descriptors,
//! memory and CPU time by the kernel's account; tasks, sources and deadlines by its own, where it runs
//! a runtime.
//! Leaves out: memory that the kernel keeps for sockets: it goes with the descriptors.
//! Read before: `torture/guest.rs`. Read next: `torture/counted.rs`.
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
use crate::study::sample::{Sample, memory};

/// So much more memory than before is none of ours: the allocator moves its own borders. A
/// connection that is forgotten takes its buffer of 4 KiB, and there are thousands.
const GIVE: u64 = 1 << 20;

/// How long a server may take to notice that all have left: accepting again alone waits a tenth
/// of a second. A silent peer has more time, so nobody is taken for gone who is only let go.
const SETTLE: Duration = Duration::from_millis(1500);

const PAUSE: Duration = Duration::from_millis(5);

/// How long a server is watched in its sleep.
const NAP: Duration = Duration::from_millis(200);

/// It may use so much CPU time meanwhile: two ticks, where the kernel counts no finer.
const STIR: Duration = Duration::from_millis(20);

/// What a server has at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holdings {
    descriptors: usize,
    memory: u64,
    /// The most memory that it ever had, where the kernel keeps that.
    peak: Option<u64>,
    runtime: Option<Seen>,
    /// It came to rest.
    rests: bool,
    /// CPU time in a [`NAP`] after that.
    stirred: Duration,
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
                return Ok(Holdings { rests, stirred: stirred(server, model), ..now });
            }
            thread::sleep(PAUSE);
        }
    }

    fn of(server: &Server, model: Model) -> io::Result<Holdings> {
        let unknown = || io::Error::other("its memory can't be read in /proc");
        Ok(Holdings {
            descriptors: descriptors(server.pid())?,
            runtime: (model == Model::Async).then(|| look(server)).transpose()?,
            memory: memory(server.pid()).ok_or_else(unknown)?,
            peak: peak(server.pid()),
            rests: false,
            stirred: Duration::ZERO,
        })
    }

    /// What there is more than `before`, or was meanwhile, a line each.
    pub(super) fn left(&self, before: &Holdings) -> Vec<String> {
        let differs = self.descriptors != before.descriptors || self.runtime != before.runtime;
        let grew = self.memory > before.memory + GIVE;
        let peaks = self.peak.zip(before.peak);
        [
            // Not asked of `self`: it would say the same again.
            (!before.rests).then(|| format!("no rest after the warm-up: {before}")),
            (differs || grew).then(|| format!("left behind: {before} before, {self} after")),
            peaks.filter(|(now, then)| *now > then + GIVE).map(|(now, then)| {
                format!("it took {} at a time; in the warm-up, {}", mib(now), mib(then))
            }),
            (self.stirred.max(before.stirred) > STIR).then(|| {
                let stirred = self.stirred.max(before.stirred);
                format!("nobody is there, and it used {stirred:?} of CPU time in {NAP:?}")
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// How much more memory than `before`, at the end of the warm-up, as text.
    pub(super) fn growth(&self, before: &Holdings) -> String {
        let (sign, bytes) = match self.memory.checked_sub(before.memory) {
            Some(more) => ('+', more),
            None => ('-', before.memory - self.memory),
        };
        format!("{sign}{} KiB since the warm-up", bytes / 1024)
    }
}

/// CPU time that a server uses in a [`NAP`]; of one that spins by its nature nobody asks it.
fn stirred(server: &Server, model: Model) -> Duration {
    if model == Model::Nonblocking {
        return Duration::ZERO;
    }
    let begin = Sample::brief(server.pid());
    thread::sleep(NAP);
    begin.until(&Sample::brief(server.pid())).cpu.map_or(Duration::ZERO, |(cpu, _)| cpu)
}

fn peak(pid: u32) -> Option<u64> {
    let status = Process::new(i32::try_from(pid).ok()?).ok()?.status().ok()?;
    Some(status.vmhwm? * 1024)
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", short(float(bytes) / float(1 << 20)))
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} descriptors, {}", self.descriptors, mib(self.memory))?;
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
        peak: Some(5 << 20),
        rests: true,
        stirred: Duration::ZERO,
        runtime: Some(Seen { tasks: 1, sources: 1, has_deadline: false }),
    };

    #[test]
    fn whatever_is_left_is_told() {
        assert_eq!(NOTHING.left(&NOTHING), Vec::<String>::new());
        let seen = Seen { tasks: 1, sources: 1, has_deadline: false };
        for more in [
            Holdings { descriptors: 10, ..NOTHING },
            Holdings { memory: 6 << 20, ..NOTHING },
            Holdings { runtime: Some(Seen { tasks: 2, ..seen }), ..NOTHING },
            Holdings { runtime: Some(Seen { sources: 2, ..seen }), ..NOTHING },
            Holdings { runtime: Some(Seen { has_deadline: true, ..seen }), ..NOTHING },
        ] {
            let said = more.left(&NOTHING).concat();
            assert!(said.contains(&NOTHING.to_string()) && said.contains(&more.to_string()));
        }
        let little = Holdings { memory: (4 << 20) + 4096, ..NOTHING };
        assert_eq!(little.left(&NOTHING), Vec::<String>::new());
    }

    #[test]
    fn what_shows_only_meanwhile_is_told() {
        let told = |more: &Holdings, before: &Holdings| more.left(before).concat();
        let peak = Holdings { peak: Some(7 << 20), ..NOTHING };
        assert!(told(&peak, &NOTHING).starts_with("it took 7"), "{}", told(&peak, &NOTHING));
        let spins = Holdings { stirred: NAP, ..NOTHING };
        assert!(told(&spins, &NOTHING).contains("200ms of CPU time"));
        assert!(told(&NOTHING, &spins).contains("200ms of CPU time"));
        let restless = Holdings { rests: false, ..NOTHING };
        assert!(told(&NOTHING, &restless).starts_with("no rest after the warm-up"));
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
