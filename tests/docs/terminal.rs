//! A terminal: what is typed there, what comes of it, and Ctrl-C.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Generous, as something may have to be built: reached only when something hangs.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) struct Terminal {
    child: Child,
    screen: Arc<Screen>,
}

#[derive(Default)]
struct Screen {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    text: String,
    /// How many of stdout and stderr have ended.
    ended: usize,
}

impl Screen {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, mut from: impl Read) {
        let mut buffer = [0; 4096];
        loop {
            let n = from.read(&mut buffer).unwrap_or(0);
            let mut seen = self.lock();
            if n == 0 {
                seen.ended += 1;
            }
            seen.text.push_str(&String::from_utf8_lossy(&buffer[..n]));
            self.changed.notify_all();
            if n == 0 {
                return;
            }
        }
    }

    /// Waits until `wanted` is true, or everything has ended; false after the limit.
    fn until(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> bool {
        let waits = |seen: &mut Seen| seen.ended < 2 && !wanted(&seen.text);
        let after = self.changed.wait_timeout_while(self.lock(), limit, waits);
        let (_seen, result) = after.unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }
}

impl Terminal {
    /// Types `line` into a shell in the root of the repository.
    pub(crate) fn open(line: &str) -> Terminal {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_LOG");
        // A group of its own, as in a terminal: Ctrl-C reaches all of it, and nobody else.
        shell.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        let screen = Arc::new(Screen::default());
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (one, other) = (Arc::clone(&screen), Arc::clone(&screen));
        thread::spawn(move || one.show(stdout));
        thread::spawn(move || other.show(stderr));
        Terminal { child, screen }
    }

    pub(crate) fn said(&self) -> String {
        self.screen.lock().text.clone()
    }

    /// Waits until all of `words` were said.
    pub(crate) fn says(&self, words: &[&str]) -> Result<(), String> {
        let all = |said: &str| words.iter().all(|word| said.contains(word));
        let in_time = self.screen.until(LIMIT, all);
        let said = self.said();
        match words.iter().find(|word| !said.contains(*word)) {
            None => Ok(()),
            Some(word) if in_time => Err(format!("it ended, and did not say '{word}':\n{said}")),
            Some(word) => Err(format!("it did not say '{word}' in {LIMIT:?}:\n{said}")),
        }
    }

    /// Waits for the end.
    pub(crate) fn ends(&mut self) -> Result<ExitStatus, String> {
        if !self.screen.until(LIMIT, |_| false) {
            return Err(format!("it did not end in {LIMIT:?}:\n{}", self.said()));
        }
        self.child.wait().map_err(|e| e.to_string())
    }

    /// Ends it by Ctrl-C; pressed again if nothing comes of it, as a shell that is about to start
    /// a program may miss one.
    pub(crate) fn ctrl_c(&mut self) -> Result<ExitStatus, String> {
        // A program that was started in the background ignores the signal of Ctrl-C (sh(1)), and so
        // do all that it starts: then SIGTERM takes its place.
        let signal = if is_ignored(Signal::SIGINT) { Signal::SIGTERM } else { Signal::SIGINT };
        for _ in 0..5 {
            self.signal(signal);
            if self.screen.until(Duration::from_secs(10), |_| false) {
                return self.ends();
            }
        }
        Err(format!("Ctrl-C does not end it:\n{}", self.said()))
    }

    /// The number of the process of this name in here.
    pub(crate) fn pid_of(&self, name: &str) -> Result<i32, String> {
        let group = self.group();
        let processes = fs::read_dir("/proc").map_err(|e| e.to_string())?;
        let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut ours = numbers.filter(|pid: &i32| {
            // "pid (name) state parent group …"
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields = stat.split_once(&format!(" ({name}) ")).map_or("", |(_, fields)| fields);
            fields.split(' ').nth(2) == Some(&group.to_string())
        });
        ours.next().ok_or_else(|| format!("there is no process '{name}'"))
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    fn signal(&self, signal: Signal) {
        // It may have ended already.
        killpg(self.group(), signal).ok();
    }
}

/// Whether this process ignores a signal: proc(5).
fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal as u32 - 1) & 1 == 1)
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(Signal::SIGKILL);
            self.child.wait().ok();
        }
    }
}

#[test]
fn what_is_typed_is_seen_and_ctrl_c_ends_it() {
    let mut one = Terminal::open("echo hello; echo wrong >&2; exit 3");
    assert_eq!(one.says(&["hello\n", "wrong\n"]), Ok(()));
    assert_eq!(one.ends().map(|status| status.code()), Ok(Some(3)));
    assert!(one.says(&["world"]).unwrap_err().contains("did not say 'world'"));

    let mut other = Terminal::open("echo begun; exec sleep 1000");
    assert_eq!(other.says(&["begun"]), Ok(()));
    assert!(other.pid_of("dormouse").is_err());
    assert!(other.ctrl_c().is_ok_and(|status| !status.success()));
}
