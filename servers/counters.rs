//! # Counters: what a server asked of the kernel, and what came of it
//!
//! Problem: how often a server asks in vain is the story of this project, but counting, logging
//! and printing would bury the few lines of a server that people come to read.
//! Idea: a server passes the result of each system call through one method here, and gets it back.
//! Leaves out: times; a recorder of them belongs at this same seam.
//! Read before: `output.rs`. Read next: `reply.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve mio --stats`

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use log::{debug, info, trace, warn};
use serde::Serialize;

use crate::output;

/// Everything one server counts, readable from any thread while it runs.
///
/// The numbers are independent of each other, so relaxed order is enough. As JSON they are the
/// line of `--stats`, in the order of the fields.
#[derive(Debug, Serialize)]
pub struct Counters {
    /// The name of the model.
    pub model: &'static str,
    /// Connections taken.
    pub accepted: AtomicU64,
    /// Connections ended, for whatever reason.
    pub closed: AtomicU64,
    /// Connections ended because the peer was gone: a part of `closed`.
    pub resets: AtomicU64,
    /// Bytes that peers sent.
    pub bytes_in: AtomicU64,
    /// Bytes that the kernel took for peers.
    pub bytes_out: AtomicU64,
    /// System calls that accept, the vain ones included.
    pub accepts: AtomicU64,
    /// Those that came back with 'not yet'.
    pub vain_accepts: AtomicU64,
    /// System calls that read, the vain ones included.
    pub reads: AtomicU64,
    /// Those that came back with 'not yet'.
    pub vain_reads: AtomicU64,
    /// System calls that write, the vain ones included.
    pub writes: AtomicU64,
    /// Those that came back with 'not yet'.
    pub vain_writes: AtomicU64,
    /// System calls that do nothing but wait, the vain ones included.
    pub waits: AtomicU64,
    /// Those that came back with nothing.
    pub vain_waits: AtomicU64,
    /// What accepting last failed with, or 0: it is logged once, however long it lasts.
    #[serde(skip)]
    failing: AtomicI32,
    #[serde(skip)]
    print: AtomicBool,
}

impl Counters {
    /// Starts at zero; `print` also prints each message that arrives to stdout.
    pub fn new(model: &'static str, print: bool) -> Counters {
        Counters {
            model,
            accepted: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            accepts: AtomicU64::new(0),
            vain_accepts: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            vain_reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            vain_writes: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            vain_waits: AtomicU64::new(0),
            failing: AtomicI32::new(0),
            print: AtomicBool::new(print),
        }
    }

    /// Reports one accept, and hands its result on.
    ///
    /// # Errors
    ///
    /// None of its own.
    // The seam: the result goes through, so a server reads as if nobody were watching.
    pub fn accept<S>(&self, result: io::Result<(S, SocketAddr)>) -> io::Result<(S, SocketAddr)> {
        call(&self.accepts, &self.vain_accepts, &result);
        self.accepted(result)
    }

    /// Reports what came of accepting where no call of its own was made for it.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn accepted<S>(&self, result: io::Result<(S, SocketAddr)>) -> io::Result<(S, SocketAddr)> {
        let error = result.as_ref().err().filter(|e| e.kind() != ErrorKind::WouldBlock);
        let number = error.and_then(io::Error::raw_os_error).unwrap_or(0);
        let same = self.failing.swap(number, Relaxed) == number;
        match &result {
            Ok((_, peer)) => {
                add(&self.accepted, 1);
                info!("{peer} connected");
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => trace!("accept: nobody yet"),
            Err(e) if same => debug!("accept: {e}, still"),
            Err(e) => warn!("accept: {e}"),
        }
        result
    }

    /// Reports one read from `peer` into the front of `buffer`, and hands its result on.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn read(
        &self,
        peer: SocketAddr,
        result: io::Result<usize>,
        buffer: &[u8],
    ) -> io::Result<usize> {
        call(&self.reads, &self.vain_reads, &result);
        self.received(peer, result, buffer)
    }

    /// Reports what came from `peer` where no call of its own was made for it.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn received(
        &self,
        peer: SocketAddr,
        result: io::Result<usize>,
        buffer: &[u8],
    ) -> io::Result<usize> {
        match &result {
            Ok(0) => debug!("{peer} has no more to say"),
            Ok(n) => {
                add(&self.bytes_in, *n as u64);
                debug!("{peer} says {n} bytes: {}", excerpt(&buffer[..*n]));
                self.print(peer, &buffer[..*n]);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => trace!("{peer}: nothing to read yet"),
            Err(e) => trace!("{peer}: read: {e}"),
        }
        result
    }

    /// Reports one write to `peer`, and hands its result on.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn write(&self, peer: SocketAddr, result: io::Result<usize>) -> io::Result<usize> {
        call(&self.writes, &self.vain_writes, &result);
        self.sent(peer, result)
    }

    /// Reports what the kernel took for `peer` where no call of its own was made for it.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn sent(&self, peer: SocketAddr, result: io::Result<usize>) -> io::Result<usize> {
        match &result {
            Ok(n) => {
                add(&self.bytes_out, *n as u64);
                debug!("{peer} is told {n} bytes");
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => trace!("{peer}: no room to write yet"),
            Err(e) => trace!("{peer}: write: {e}"),
        }
        result
    }

    /// Reports one wait for the kernel that brought so many events, and hands its result on.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn wait(&self, result: io::Result<usize>) -> io::Result<usize> {
        add(&self.waits, 1);
        match &result {
            Ok(0) => {
                add(&self.vain_waits, 1);
                trace!("woke: nothing ready");
            }
            Ok(events) => trace!("woke: {events} ready"),
            Err(e) if e.kind() == ErrorKind::Interrupted => {
                add(&self.vain_waits, 1);
                trace!("woke: a signal came");
            }
            Err(e) => warn!("wait: {e}"),
        }
        result
    }

    /// Reports one sleep: a wait that never brings anything.
    pub fn slept(&self, pause: Duration) {
        add(&self.waits, 1);
        add(&self.vain_waits, 1);
        trace!("slept {pause:?}");
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        let open = self.accepted.load(Relaxed).saturating_sub(self.closed.load(Relaxed));
        usize::try_from(open).unwrap_or(usize::MAX)
    }

    /// Reports the end of the connection with `peer`: how it came to it.
    pub fn close(&self, peer: SocketAddr, end: &io::Result<()>) {
        add(&self.closed, 1);
        match end {
            Ok(()) => info!("{peer} left"),
            Err(e) if is_reset(e) => {
                add(&self.resets, 1);
                info!("{peer} is gone: {e}");
            }
            Err(e) => warn!("{peer} is dropped: {e}"),
        }
    }

    fn print(&self, peer: SocketAddr, message: &[u8]) {
        if !self.print.load(Relaxed) {
            return;
        }
        // Whoever read the messages may leave; the clients are still to be served.
        if let Err(e) = output::print_line(&format!("{peer}: {}", output::printable(message))) {
            self.print.store(false, Relaxed);
            warn!("messages are printed no longer: {e}");
        }
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Relaxed);
}

/// Counts one system call, and whether it was vain.
fn call<T>(calls: &AtomicU64, vain: &AtomicU64, result: &io::Result<T>) {
    add(calls, 1);
    if matches!(result, Err(e) if e.kind() == ErrorKind::WouldBlock) {
        add(vain, 1);
    }
}

/// The first write after the peer's reset says `ConnectionReset`, the next ones `BrokenPipe`.
fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

/// Shortens a message for the log.
fn excerpt(message: &[u8]) -> String {
    const LONGEST: usize = 64;
    match message.get(..LONGEST) {
        Some(front) if message.len() > LONGEST => format!("{}...", output::printable(front)),
        _ => output::printable(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    fn err<T>(kind: ErrorKind) -> io::Result<T> {
        Err(kind.into())
    }

    #[test]
    fn every_call_is_counted_and_not_yet_is_vain() {
        let counters = Counters::new("mio", false);
        counters.accept(Ok(((), PEER))).unwrap();
        counters.accept(err::<((), _)>(ErrorKind::WouldBlock)).unwrap_err();
        counters.read(PEER, Ok(3), b"abc-").unwrap();
        counters.read(PEER, err(ErrorKind::WouldBlock), b"").unwrap_err();
        counters.read(PEER, err(ErrorKind::Interrupted), b"").unwrap_err();
        counters.write(PEER, Ok(2)).unwrap();
        counters.write(PEER, err(ErrorKind::WouldBlock)).unwrap_err();
        counters.wait(Ok(5)).unwrap();
        counters.wait(Ok(0)).unwrap();
        counters.slept(Duration::from_millis(1));
        counters.close(PEER, &Ok(()));
        counters.close(PEER, &err(ErrorKind::BrokenPipe));
        counters.close(PEER, &err(ErrorKind::TimedOut));
        assert_eq!(
            serde_json::to_string(&counters).unwrap(),
            r#"{"model":"mio","accepted":1,"closed":3,"resets":1,"bytes_in":3,"bytes_out":2,"#
                .to_owned()
                + r#""accepts":2,"vain_accepts":1,"reads":3,"vain_reads":1,"writes":2,"#
                + r#""vain_writes":1,"waits":3,"vain_waits":2}"#
        );
    }

    #[test]
    fn what_no_call_was_made_for_counts_as_done_but_not_as_a_call() {
        let counters = Counters::new("uring", false);
        counters.accepted(Ok(((), PEER))).unwrap();
        counters.received(PEER, Ok(3), b"abc").unwrap();
        counters.sent(PEER, Ok(2)).unwrap();
        let done = [&counters.accepted, &counters.bytes_in, &counters.bytes_out];
        assert_eq!(done.map(|counter| counter.load(Relaxed)), [1, 3, 2]);
        let calls = [&counters.accepts, &counters.reads, &counters.writes];
        assert_eq!(calls.map(|counter| counter.load(Relaxed)), [0; 3]);
    }

    #[test]
    fn a_long_message_is_shortened_in_the_log() {
        assert_eq!(excerpt(b"short"), "short");
        assert_eq!(excerpt(&[b'x'; 65]), "x".repeat(64) + "...");
    }
}
