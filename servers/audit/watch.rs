//! # Watch: a process seen from outside, slice by slice
//!
//! Problem: a tracer would stop each thread at each call, and so change what it looks at.
//! Idea: read the kernel's account of every thread again and again. Nobody is stopped, and a thread
//! that sleeps is not woken by being looked at.
//! Leaves out: threads that come and go between two looks.
//! Read before: `audit/tree.rs`, `audit/verdict.rs`. Read next: `audit/perf.rs`.
//! Try: `cargo run -- audit --pid 1`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use asleep::Account;
use procfs::process::Process;

use super::signals::Signals;
use super::tree::{Tree, is_there};
use super::verdict::Slice;
use crate::output::printable;
use crate::stats::Stats;

/// A rhythm is told from a burst by slices that are alike: twenty are enough for that, and few
/// enough that looking costs next to nothing. With the usual 2 s each has 100 ms, in which whoever
/// wakes 40 times a second wakes four times.
const SLICES: u32 = 20;

/// Whom to watch.
pub enum Target {
    /// A process that goes on, alone.
    Process(u32),
    /// A command of ours, with all that it starts.
    Command(Tree),
}

impl Target {
    /// Starts the command and gives it half a second to be ready.
    ///
    /// # Errors
    ///
    /// If it can't be started, or ends at once; `Interrupted` when a signal came.
    pub fn command(command: &[OsString], signals: &Signals) -> io::Result<Target> {
        const START: Duration = Duration::from_millis(500);

        let target = Target::Command(Tree::start(command)?);
        signals.pause_until(Instant::now() + START)?;
        Ok(target)
    }

    /// Says that it is still there.
    fn check(&mut self) -> io::Result<()> {
        match self {
            Target::Command(tree) => tree.check(),
            Target::Process(pid) => {
                let stat = Process::new(pid.cast_signed()).and_then(|process| process.stat());
                match stat {
                    Ok(stat) if is_there(&stat) => Ok(()),
                    Ok(_) | Err(procfs::ProcError::NotFound(_)) => Err(gone(*pid)),
                    Err(e) => Err(io::Error::other(format!("process {pid} can't be read: {e}"))),
                }
            }
        }
    }

    /// The account of each thread, by process and thread.
    fn accounts(&mut self) -> io::Result<BTreeMap<(u32, u32), Account>> {
        self.check()?;
        let processes = match self {
            Target::Process(pid) => vec![*pid],
            Target::Command(tree) => tree.processes(),
        };
        let mut accounts = BTreeMap::new();
        for process in processes {
            match Account::of_threads(process) {
                Ok(threads) => {
                    let threads = threads.into_iter();
                    accounts.extend(threads.map(|(thread, account)| ((process, thread), account)));
                }
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => {
                    let why = format!("process {process} can't be read: {e}");
                    return Err(io::Error::new(e.kind(), why));
                }
            }
        }
        Ok(accounts)
    }

    /// Ends what we have started; what it said that it had counted.
    pub fn end(self) -> Option<Stats> {
        match self {
            Target::Process(_) => None,
            Target::Command(tree) => tree.end(),
        }
    }
}

fn gone(pid: u32) -> io::Error {
    let why = format!("no process {pid} (any more): give --pid one that runs, 'ps -e' lists them");
    io::Error::new(ErrorKind::NotFound, why)
}

/// One thread, and what it did.
pub struct Thread {
    /// Its process.
    pub process: u32,
    /// Its number.
    pub thread: u32,
    /// What it calls itself: printable.
    pub name: String,
    /// What it did, look by look.
    pub slices: Vec<Slice>,
    /// Whether it began while it was watched.
    pub came: bool,
    /// Whether it ended while it was watched.
    pub ended: bool,
    /// What it has done since it began.
    pub life: Account,
}

impl Thread {
    fn new((process, thread): (u32, u32), life: Account, came: bool) -> Thread {
        let name = name(process, thread).unwrap_or_default();
        Thread { process, thread, name, slices: Vec::new(), came, ended: false, life }
    }

    /// What it did while it was watched.
    pub fn account(&self) -> Account {
        self.slices.iter().map(|slice| slice.account).sum()
    }
}

/// What is seen.
pub struct Watch {
    threads: BTreeMap<(u32, u32), Thread>,
    begin: Instant,
    last: Instant,
}

impl Watch {
    /// The first look.
    ///
    /// # Errors
    ///
    /// If there is nobody to look at.
    pub fn begin(target: &mut Target) -> io::Result<Watch> {
        let accounts = target.accounts()?;
        let now = Instant::now();
        if accounts.is_empty() {
            let why = "no thread can be read: watch a process of your own, or ask as its owner";
            return Err(io::Error::new(ErrorKind::PermissionDenied, why));
        }
        let first = accounts.into_iter().map(|(id, life)| (id, Thread::new(id, life, false)));
        Ok(Watch { threads: first.collect(), begin: now, last: now })
    }

    /// Looks again and again until `span` is over, and has `then` done after each look; returns how
    /// long it was in truth.
    ///
    /// # Errors
    ///
    /// If the target has ended; `Interrupted` when a signal came.
    pub fn go_on(
        &mut self,
        target: &mut Target,
        span: Duration,
        signals: &Signals,
        mut then: impl FnMut(&Watch),
    ) -> io::Result<Duration> {
        let begin = self.begin;
        let due = |n| begin + span * n / SLICES;
        for n in 1..=SLICES {
            // A look at thousands of threads takes longer than a slice: then there are fewer.
            if n < SLICES && due(n + 1) < Instant::now() {
                continue;
            }
            signals.pause_until(due(n))?;
            self.look(target)?;
            then(self);
        }
        for thread in self.threads.values_mut() {
            // Many get their name only when they run.
            thread.name = name(thread.process, thread.thread).unwrap_or(thread.name.clone());
        }
        Ok(self.last - self.begin)
    }

    fn look(&mut self, target: &mut Target) -> io::Result<()> {
        let accounts = target.accounts()?;
        let now = Instant::now();
        let time = now - std::mem::replace(&mut self.last, now);
        for thread in self.threads.values_mut() {
            thread.ended |= !accounts.contains_key(&(thread.process, thread.thread));
        }
        for (id, life) in accounts {
            // All that a new one has done was done in this slice.
            let new = || Thread::new(id, Account::default(), true);
            let thread = self.threads.entry(id).or_insert_with(new);
            let account = life.since(std::mem::replace(&mut thread.life, life));
            thread.slices.push(Slice { time, account });
        }
        Ok(())
    }

    /// All that were seen.
    pub fn threads(&self) -> impl Iterator<Item = &Thread> {
        self.threads.values()
    }

    /// The numbers of those that are there.
    pub fn present(&self) -> impl Iterator<Item = u32> {
        self.threads().filter(|thread| !thread.ended).map(|thread| thread.thread)
    }
}

fn name(process: u32, thread: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{process}/task/{thread}/comm")).ok()?;
    Some(printable(name.trim_ascii_end()))
}
