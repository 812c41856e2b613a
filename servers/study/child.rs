//! # Child: one server as a process of its own
//!
//! Problem: the kernel accounts for processes; and whatever happens to the study, no server may be
//! left behind.
//! Idea: start the very program that runs, as `serve`; read its address from its first line and its
//! statistics from its last. Who holds it ends it, in every way out: also when a signal comes.
//! Leaves out: signals but SIGINT and SIGTERM: a study that is killed with SIGKILL leaves its server.
//! Read before: `serve.rs`. Read next: `study/sample.rs`.
//! Try: `cargo run -- study`, and `ps` in another terminal; then Ctrl-C

use std::env;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::phase::SIZE;
use crate::models::Model;
use crate::record::event::Recording;
use crate::stats::Stats;

/// The server that runs just now, for whoever must end it in a hurry.
#[derive(Clone, Default)]
pub struct Current(Arc<Mutex<Option<Child>>>);

impl Current {
    /// Ends it at once, if there is one, and leaves no zombie. While the returned guard lives, no
    /// other can start.
    pub fn kill(&self) -> MutexGuard<'_, Option<Child>> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = current.take()
            && let Err(e) = child.kill().and_then(|()| child.wait())
        {
            log::warn!("a server could not be ended: {e}");
        }
        current
    }

    /// Starts one. There is no moment at which it runs and is not known here.
    fn spawn(&self, command: &mut Command) -> io::Result<Pipes> {
        let mut current = self.kill();
        let child = current.insert(command.spawn()?);
        Ok(Pipes { pid: child.id(), stdout: child.stdout.take(), stderr: child.stderr.take() })
    }
}

/// Ends the server, and then this process, when SIGINT or SIGTERM comes: as the terminal sends the
/// first to both, but `kill` sends the second to one.
#[cfg(unix)]
pub(crate) fn end_on_a_signal(current: Current) -> io::Result<()> {
    use nix::sys::signal::{SigSet, Signal};

    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
    // Threads that start later inherit it: none of them ends the process in the middle.
    signals.thread_block()?;
    let wait = move || {
        // sigwait(3) fails only for a set without signals, or where it was interrupted.
        let signal = loop {
            if let Ok(signal) = signals.wait() {
                break signal;
            }
        };
        // Held to the end: no other server can start.
        let _none_left = current.kill();
        // Below the progress bar.
        eprintln!();
        std::process::exit(128 + signal as i32)
    };
    let thread = thread::Builder::new().name("signals".into()).spawn(wait);
    thread.map_err(|e| {
        let why = format!("no thread can be started: {e}; raise the limit (ulimit -u)");
        io::Error::new(e.kind(), why)
    })?;
    Ok(())
}

/// Elsewhere the system ends servers with the console that they share.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
pub(crate) fn end_on_a_signal(_current: Current) -> io::Result<()> {
    Ok(())
}

struct Pipes {
    pid: u32,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

/// A server that listens.
pub struct Server {
    current: Current,
    pid: u32,
    addr: SocketAddr,
    lines: Receiver<String>,
    said: Option<JoinHandle<Said>>,
}

/// What a server said on stderr.
#[derive(Default)]
struct Said {
    /// The last line that is none of its log; of a panic, where it was, and what.
    last: String,
    /// How many peers it dropped: each that neither left nor was gone.
    dropped: u64,
}

/// Starting, answering and ending may take so long each.
const PATIENCE: Duration = Duration::from_secs(5);

impl Server {
    /// Starts one with these options besides, and waits until it listens.
    ///
    /// # Errors
    ///
    /// The server's own last line on stderr, where it says why it can't serve.
    pub fn start(model: Model, args: &[&str], current: &Current) -> io::Result<Server> {
        Server::start_by(Command::new(env::current_exe()?), model, args, current)
    }

    /// The same with room for so many descriptors only: that limit is there before the server is, and
    /// it can't raise it.
    ///
    /// # Errors
    ///
    /// Likewise.
    #[cfg(unix)]
    pub fn start_with_descriptors(
        model: Model,
        args: &[&str],
        descriptors: usize,
        current: &Current,
    ) -> io::Result<Server> {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &descriptors.to_string()]);
        shell.arg(env::current_exe()?);
        Server::start_by(shell, model, args, current)
    }

    fn start_by(
        mut command: Command,
        model: Model,
        args: &[&str],
        current: &Current,
    ) -> io::Result<Server> {
        command.args(["serve", model.name(), "--addr", "127.0.0.1:0", "--stats"]).args(args);
        command.env("RUST_LOG", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let no_room = |e: io::Error| {
            let why = format!("no server can be started: {e}; raise the limit (ulimit -n, -u)");
            io::Error::new(e.kind(), why)
        };
        let Pipes { pid, stdout, stderr } = current.spawn(&mut command).map_err(no_room)?;
        let (sender, lines) = channel();
        // From here on its drop ends the process.
        let mut server = Server {
            current: current.clone(),
            pid,
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            lines,
            said: None,
        };
        let reader = thread::Builder::new();
        reader.spawn(move || send_lines(stdout, &sender)).map_err(no_room)?;
        let reader = thread::Builder::new().spawn(move || listen_to(stderr));
        server.said = Some(reader.map_err(no_room)?);
        match server.lines.recv_timeout(PATIENCE) {
            Ok(line) => server.addr = listening_on(&line)?,
            Err(_) => return Err(server.complain("it did not say where it listens")),
        }
        Ok(server)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Exchanges one message, so that what it does only once is done; and returns the connection.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub fn greet(&self) -> io::Result<TcpStream> {
        let greet = || {
            let mut stream = TcpStream::connect(self.addr)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(&[b'A'; SIZE])?;
            stream.read_exact(&mut [0; SIZE])?;
            Ok(stream)
        };
        greet().map_err(|e: io::Error| match e.kind() {
            // The time that was set is up (recv(2)).
            ErrorKind::WouldBlock => {
                io::Error::new(ErrorKind::TimedOut, format!("no answer within {PATIENCE:?}"))
            }
            kind => io::Error::new(kind, format!("no answer to a message: {e}")),
        })
    }

    /// Asks it to end, and returns what it counted; `None` where there is no way to ask.
    ///
    /// # Errors
    ///
    /// If it had ended before, or said nothing that can be read.
    pub fn stop(mut self) -> io::Result<Option<Stats>> {
        self.last_words("it ended without its statistics")
    }

    /// The same, and how many peers it dropped, as its log has it.
    ///
    /// # Errors
    ///
    /// Likewise.
    #[cfg(target_os = "linux")]
    pub fn stop_and_hear(mut self) -> io::Result<(Option<Stats>, u64)> {
        let stats = self.last_words("it ended without its statistics")?;
        Ok((stats, self.hear().dropped))
    }

    /// The same for one that was started with `--record -`: what it recorded.
    ///
    /// # Errors
    ///
    /// Likewise.
    pub fn stop_recorded(mut self) -> io::Result<Option<Recording>> {
        self.last_words("it ended without its recording")
    }

    fn last_words<T: DeserializeOwned>(&mut self, else_why: &str) -> io::Result<Option<T>> {
        if !self.ask_to_end()? {
            return Ok(None);
        }
        let words = self.lines.recv_timeout(PATIENCE);
        let words = words.map_err(|_| self.complain(else_why))?;
        Ok(Some(serde_json::from_str(&words)?))
    }

    /// Has an `async` server print its snapshot (`look.rs`): [`Server::line`] reads it.
    ///
    /// # Errors
    ///
    /// If it has ended.
    #[cfg(unix)]
    pub fn look(&self) -> io::Result<()> {
        self.signal(nix::sys::signal::Signal::SIGUSR1)
    }

    /// The next line that it prints.
    ///
    /// # Errors
    ///
    /// If none comes.
    pub fn line(&self) -> io::Result<String> {
        let silent = |_| io::Error::other("it does not print what it was asked for");
        self.lines.recv_timeout(PATIENCE).map_err(silent)
    }

    #[cfg(unix)]
    fn ask_to_end(&self) -> io::Result<bool> {
        self.signal(nix::sys::signal::Signal::SIGTERM)?;
        Ok(true)
    }

    #[cfg(unix)]
    fn signal(&self, signal: nix::sys::signal::Signal) -> io::Result<()> {
        let pid = i32::try_from(self.pid).map_err(io::Error::other)?;
        Ok(nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal)?)
    }

    #[cfg(not(unix))]
    #[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "the same shape as on Unix")]
    fn ask_to_end(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Ends it; the error is its last line on stderr, or else `what`.
    fn complain(&mut self, what: &str) -> io::Error {
        let Said { last, .. } = self.hear();
        let said = last.strip_prefix("error: ").unwrap_or(&last);
        io::Error::other(if said.is_empty() { what } else { said })
    }

    /// Ends it, and returns what it has said.
    fn hear(&mut self) -> Said {
        drop(self.current.kill());
        // Its end closed its stderr, so the thread ends too.
        self.said.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.current.kill());
    }
}

fn listening_on(line: &str) -> io::Result<SocketAddr> {
    let addr = line.strip_prefix("listening on ").and_then(|addr| addr.parse().ok());
    addr.ok_or_else(|| io::Error::other(format!("its first line was '{line}', and no address")))
}

/// Reads lines, on a thread of its own, so that waiting for one can end.
fn send_lines(stdout: Option<ChildStdout>, sender: &Sender<String>) {
    for line in stdout.into_iter().flat_map(|out| BufReader::new(out).lines()).flatten() {
        if sender.send(line).is_err() {
            return;
        }
    }
}

/// Reads to the end, so that the server never waits for us.
fn listen_to(stderr: Option<impl Read>) -> Said {
    let mut said = Said::default();
    let mut lines = stderr.into_iter().flat_map(|err| BufReader::new(err).lines()).flatten();
    while let Some(line) = lines.next() {
        // The words of `Counters::close`.
        said.dropped += u64::from(line.contains(" is dropped: "));
        if line.contains(" panicked at ") {
            said.last = format!("{line} {}", lines.next().unwrap_or_default());
        } else if !said.last.contains(" panicked at ") && !line.starts_with('[') {
            said.last = line;
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_first_line() {
        let addr = listening_on("listening on 127.0.0.1:4711").unwrap();
        assert_eq!(addr, SocketAddr::from(([127, 0, 0, 1], 4711)));
        for wrong in ["", "listening on port 4711", "127.0.0.1:4711"] {
            let said = listening_on(wrong).unwrap_err().to_string();
            assert!(said.contains(&format!("'{wrong}'")), "{said}");
        }
    }

    #[test]
    fn of_what_a_server_says_the_reason_is_kept() {
        let said = |text: &'static str| listen_to(Some(text.as_bytes()));
        let log = "[now WARN counters] 127.0.0.1:1 is dropped: nothing moved for 2s\n";
        assert_eq!(said(log).dropped, 1);
        assert_eq!(said(log).last, "");
        assert_eq!(said("error: no room\n").last, "error: no room");
        let panic = "thread 'main' (7) panicked at mio.rs:1:1:\nno such key\nnote: run again\n";
        assert_eq!(said(panic).last, "thread 'main' (7) panicked at mio.rs:1:1: no such key");
    }

    #[test]
    fn the_statistics_are_read_as_the_counters_write_them() {
        let counters = crate::counters::Counters::new("mio", false);
        let wait = counters.wait(|| Ok(0));
        assert_eq!(wait.unwrap(), 0);
        let stats: Stats =
            serde_json::from_str(&serde_json::to_string(&counters).unwrap()).unwrap();
        assert_eq!(stats, Stats { waits: 1, vain_waits: 1, ..Stats::default() });
        assert_eq!((stats.calls(), stats.vain()), (1, 1));
    }
}
