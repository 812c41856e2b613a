//! # Tree: a command, and all that it starts
//!
//! Problem: a command may be a shell that starts a server that starts workers; and one whose parent
//! has ended belongs to nobody any more.
//! Idea: the kernel gives such orphans to us (`PR_SET_CHILD_SUBREAPER`, prctl(2)). So the tree is
//! whatever descends from us, and what holds it ends it, in every way out.
//! Leaves out: what other programs start on its behalf, a service manager, say.
//! Read before: `audit/signals.rs`, `study/child.rs`. Read next: `audit/verdict.rs`.
//! Try: `cargo run -- audit -- sh -c 'sleep 60 & sleep 60'`

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpgrp};
use procfs::process::{Stat, all_processes};

use crate::output::printable;
use crate::stats::Stats;

/// A command that runs.
pub struct Tree {
    /// As it was typed, for whoever has to be told of it.
    name: String,
    root: Child,
    /// Children that this process had before, as a shell's `exec` leaves them: not the command's.
    strangers: Vec<i32>,
    last_line: Receiver<Vec<u8>>,
}

impl Tree {
    /// Starts it, in a process group of its own: a Ctrl-C is for us, who then end it.
    ///
    /// # Errors
    ///
    /// One line that names it, where it can't be started.
    pub fn start(command: &[OsString]) -> io::Result<Tree> {
        let typed = command.iter().map(|word| printable(word.as_encoded_bytes()));
        let name = typed.collect::<Vec<_>>().join(" ");
        set_child_subreaper(true)?;
        let us = std::process::id().cast_signed();
        let strangers = snapshot().into_values().filter(|stat| stat.ppid == us);
        let strangers = strangers.map(|stat| stat.pid).collect();
        let [program, args @ ..] = command else { return Err(io::ErrorKind::InvalidInput.into()) };
        let mut start = Command::new(program);
        start.args(args).process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut root = start.spawn().map_err(|e| {
            io::Error::new(e.kind(), format!("start '{name}': {e}; give a program after '--'"))
        })?;
        let last_line = pass_on(root.stdout.take());
        Ok(Tree { name, root, strangers, last_line })
    }

    /// Says that the command still runs.
    ///
    /// # Errors
    ///
    /// One line with its name and exit status, where it has ended.
    pub fn check(&mut self) -> io::Result<()> {
        match self.root.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!(
                "'{}' ended by itself ({status}) before the watch was over: give one that goes on, \
                 or a shorter --duration",
                self.name
            ))),
        }
    }

    /// Ends it, and returns what it said that it had counted, where its last line was that.
    pub fn end(mut self) -> Option<Stats> {
        self.end_all();
        // All that could write to it has ended, so it comes soon.
        let last = self.last_line.recv_timeout(Duration::from_secs(1)).ok()?;
        serde_json::from_slice(&last).ok()
    }

    /// All that descends from this process, but for what is in its own group (the audit's own helper)
    /// and what was there before.
    pub fn processes(&self) -> Vec<u32> {
        let us = std::process::id().cast_signed();
        let all = snapshot();
        let descends = |stat: &Stat| {
            let mut top = stat;
            while let Some(parent) = all.get(&top.ppid) {
                if parent.pid == us {
                    return top.pgrp != getpgrp().as_raw() && !self.strangers.contains(&top.pid);
                }
                top = parent;
            }
            false
        };
        let ours = all.values().filter(|stat| descends(stat));
        let (mut there, gone): (Vec<&Stat>, Vec<&Stat>) = ours.partition(|stat| is_there(stat));
        // Parents first: a shell that outlives a command of its own prints how that one ended.
        there.sort_by_key(|stat| (stat.starttime, stat.pid));
        for orphan in gone.iter().filter(|stat| stat.ppid == us && stat.pid != self.root_pid()) {
            // Nobody else fetches the end of an orphan, and its number would not become free.
            waitpid(Pid::from_raw(orphan.pid), Some(WaitPidFlag::WNOHANG)).ok();
        }
        there.iter().map(|stat| stat.pid.cast_unsigned()).collect()
    }

    fn root_pid(&self) -> i32 {
        self.root.id().cast_signed()
    }

    fn send(&self, signal: Signal) {
        for process in self.processes() {
            // It may have ended just now.
            kill(Pid::from_raw(process.cast_signed()), signal).ok();
        }
    }

    /// Asks all to end, and ends those that have not after a second.
    fn end_all(&mut self) {
        for (signal, patience) in [(Signal::SIGTERM, 1), (Signal::SIGKILL, 5)] {
            let begin = Instant::now();
            self.send(signal);
            while !self.is_gone() && begin.elapsed() < Duration::from_secs(patience) {
                thread::sleep(Duration::from_millis(5));
                // Whoever was just being started has not got the first one.
                if signal == Signal::SIGKILL {
                    self.send(signal);
                }
            }
        }
    }

    fn is_gone(&mut self) -> bool {
        // Its own end has to be fetched, or it would stay in the list of processes.
        self.root.try_wait().is_ok_and(|end| end.is_some()) && self.processes().is_empty()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// All processes, each with its parent.
fn snapshot() -> HashMap<i32, Stat> {
    // Who ends while the list is read leaves children that seem to be nobody's, for as long as that
    // takes. Where some parents are never seen (another namespace, another user's), that's enough.
    const TRIES: usize = 5;

    let read = |_| {
        let stats = all_processes().into_iter().flatten().flatten().filter_map(|p| p.stat().ok());
        stats.map(|stat| (stat.pid, stat)).collect::<HashMap<_, _>>()
    };
    let whole = |all: &HashMap<i32, Stat>| {
        all.values().all(|stat| stat.ppid == 0 || all.contains_key(&stat.ppid))
    };
    let mut tries = (0..TRIES).map(read);
    tries.find(whole).unwrap_or_else(|| read(TRIES))
}

/// Whether it can still run. One whose end nobody has fetched is listed, and gone.
pub fn is_there(stat: &Stat) -> bool {
    stat.state != 'Z' || stat.num_threads > 1
}

/// Passes what the command prints to stderr, line by line, as our stdout is for what we found; the
/// last line comes out when nobody can print any more.
fn pass_on(stdout: Option<ChildStdout>) -> Receiver<Vec<u8>> {
    // Whoever prints without end and without lines must not fill our memory.
    const LONGEST: u64 = 1 << 16;

    let (sender, last_line) = channel();
    thread::spawn(move || {
        let mut last = Vec::new();
        if let Some(stdout) = stdout {
            let mut stdout = BufReader::new(stdout);
            let mut line = Vec::new();
            while stdout.by_ref().take(LONGEST).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                // Where nobody reads our stderr, the command goes on all the same.
                io::stderr().write_all(&line).ok();
                last = std::mem::take(&mut line);
            }
        }
        sender.send(last)
    });
    last_line
}
