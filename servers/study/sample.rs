//! # Sample: the kernel's account of a process
//!
//! Problem: what a server costs must come from a witness that can't be wrong about it, and not
//! every kernel keeps every account.
//! Idea: read the same few accounts at two moments; a figure is their difference. An account that
//! can't be read is absent, and stays so in the table: it is never taken for 0.
//! Leaves out: the sockets' memory, which the kernel keeps for itself.
//! Read before: `study/child.rs`. Read next: `study/phase.rs`.
//! Try: `cat /proc/self/status`

use std::time::{Duration, Instant};

use serde::Serialize;

/// What a process had used by a moment, all its threads together.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// CPU time by the clock of the process (`clock_getcpuclockid(3)`): nanoseconds.
    pub clock: Option<Duration>,
    /// CPU time in `/proc/PID/stat` (proc(5)): ticks of usually 10 ms.
    pub ticks: Option<Duration>,
    /// Context switches, voluntary or not, of the threads that are there.
    pub switches: Option<u64>,
}

/// Where a CPU time came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The clock of the process, in nanoseconds.
    ProcessClock,
    /// `/proc/PID/stat`, in ticks.
    Ticks,
}

/// What a process used between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// How far apart they were.
    pub time: Duration,
    /// The CPU time, and where that comes from.
    pub cpu: Option<(Duration, Source)>,
    /// Context switches.
    pub switches: Option<u64>,
}

impl Sample {
    /// Reads the accounts of process `pid`.
    pub fn take(pid: u32) -> Sample {
        Sample {
            at: Instant::now(),
            clock: accounts::clock(pid),
            ticks: accounts::ticks(pid),
            switches: accounts::switches(pid),
        }
    }

    /// The same without what takes its time: each thread has its own account of switches.
    pub fn brief(pid: u32) -> Sample {
        let (clock, ticks) = (accounts::clock(pid), accounts::ticks(pid));
        Sample { at: Instant::now(), clock, ticks, switches: None }
    }

    /// What was used from here to `later`.
    pub fn until(&self, later: &Sample) -> Usage {
        let clock = difference(self.clock, later.clock);
        let ticks = difference(self.ticks, later.ticks);
        // Some kernels have the clock, but don't move it.
        let stands = clock.is_none_or(|clock| clock.is_zero());
        let cpu = match (clock, ticks) {
            (_, Some(ticks)) if stands && !ticks.is_zero() => Some((ticks, Source::Ticks)),
            (Some(clock), _) => Some((clock, Source::ProcessClock)),
            (None, ticks) => ticks.map(|ticks| (ticks, Source::Ticks)),
        };
        let switches = later.switches.zip(self.switches).map(|(b, a)| b.saturating_sub(a));
        Usage { time: later.at.saturating_duration_since(self.at), cpu, switches }
    }
}

fn difference(before: Option<Duration>, after: Option<Duration>) -> Option<Duration> {
    Some(after?.saturating_sub(before?))
}

/// Bytes of process `pid` that are in memory.
pub fn memory(pid: u32) -> Option<u64> {
    accounts::memory(pid)
}

#[cfg(target_os = "linux")]
mod accounts {
    use std::time::Duration;

    use asleep::Account;
    use nix::time::{ClockId, clock_gettime};
    use nix::unistd::Pid;
    use procfs::process::Process;

    fn process(pid: u32) -> Option<Process> {
        Process::new(i32::try_from(pid).ok()?).ok()
    }

    pub(super) fn clock(pid: u32) -> Option<Duration> {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
        clock_gettime(clock).ok().map(Duration::from)
    }

    pub(super) fn ticks(pid: u32) -> Option<Duration> {
        let stat = process(pid)?.stat().ok()?;
        let tick = Duration::from_secs(1) / u32::try_from(procfs::ticks_per_second()).ok()?;
        Some(tick * u32::try_from(stat.utime + stat.stime).ok()?)
    }

    /// Of each thread, as `/proc/PID/status` has those of the first only.
    pub(super) fn switches(pid: u32) -> Option<u64> {
        // A thread may end while they are read; its switches are then missing.
        let threads = Account::of_threads(pid).ok().filter(|threads| !threads.is_empty())?;
        Some(threads.values().map(|account| account.switches()).sum())
    }

    pub(super) fn memory(pid: u32) -> Option<u64> {
        let process = process(pid)?;
        // Exact; what `statm` says can be behind by a few pages per CPU (proc(5)).
        if let Ok(rollup) = process.smaps_rollup()
            && let Some(map) = rollup.memory_map_rollup.0.first()
            && let Some(bytes) = map.extension.map.get("Rss")
        {
            return Some(*bytes);
        }
        Some(process.statm().ok()?.resident * procfs::page_size())
    }
}

#[cfg(not(target_os = "linux"))]
mod accounts {
    use std::time::Duration;

    pub(super) fn clock(_pid: u32) -> Option<Duration> {
        None
    }

    pub(super) fn ticks(_pid: u32) -> Option<Duration> {
        None
    }

    pub(super) fn switches(_pid: u32) -> Option<u64> {
        None
    }

    pub(super) fn memory(_pid: u32) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(clock: Option<u64>, ticks: Option<u64>) -> Sample {
        let millis = |time: Option<u64>| time.map(Duration::from_millis);
        Sample { at: Instant::now(), clock: millis(clock), ticks: millis(ticks), switches: Some(7) }
    }

    fn cpu(before: Sample, after: Sample) -> Option<(u64, Source)> {
        let (time, source) = before.until(&after).cpu?;
        Some((u64::try_from(time.as_millis()).unwrap(), source))
    }

    #[test]
    fn the_finer_clock_is_taken_when_it_moves() {
        let moved = cpu(sample(Some(1), Some(0)), sample(Some(16), Some(10)));
        assert_eq!(moved, Some((15, Source::ProcessClock)));
        let stands = cpu(sample(Some(1), Some(0)), sample(Some(1), Some(10)));
        assert_eq!(stands, Some((10, Source::Ticks)));
        let idle = cpu(sample(Some(1), Some(10)), sample(Some(1), Some(10)));
        assert_eq!(idle, Some((0, Source::ProcessClock)));
    }

    #[test]
    fn an_account_that_cannot_be_read_is_absent_and_not_zero() {
        assert_eq!(cpu(sample(None, None), sample(None, None)), None);
        assert_eq!(cpu(sample(Some(1), None), sample(None, None)), None);
        let ticks = cpu(sample(None, Some(10)), sample(None, Some(10)));
        assert_eq!(ticks, Some((0, Source::Ticks)));
        let nobody = Sample::take(u32::MAX);
        assert!(nobody.clock.is_none() && nobody.switches.is_none());
        assert_eq!(memory(u32::MAX), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_shows_in_the_account() {
        let shows = || {
            let before = Sample::take(std::process::id());
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(50) {}
            std::thread::sleep(Duration::from_millis(1));
            let usage = before.until(&Sample::take(std::process::id()));
            usage.cpu.is_some_and(|(cpu, _)| cpu >= Duration::from_millis(10))
                && usage.switches.is_some_and(|switches| switches >= 1)
        };
        // Other tests' threads end, and take their switches with them: not in every try.
        assert!((0..200).any(|_| shows()));
        assert!(memory(std::process::id()).is_some_and(|bytes| bytes > 1 << 16));
    }
}
