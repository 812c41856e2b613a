//! The second witness: what the kernel says a process did in a span of time.
//!
//! A server's own counters can't see a loop that does not count. So the kernel is asked, too: for
//! the CPU time (in ticks of 10 ms), for the context switches of all threads, which a thread that
//! slept does not have, and, where `strace` may look, for the system calls.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// What a process did while it was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// CPU time, in ticks: user and system.
    pub(crate) ticks: u64,
    /// Times that a thread of it gave up its CPU, or was made to.
    pub(crate) switches: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No CPU time, no context switch.
    Asleep,
    /// Woke up now and then.
    Periodic,
    /// Had a CPU for as much of the span as it could get.
    Spins,
}

/// Watches the process for `span`, once what it was doing has come to an end. What never comes to
/// an end is watched all the same.
pub(crate) fn watch(pid: u32, span: Duration) -> (Verdict, Account) {
    let mut before = account(pid);
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(50));
        let last = std::mem::replace(&mut before, account(pid));
        if last == before {
            break;
        }
    }
    // Silence is what is measured here: nothing to wait for.
    thread::sleep(span);
    let after = account(pid);
    let done =
        Account { ticks: after.ticks - before.ticks, switches: after.switches - before.switches };
    // A tick is 10 ms. A spinner gets a core, or its share where others want it too: far more than
    // a fifth. Whoever wakes a thousand times a second needs a fiftieth.
    let verdict = match done {
        Account { ticks: 0, switches: 0 } => Verdict::Asleep,
        Account { ticks, .. } if u128::from(ticks) * 10 * 5 > span.as_millis() => Verdict::Spins,
        _ => Verdict::Periodic,
    };
    (verdict, done)
}

fn account(pid: u32) -> Account {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in parentheses, may hold blanks; user and system time are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let mut switches = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let counts = status.lines().filter(|line| line.contains("voluntary_ctxt_switches"));
        switches += counts
            .map(|line| line.rsplit_once(':').unwrap().1.trim().parse::<u64>().unwrap())
            .sum::<u64>();
    }
    Account { ticks, switches }
}

/// The system calls of the process while `what` goes on, or the reason why nobody can tell.
pub(crate) fn system_calls(pid: u32, what: impl FnOnce()) -> Result<Vec<String>, String> {
    let strace = Command::new("strace")
        .args(["-f", "-q", "-o", "!cat >&2", "-p", &pid.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut strace = strace.map_err(|e| format!("strace can't be started: {e}"))?;
    let lines = BufReader::new(strace.stderr.take().unwrap()).lines();
    let reader = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    // Attaching interrupts the wait of each thread, which then begins anew: let that settle.
    thread::sleep(Duration::from_millis(700));
    let marker = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let traced =
        marker.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"));
    if !traced {
        strace.kill().ok();
        strace.wait().ok();
        return Err("strace may not attach here".into());
    }
    what();
    let process = nix::unistd::Pid::from_raw(i32::try_from(strace.id()).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).unwrap();
    strace.wait().unwrap();
    Ok(reader.join().unwrap())
}
