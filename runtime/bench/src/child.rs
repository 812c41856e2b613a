//! A server as a process of its own, and what it costs.
//!
//! The process prints its port. Then a thread of it reads its standard input: a line asks for its
//! CPU time so far or for its heap, and the end of the input ends it, so it can't outlive who
//! started it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use dormouse_study::listen::bind_shared;
use rustix::process::{Pid, Signal, kill_process};

use crate::heap::Heap;
use crate::machine;
use crate::servers::{BUFFER, SERVERS, SHARDED, Serve};

/// The first argument of a process that is to be a server; then come its name, its CPU and
/// the size of its buffers.
const SERVE: &str = "--serve";
/// Instead of a CPU: whichever the system likes.
const ANYWHERE: &str = "anywhere";

/// What a server can be asked.
const CPU: &str = "cpu";
const HEAP: &str = "heap";

/// Becomes a server, if the command line says so; then it never returns.
pub fn serve_if_asked() -> io::Result<()> {
    serve_one_of(&SERVERS)
}

/// The same with servers of the caller.
pub fn serve_one_of(servers: &[(&str, Serve)]) -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [serve, name, cpu, buffer] = args.as_slice() else { return Ok(()) };
    if serve != SERVE {
        return Ok(());
    }
    if cpu != ANYWHERE {
        machine::pin(cpu.parse().map_err(io::Error::other)?)?;
    }
    let buffer = buffer.parse().map_err(io::Error::other)?;
    let sharded = SHARDED.iter().find(|server| server.name == name);
    let count = sharded.map_or(1, |server| server.listeners);
    let mut listeners = bind_shared(([127, 0, 0, 1], 0).into(), count)?;
    println!("{}", listeners[0].local_addr()?);
    thread::spawn(answer);
    match (sharded, servers.iter().find(|(known, _)| known == name)) {
        (Some(server), _) => (server.serve)(listeners)?,
        (None, Some((_, serve))) => serve(listeners.remove(0), buffer)?,
        (None, None) => return Err(io::Error::other(format!("no server {name}"))),
    }
    std::process::exit(1)
}

/// Answers each line that comes in: the CPU time, in nanoseconds, or what is on the heap.
fn answer() {
    for question in io::stdin().lines().map_while(Result::ok) {
        match question.as_str() {
            HEAP => println!("{}", Heap::now()),
            _ => println!("{}", machine::cpu_time().as_nanos()),
        }
    }
    std::process::exit(0)
}

/// A server that runs. It ends with this.
#[derive(Debug)]
pub struct Server {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    /// Starts the server `name` on `cpu`.
    pub fn start(name: &str, cpu: usize) -> io::Result<Self> {
        Server::start_with(name, cpu, BUFFER)
    }

    /// The same; it reads so many bytes at a time.
    pub fn start_with(name: &str, cpu: usize, buffer: usize) -> io::Result<Self> {
        Self::start_on(name, &cpu.to_string(), buffer)
    }

    /// Starts the server `name` on whichever CPUs the system likes.
    pub fn start_anywhere(name: &str) -> io::Result<Self> {
        Self::start_on(name, ANYWHERE, BUFFER)
    }

    fn start_on(name: &str, cpu: &str, buffer: usize) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([SERVE, name, cpu, &buffer.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = process.stdin.take().expect("it is piped");
        let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let address = read_line(&mut stdout)?.parse().map_err(io::Error::other)?;
        Ok(Server { process, stdin, stdout, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CPU time that it has used so far.
    pub fn cpu_time(&mut self) -> io::Result<Duration> {
        self.ask(CPU)?.parse().map(Duration::from_nanos).map_err(io::Error::other)
    }

    /// What is alive on its heap, if this program counts that.
    pub fn heap(&mut self) -> io::Result<Heap> {
        self.ask(HEAP)?.parse().map_err(io::Error::other)
    }

    /// How many bytes of memory it has written to, and shares with nobody.
    pub fn memory(&self) -> io::Result<u64> {
        let all = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.process.id()))?;
        let line = all.lines().find_map(|line| line.strip_prefix("Private_Dirty:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024)
            .ok_or_else(|| io::Error::other("smaps_rollup has no Private_Dirty"))
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        writeln!(self.stdin, "{question}")?;
        read_line(&mut self.stdout)
    }

    /// Counts its system calls during `load`, with what this machine has: `perf`, which needs
    /// rights, else `strace`, which slows the server down, so that more comes at a time and fewer
    /// waits are needed. `None` where it has neither.
    pub fn count_calls(
        &self,
        mut load: impl FnMut() -> io::Result<u32>,
    ) -> io::Result<Option<f64>> {
        let pid = self.process.id().to_string();
        let perf = ["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", &pid];
        let strace = ["-f", "-c", "-p", &pid];
        let counter = match attach("perf", &perf)? {
            None => attach("strace", &strace)?,
            counter => counter,
        };
        let Some(counter) = counter else { return Ok(None) };
        let operations = load()?;
        // What the last close brings is the server's work too.
        thread::sleep(Duration::from_millis(50));
        let pid = Pid::from_child(&counter);
        kill_process(pid, Signal::INT)?;
        let report = counter.wait_with_output()?.stderr;
        let calls = parse_calls(&String::from_utf8_lossy(&report));
        Ok(calls.map(|calls| calls / f64::from(operations)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.process.kill().and_then(|()| self.process.wait());
        if let Err(error) = ended {
            eprintln!("the server can't be ended: {error}");
        }
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server has ended"));
    }
    Ok(line.trim().to_owned())
}

/// Starts `tool`, and gives it time to attach; `None` if it is not there, or gives up.
fn attach(tool: &str, args: &[&str]) -> io::Result<Option<Child>> {
    let mut command = Command::new(tool);
    let spawned = command.args(args).stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    let Ok(mut counter) = spawned else { return Ok(None) };
    thread::sleep(Duration::from_millis(300));
    Ok(counter.try_wait()?.is_none().then_some(counter))
}

/// The number in the report of either tool: `N,,raw_syscalls…` or `100.00 … N [errors] total`.
fn parse_calls(report: &str) -> Option<f64> {
    report.lines().find_map(|line| match line.split_once(",,raw_syscalls") {
        Some((calls, _)) => calls.parse().ok(),
        None => line.ends_with(" total").then(|| line.split_whitespace().nth(3)?.parse().ok())?,
    })
}
