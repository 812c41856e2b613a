//! # Account: what the kernel says that a thread has done
//!
//! Problem: a program that spins may not count its turns, so its own word is not enough.
//! Idea: the kernel keeps account of every thread: how long it had a CPU, how often it gave one up
//! and how often it lost one. A thread that slept from one look to the next shows the same account
//! twice.
//! Leaves out: what the thread did with its time: for that see its system calls, or a profile.
//! Read before: nothing. Read next: `watch.rs`.
//! Try: `grep ctxt /proc/self/status`

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// What a thread has done since it began, or in a span of time; or several threads together.
///
/// # Exactness
///
/// Switches are exact. CPU time is exact to a few milliseconds, those of the scheduler's tick,
/// where the kernel has `/proc/PID/schedstat`; elsewhere it is counted in ticks of usually 10 ms
/// (proc(5)), so that 0 may hide some work: look at the switches, too.
///
/// ```
/// use asleep::Account;
///
/// # #[cfg(target_os = "linux")] {
/// let before = Account::of_this_thread()?;
/// std::thread::sleep(std::time::Duration::from_millis(5));
/// let slept = Account::of_this_thread()?.since(before);
/// assert!(slept.voluntary >= 1, "it gave its CPU up");
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Time on a CPU, for the program and in the kernel.
    pub cpu: Duration,
    /// Times that it gave up its CPU, to wait for something.
    pub voluntary: u64,
    /// Times that it was made to give up its CPU to another, though it had more to do.
    pub involuntary: u64,
}

impl Account {
    /// The calling thread's.
    ///
    /// # Errors
    ///
    /// Where the system does not tell: `Unsupported` on other systems than Linux.
    pub fn of_this_thread() -> io::Result<Account> {
        Account::of_thread(std::process::id(), kernel::this_thread()?)
    }

    /// That of the thread `thread` of the process `process`, by their numbers.
    ///
    /// # Errors
    ///
    /// As [`of_this_thread`](Account::of_this_thread), and `NotFound` where it has ended.
    pub fn of_thread(process: u32, thread: u32) -> io::Result<Account> {
        Ok(kernel::look(process, thread)?.account)
    }

    /// Those of all threads that the process has just now, by their numbers.
    ///
    /// # Errors
    ///
    /// As [`of_this_thread`](Account::of_this_thread), and `NotFound` where it has ended.
    pub fn of_threads(process: u32) -> io::Result<BTreeMap<u32, Account>> {
        let looks = kernel::look_at_all(process)?;
        Ok(looks.into_iter().map(|(thread, look)| (thread, look.account)).collect())
    }

    /// What was done from `before` to here.
    #[must_use]
    pub fn since(self, before: Account) -> Account {
        Account {
            cpu: self.cpu.saturating_sub(before.cpu),
            voluntary: self.voluntary.saturating_sub(before.voluntary),
            involuntary: self.involuntary.saturating_sub(before.involuntary),
        }
    }

    /// How often it came to a CPU, or left one.
    pub fn switches(self) -> u64 {
        self.voluntary + self.involuntary
    }

    /// Whether nothing at all was done.
    pub fn is_idle(self) -> bool {
        // IDEA: a thread that slept all the time shows neither time nor switches: both are exactly
        // 0, however busy the machine is with others.
        self == Account::default()
    }
}

/// Several threads together.
impl std::iter::Sum for Account {
    fn sum<I: Iterator<Item = Account>>(accounts: I) -> Account {
        accounts.fold(Account::default(), |a, b| Account {
            cpu: a.cpu + b.cpu,
            voluntary: a.voluntary + b.voluntary,
            involuntary: a.involuntary + b.involuntary,
        })
    }
}

/// A thread at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// As the kernel knows it: its first 15 bytes.
    pub(crate) name: String,
    /// It waits for something: state 'S' in proc(5).
    pub(crate) asleep: bool,
    pub(crate) account: Account,
}

#[cfg(target_os = "linux")]
pub(crate) mod kernel {
    use std::collections::BTreeMap;
    use std::io;
    use std::time::Duration;

    use procfs::ProcError;
    use procfs::process::{Process, Task};
    use rustix::io::Errno;

    use super::{Account, Look};

    #[allow(clippy::unnecessary_wraps, reason = "the same shape as elsewhere")]
    pub(crate) fn this_thread() -> io::Result<u32> {
        Ok(rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned())
    }

    pub(crate) fn look(process: u32, thread: u32) -> io::Result<Look> {
        let process = Process::new(process.cast_signed()).map_err(error)?;
        look_at(&process.task_from_tid(thread.cast_signed()).map_err(error)?)
    }

    pub(crate) fn look_at_all(process: u32) -> io::Result<BTreeMap<u32, Look>> {
        let process = Process::new(process.cast_signed()).map_err(error)?;
        let mut looks = BTreeMap::new();
        for task in process.tasks().map_err(error)? {
            match task.map_err(error).and_then(|task| Ok((task.tid, look_at(&task)?))) {
                Ok((thread, look)) => {
                    looks.insert(thread.cast_unsigned(), look);
                }
                // It has ended since the list was made.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(looks)
    }

    fn look_at(task: &Task) -> io::Result<Look> {
        // Read here, as names need not be UTF-8: the kernel cuts them after 15 bytes.
        let path = format!("/proc/{}/task/{}/status", task.pid, task.tid);
        let status = std::fs::read(path).map_err(gone)?;
        let status = String::from_utf8_lossy(&status);
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(str::trim)
        };
        let count = |name| field(name).and_then(|text| text.parse().ok());
        let missing = || io::Error::new(io::ErrorKind::Unsupported, "no context switches in /proc");
        Ok(Look {
            name: field("Name").unwrap_or_default().to_owned(),
            asleep: field("State").is_some_and(|state| state.starts_with('S')),
            account: Account {
                cpu: cpu(task)?,
                voluntary: count("voluntary_ctxt_switches").ok_or_else(missing)?,
                involuntary: count("nonvoluntary_ctxt_switches").ok_or_else(missing)?,
            },
        })
    }

    /// Its file is gone, or was there when it was opened and its thread ended before it was read.
    fn gone(error: io::Error) -> io::Error {
        let ended = error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
        if ended { io::ErrorKind::NotFound.into() } else { error }
    }

    fn cpu(task: &Task) -> io::Result<Duration> {
        // Some kernels have the file, and keep it at 0.
        if let Ok(exact) = task.schedstat()
            && exact.sum_exec_runtime > 0
        {
            return Ok(Duration::from_nanos(exact.sum_exec_runtime));
        }
        let stat = task.stat().map_err(error)?;
        Ok(Duration::from_millis((stat.utime + stat.stime) * 1000 / procfs::ticks_per_second()))
    }

    fn error(error: ProcError) -> io::Error {
        let path = match error {
            ProcError::NotFound(path) => path,
            // The file was there when it was opened, and its thread ended before it was read.
            ProcError::Io(e, path) if e.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => path,
            error => return io::Error::other(error),
        };
        let what = path.map_or("its file".into(), |path| path.display().to_string());
        io::Error::new(io::ErrorKind::NotFound, format!("{what} is gone: it has ended"))
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) mod kernel {
    use std::collections::BTreeMap;
    use std::io;

    use super::Look;

    pub(crate) fn this_thread() -> io::Result<u32> {
        Err(missing())
    }

    pub(crate) fn look(_process: u32, _thread: u32) -> io::Result<Look> {
        Err(missing())
    }

    pub(crate) fn look_at_all(_process: u32) -> io::Result<BTreeMap<u32, Look>> {
        Err(missing())
    }

    fn missing() -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, "only Linux tells what a thread has done")
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    use super::*;

    /// As the kernel cuts names after 15 bytes, an honest one may end in half a letter.
    #[test]
    fn a_name_may_be_anything() {
        let (stop, stopped) = mpsc::channel::<()>();
        let named = thread::Builder::new().name("Hintergrund-prüfung".into());
        let sleeper = named
            .spawn(move || stopped.recv().expect_err("only the end comes"))
            .expect("it starts");
        let seen = || {
            let all = kernel::look_at_all(std::process::id()).expect("on Linux");
            all.into_values().any(|look| look.name.starts_with("Hintergrund-pr"))
        };
        // It names itself when it begins.
        while !seen() {
            thread::yield_now();
        }
        drop(stop);
        sleeper.join().expect("no panic");
    }

    #[test]
    fn a_thread_that_sleeps_shows_the_same_account_twice() {
        let (stop, stopped) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            tell.send(kernel::this_thread().expect("on Linux")).expect("it listens");
            stopped.recv().expect_err("only the end comes");
        });
        let (us, it) = (std::process::id(), told.recv().expect("it tells"));
        while !kernel::look(us, it).expect("it is there").asleep {
            thread::yield_now();
        }
        let before = Account::of_thread(us, it).expect("it is there");
        thread::sleep(Duration::from_millis(50));
        let after = Account::of_thread(us, it).expect("it is there");
        assert!(after.since(before).is_idle(), "{:?}", after.since(before));
        drop(stop);
        sleeper.join().expect("no panic");
        let error = Account::of_thread(us, it).expect_err("it has ended");
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    }

    #[test]
    fn a_thread_that_works_shows_it() {
        let before = Account::of_this_thread().expect("on Linux");
        let begin = Instant::now();
        while Account::of_this_thread().expect("on Linux").since(before).cpu
            < Duration::from_millis(10)
        {
            assert!(begin.elapsed() < Duration::from_secs(60), "it spins, and nothing shows it");
        }
        let us = kernel::this_thread().expect("on Linux");
        assert!(Account::of_threads(std::process::id()).expect("on Linux").contains_key(&us));
    }

    #[test]
    fn threads_that_end_while_they_are_looked_at_are_left_out() {
        let (stop, stopped) = mpsc::channel::<()>();
        let churn = thread::spawn(move || {
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                let brief: Vec<_> = (0..8).map(|_| thread::spawn(|| {})).collect();
                for thread in brief {
                    thread.join().expect("no panic");
                }
            }
        });
        let us = kernel::this_thread().expect("on Linux");
        for _ in 0..1000 {
            let threads = Account::of_threads(std::process::id()).expect("only threads end");
            assert!(threads.contains_key(&us));
        }
        drop(stop);
        churn.join().expect("no panic");
    }
}
