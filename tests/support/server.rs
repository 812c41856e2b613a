//! A server as a process of its own, under watch: whatever a test does with it, nothing of
//! its clients may be left in the end.

use std::collections::HashSet;
use std::io::{BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{DORMOUSE, ROLE, connect, first_line, left, until};

/// `dormouse serve` as a process of its own; killed if the test ends before it.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    /// The sockets that it has while nobody is connected: the listeners.
    own_sockets: HashSet<String>,
}

impl Server {
    /// `model` may bring options of its own: `async --shards 2`.
    pub(crate) fn start(model: &str, args: &[&str]) -> Server {
        let mut command = if model.starts_with("impostor:") {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.env(ROLE, model);
            command
        } else {
            Command::new(DORMOUSE)
        };
        Server::told_to_serve(&mut command, model).args(args);
        Server::spawn(command)
    }

    /// The command, with all that a test has it serve with.
    pub(crate) fn told_to_serve<'a>(command: &'a mut Command, model: &str) -> &'a mut Command {
        command.arg("serve").args(model.split(' ')).args(["--addr", "127.0.0.1:0", "--stats"])
    }

    /// With room for so many descriptors only.
    pub(crate) fn start_with_descriptors(model: &str, descriptors: u32) -> Server {
        let serve = format!(
            "ulimit -n {descriptors}; exec {DORMOUSE} serve {model} --addr 127.0.0.1:0 --stats"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &serve]);
        Server::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Server {
        command.env("RUST_LOG", "off");
        Server::spawn_logging(command)
    }

    /// One that prints other things before it says where it listens.
    pub(crate) fn spawn_talkative(command: &mut Command) -> Server {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        loop {
            let line = first_line(&mut stdout);
            if let Some(address) = line.strip_prefix("listening on ") {
                return Server::listening(child, stdout, address);
            }
            assert!(child.try_wait().unwrap().is_none(), "it ended before it listened");
        }
    }

    /// It logs as its environment says, to where its stderr goes.
    pub(crate) fn spawn_logging(mut command: Command) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let first = first_line(&mut stdout);
        let address = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first:?}"));
        Server::listening(child, stdout, address)
    }

    fn listening(child: Child, stdout: BufReader<ChildStdout>, address: &str) -> Server {
        let address = address.parse().unwrap();
        let mut server = Server { child, stdout, address, own_sockets: HashSet::new() };
        server.own_sockets = left::sockets(server.pid());
        server
    }

    /// What it logs, where that was piped.
    pub(crate) fn take_stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Ends the server as a user would, and returns what it counted: its last line.
    pub(crate) fn stop(self) -> Value {
        self.stop_with(Signal::SIGTERM)
    }

    /// The same of one whose stderr is piped: what it has logged, and what it counted.
    pub(crate) fn stop_and_hear(mut self) -> (String, Value) {
        let mut stderr = self.take_stderr();
        // Read while it ends, so that a full pipe does not keep it.
        let log = thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let stats = self.stop();
        (log.join().unwrap(), stats)
    }

    pub(crate) fn wait_until_all_have_left(&self) {
        until("all connections are closed", || self.connections().is_empty());
    }

    /// The same, once no connection is open any more.
    pub(crate) fn stop_when_all_have_left(self) -> Value {
        self.wait_until_all_have_left();
        self.stop()
    }

    pub(crate) fn stop_with(self, signal: Signal) -> Value {
        self.stop_and_read(signal).1
    }

    /// Ends a server that can't say its last word.
    pub(crate) fn stop_unheard(mut self, signal: Signal) {
        self.assert_keeps_nothing();
        self.signal(signal);
        let status = self.wait();
        assert!(status.success(), "{signal} ended it with {status}");
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        first_line(&mut self.stdout)
    }

    /// What it has printed, and then what it counted.
    pub(crate) fn stop_and_read(mut self, signal: Signal) -> (Vec<String>, Value) {
        self.assert_keeps_nothing();
        self.signal(signal);
        let status = self.wait();
        assert!(status.success(), "{signal} ended it with {status}");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let mut lines: Vec<String> = rest.lines().map(Into::into).collect();
        let last = lines.pop().unwrap_or_else(|| panic!("no statistics"));
        (lines, serde_json::from_str(&last).unwrap_or_else(|e| panic!("{e}: {last}")))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// How many descriptors the server has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// The sockets of its connections.
    fn connections(&self) -> HashSet<String> {
        left::sockets(self.pid()).difference(&self.own_sockets).cloned().collect()
    }

    /// It has let go whoever has left, and started nobody. Clients may be connected still.
    fn assert_keeps_nothing(&self) {
        until("it keeps no connection whose peer is gone", || {
            let connections = self.connections();
            connections.is_empty()
                || left::without_peer(connections, self.address.port()).is_empty()
        });
        assert_eq!(left::children(self.pid()), [""; 0], "children of the server");
    }

    /// Ends one that is broken on purpose: what it keeps is not looked at.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The memory that it has in use, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        dormouse_study::study::sample::memory(self.pid()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone where the test has stopped it.
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        // A test that fails has said why.
        let kept = if thread::panicking() {
            Ok(())
        } else {
            catch_unwind(AssertUnwindSafe(|| self.assert_keeps_nothing()))
        };
        self.child.kill().ok();
        self.child.wait().ok();
        kept.unwrap_or_else(|panic| resume_unwind(panic));
    }
}
