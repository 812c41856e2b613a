//! # Perf: how many system calls came back with nothing
//!
//! Problem: the kernel's account says that a thread ran, not whether it asked in vain; and a tracer
//! that could tell stops the thread at each call.
//! Idea: `perf stat` lets the kernel count the calls as they return, with a filter for those that
//! said 'not yet' and for waits that brought nothing. Whoever sleeps is not touched by it.
//! Leaves out: machines where perf is missing or may not: there is no evidence then, and the reason
//! is kept in its place.
//! Read before: `audit/verdict.rs`. Read next: `audit/report.rs`.
//! Try: `perf stat -p 1 -e raw_syscalls:sys_exit -- sleep 1`

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const EVENT: &str = "raw_syscalls:sys_exit";

/// The system calls of a thread: all, and the vain ones.
pub type Counts = (u64, u64);

/// A `perf stat` that counts.
pub struct Perf(Result<Child, String>);

impl Perf {
    /// Begins to count the calls of these threads. Where it can't, [`finish`](Perf::finish) says
    /// why.
    pub fn attach(threads: impl Iterator<Item = u32>) -> Perf {
        let threads: Vec<String> = threads.map(|thread| thread.to_string()).collect();
        let mut perf = Command::new("perf");
        // Each thread by itself, and none that it starts: their calls would be counted as its own.
        perf.args(["stat", "-x,", "--per-thread", "--no-inherit", "-t", &threads.join(",")]);
        perf.args(["-e", EVENT, "-e", EVENT, "--filter", &vain()]).env("LC_ALL", "C");
        perf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Perf(perf.spawn().map_err(|e| match e.kind() {
            ErrorKind::NotFound => "perf is not installed".into(),
            _ => format!("perf can't be started: {e}"),
        }))
    }

    /// Begins anew where one of the threads had ended before it could attach to all: it gives up
    /// then. Other refusals are kept.
    pub fn try_again(&mut self, threads: impl Iterator<Item = u32>) {
        let Ok(child) = &mut self.0 else { return };
        if !child.try_wait().is_ok_and(|end| end.is_some()) {
            return;
        }
        let mut said = String::new();
        if let Some(stderr) = &mut child.stderr {
            // Where it can't be read, there is no complaint in it.
            stderr.read_to_string(&mut said).ok();
        }
        *self = if said.contains("No such process") {
            Perf::attach(threads)
        } else {
            Perf(Err(complaint(&said)))
        };
    }

    /// Ends the counting. A thread that never ran has no call.
    ///
    /// # Errors
    ///
    /// Why nobody counted.
    pub fn finish(mut self) -> Result<BTreeMap<u32, Counts>, String> {
        const PATIENCE: Duration = Duration::from_secs(5);

        let taken = std::mem::replace(&mut self.0, Err(String::new()));
        let child = taken?;
        let pid = Pid::from_raw(child.id().cast_signed());
        // Not fetched yet, so the number is still its own.
        kill(pid, Signal::SIGINT).map_err(|e| format!("perf can't be ended: {e}"))?;
        let (sender, end) = channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let Ok(Ok(output)) = end.recv_timeout(PATIENCE) else {
            kill(pid, Signal::SIGKILL).ok();
            return Err(format!("perf said nothing within {PATIENCE:?}"));
        };
        let said = String::from_utf8_lossy(&output.stderr);
        let counts = read(&said);
        if counts.is_empty() { Err(complaint(&said)) } else { Ok(counts) }
    }
}

impl Drop for Perf {
    fn drop(&mut self) {
        if let Ok(child) = &mut self.0 {
            // It may have ended by itself.
            child.kill().and_then(|()| child.wait()).ok();
        }
    }
}

/// A filter for calls that said 'not yet' (-11 is `EAGAIN`), and for waits that brought nothing.
fn vain() -> String {
    let mut waits =
        vec![libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2, libc::SYS_ppoll, libc::SYS_pselect6];
    // Newer architectures have the general forms only.
    #[cfg(target_arch = "x86_64")]
    waits.extend([libc::SYS_epoll_wait, libc::SYS_poll, libc::SYS_select]);
    let waits: Vec<String> = waits.iter().map(|id| format!("id == {id}")).collect();
    // For futex(2) it means that there is nothing to wait for any more.
    let not_yet = format!("ret == -{} && id != {}", libc::EAGAIN, libc::SYS_futex);
    format!("({not_yet}) || (ret == 0 && ({}))", waits.join(" || "))
}

/// Reads its lines, `NAME-THREAD,COUNT,,EVENT,…`: first those of all calls, then of the vain ones.
fn read(said: &str) -> BTreeMap<u32, Counts> {
    let mut rows: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (thread, count) in said.lines().filter_map(row) {
        rows.entry(thread).or_default().push(count);
    }
    let counts = rows.into_iter().filter_map(|(thread, counts)| match counts[..] {
        [all, vain] => Some((thread, (all, vain))),
        _ => None,
    });
    counts.collect()
}

fn row(line: &str) -> Option<(u32, u64)> {
    // The name comes first, and may hold anything.
    let (left, _) = line.rsplit_once(EVENT)?;
    let (name_and_thread, count) = left.trim_end_matches(',').rsplit_once(',')?;
    let (_, thread) = name_and_thread.rsplit_once('-')?;
    // Counting begins when the thread gets a CPU.
    let count = if count == "<not counted>" { 0 } else { count.parse().ok()? };
    Some((thread.parse().ok()?, count))
}

/// What it says when it refuses, in one line.
fn complaint(said: &str) -> String {
    let error = said.split_once("Error:").map_or(said, |(_, error)| error);
    let mut lines = error.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.next().unwrap_or("it ended before it had counted");
    format!("perf: {}", line.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_thread_by_thread_whatever_its_name() {
        let said = "my-app,7-42,1204331,,raw_syscalls:sys_exit,499312431,100.00,,\n\
                    idle-43,<not counted>,,raw_syscalls:sys_exit,0,100.00,,\n\
                    my-app,7-42,1204327,,raw_syscalls:sys_exit,499312431,100.00,,\n\
                    idle-43,<not counted>,,raw_syscalls:sys_exit,0,100.00,,\n\
                    half-44,9,,raw_syscalls:sys_exit,1,100.00,,\n\
                    gone-45,<not supported>,,raw_syscalls:sys_exit,0,100.00,,\n";
        let counts = BTreeMap::from([(42, (1_204_331, 1_204_327)), (43, (0, 0))]);
        assert_eq!(read(said), counts);
    }

    #[test]
    fn a_refusal_is_one_line() {
        let refused = "event syntax error: 'raw_syscalls:sys_exit'\n  \\___ can't access\n\n\
                       Error:\tNo permissions to read /sys/kernel/tracing\nHint:\tTry 'sudo'\n";
        assert!(read(refused).is_empty());
        assert_eq!(complaint(refused), "perf: No permissions to read /sys/kernel/tracing");
        let other = "Error:\nThe sys_perf_event_open() syscall returned with 3\nmore\n";
        assert_eq!(complaint(other), "perf: The sys_perf_event_open() syscall returned with 3");
        assert_eq!(complaint(""), "perf: it ended before it had counted");
    }
}
