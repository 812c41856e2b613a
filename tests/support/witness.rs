//! The second witness: what the kernel says a process did in a span of time.
//!
//! A server's own counters can't see a loop that does not count. So the kernel is asked, too: for
//! the account of each thread, which stays the same while it sleeps, and, where `strace` may look,
//! for the system calls.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use asleep::Account;
use dormouse_study::audit::verdict::{Calls, Slice, Verdict, judge};

/// Watches the process for `span`, once what it was doing has come to an end.
pub(crate) fn watch(pid: u32, span: Duration) -> (Verdict, Account) {
    let [seen] = &watch_all(&[pid], span)[..] else { unreachable!("one for each") };
    (seen.verdict(None), seen.account())
}

/// What one process did, from look to look.
pub(crate) struct Seen(Vec<Slice>);

impl Seen {
    /// What the audit makes of it, given what was counted of its calls.
    pub(crate) fn verdict(&self, calls: Option<&Calls>) -> Verdict {
        judge(&self.0, false, calls)
    }

    pub(crate) fn account(&self) -> Account {
        self.0.iter().map(|slice| slice.account).sum()
    }
}

/// Watches these processes at a time for `span`, once what they were doing has come to an end.
/// What never comes to an end is watched all the same.
pub(crate) fn watch_all(pids: &[u32], span: Duration) -> Vec<Seen> {
    const LOOKS: u32 = 20;

    let look = || pids.iter().map(|pid| account(*pid)).collect::<Vec<_>>();
    let mut before = look();
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(50));
        let last = std::mem::replace(&mut before, look());
        if last == before {
            break;
        }
    }
    let mut seen: Vec<_> = pids.iter().map(|_| Seen(Vec::new())).collect();
    let (mut since, end) = (Instant::now(), Instant::now() + span);
    while since < end {
        // Silence is what is measured here: nothing to wait for.
        thread::sleep(span / LOOKS);
        let (now, after) = (Instant::now(), look());
        for ((seen, before), after) in seen.iter_mut().zip(&before).zip(&after) {
            seen.0.push(Slice { time: now - since, account: after.since(*before) });
        }
        (since, before) = (now, after);
    }
    seen
}

/// That of all its threads together.
fn account(pid: u32) -> Account {
    Account::of_threads(pid).unwrap().into_values().sum()
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
    let marker = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
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

/// The calls that came to an end, by name. What the attach or the end of the tracing has cut short
/// is no call of the server's.
pub(crate) fn finished(lines: &[String]) -> BTreeMap<&str, usize> {
    let mut calls = BTreeMap::new();
    for line in lines {
        let cut = ["<unfinished", "<detached", "ERESTART"];
        let call =
            line.split_once(' ').map(|(_, call)| call.trim_start().trim_start_matches("<... "));
        let name = call.and_then(|call| call.split(['(', ' ']).next());
        if let Some(name) = name.filter(|_| !cut.iter().any(|cut| line.contains(cut))) {
            *calls.entry(name).or_default() += 1;
        }
    }
    calls
}
