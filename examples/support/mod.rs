//! # Support: what the steps share
//!
//! Problem: each step should show its one idea, and nothing else.
//! Idea: what measures, and what is the same in all of them, stands here.
//! Leaves out: whatever a step is about.
//! Read next: `01_blocking.rs`.
//! Try: `cargo run --example 01_blocking`
#![allow(dead_code, reason = "each step uses a part of it")]

pub(crate) mod clients;
pub(crate) mod echo;
pub(crate) mod reactor;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// What has passed since it was started: time, and CPU time of this thread.
pub(crate) struct Stopwatch {
    began: Instant,
    cpu: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch { began: Instant::now(), cpu: cpu_time() }
    }

    pub(crate) fn time(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn cpu(&self) -> Duration {
        cpu_time().saturating_sub(self.cpu)
    }
}

/// The CPU time that this thread has used, since it is there: `clock_gettime(3)`.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a thread has a clock").into()
}

/// Connects so many clients, which then `talk` in a thread of their own; returns the server's ends.
pub(crate) fn connected<T: Send + 'static>(
    clients: usize,
    talk: impl FnOnce(Vec<TcpStream>) -> io::Result<T> + Send + 'static,
) -> io::Result<(Vec<TcpStream>, JoinHandle<io::Result<T>>)> {
    dormouse_study::limits::raise_descriptor_limit()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut ours, mut theirs) = (Vec::with_capacity(clients), Vec::with_capacity(clients));
    for _ in 0..clients {
        theirs.push(TcpStream::connect(listener.local_addr()?)?);
        ours.push(listener.accept()?.0);
    }
    Ok((ours, thread::spawn(move || talk(theirs))))
}

/// A socket as mio takes it: one that says 'not yet' where it would have to wait.
pub(crate) fn without_waiting(stream: TcpStream) -> io::Result<mio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    Ok(mio::net::TcpStream::from_std(stream))
}

/// Whether this process may open so many descriptors; says so where not.
pub(crate) fn may_open(descriptors: u64) -> io::Result<bool> {
    let limit = dormouse_study::limits::raise_descriptor_limit()?;
    if limit < descriptors {
        println!(
            "skipped: it needs {descriptors} descriptors, and the limit is {limit}: see ulimit -Hn"
        );
    }
    Ok(limit >= descriptors)
}

/// Waits again where a signal has interrupted the wait, as a stop by Ctrl-Z does: signal(7).
pub(crate) fn uninterrupted<T>(mut wait: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match wait() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A time in milliseconds, as the steps print it.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// Ends a step: prints, from its header, what to read and to run next.
pub(crate) fn next(step: &str) {
    let header = step.lines().map_while(|line| line.strip_prefix("//!"));
    let last = header.map(str::trim).skip_while(|line| !line.starts_with("Read next: "));
    println!("{}", last.collect::<Vec<_>>().join(" "));
}
