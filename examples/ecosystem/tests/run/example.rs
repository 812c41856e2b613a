//! An example as a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Generous: reached only when something hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Where Cargo puts the examples: beside the folder of the tests.
fn path(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    let path = path.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "no {}: `cargo test -p dormouse-ecosystem` builds it", path.display());
    path
}

/// Runs an example to its end, and returns what it prints.
pub(crate) fn run(name: &str, args: &[&str]) -> String {
    printed(Command::new(path(name)).args(args), &[])
}

/// The same for any command, which is given `input`. One that fails, or takes too long, fails the
/// test.
pub(crate) fn printed(command: &mut Command, input: &[u8]) -> String {
    let output = finish(command, input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn finish(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    // It may answer before it has read all.
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    thread::spawn(move || stdin.write_all(&input));
    let (send, receive) = mpsc::channel();
    #[cfg(unix)]
    let pid = rustix::process::Pid::from_child(&child);
    thread::spawn(move || send.send(child.wait_with_output().unwrap()));
    receive.recv_timeout(LIMIT).unwrap_or_else(|_| {
        #[cfg(unix)]
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        panic!("{command:?} has not ended after {LIMIT:?}")
    })
}

/// Whether this machine has `tool`; prints why a test goes without it.
pub(crate) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        println!("skipped: {tool} is not installed");
    }
    found
}

/// An example that runs, until this is dropped.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(name: &str, args: &[&str]) -> Process {
        let mut command = Command::new(path(name));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Process { child, stdin, stdout }
    }

    #[cfg(unix)]
    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stdout.read_line(&mut line).unwrap() > 0, "it has ended");
        line.trim_end().to_owned()
    }

    /// Waits for its end, which must be a good one; returns what it still had to say.
    pub(crate) fn finish(mut self) -> String {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {rest}");
        rest
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// An example that serves, until this is dropped.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(name: &str) -> Server {
        Server::start_with(name, &[])
    }

    pub(crate) fn start_with(name: &str, args: &[&str]) -> Server {
        let mut process = Process::start(name, &[&["--serve"], args].concat());
        let line = process.line();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
        Server { process, address: address.parse().unwrap() }
    }

    /// A connection to it on which nothing waits for ever.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Asserts that none of its threads does anything for `span`, once what it did has ended.
    #[cfg(target_os = "linux")]
    pub(crate) fn assert_sleeps(&self, span: Duration) {
        let look = || asleep::Account::of_threads(self.process.child.id()).unwrap();
        let mut before = look();
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(20));
            let last = std::mem::replace(&mut before, look());
            if last == before {
                break;
            }
        }
        // Silence is what is measured here: nothing to wait for.
        thread::sleep(span);
        assert_eq!(before, look());
    }

    /// Ends its input, so that it ends.
    pub(crate) fn stop(mut self) {
        drop(self.process.stdin.take());
        self.process.finish();
    }
}
