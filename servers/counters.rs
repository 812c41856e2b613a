//! # Counters: what a server asked of the kernel, and what came of it
//!
//! Problem: how often a server asks *in vain*, which is to hear 'not yet' or nothing, is the story
//! of this project, but counting, logging and printing would bury the few lines of a server that
//! people come to read.
//! Idea: a server passes the result of each system call through one method here, and gets it back.
//! Leaves out: times; a recorder of them belongs at this same seam.
//! Read before: `output.rs`. Read next: `reply.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve mio --stats`

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering::Relaxed};
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
    /// How many of the places that `--max-connections` allows are taken.
    #[serde(skip)]
    places: AtomicUsize,
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
            places: AtomicUsize::new(0),
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

    /// Reports what came of accepting in `uring`, where the kernel accepts without a call of ours.
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

    /// Reports what came from `peer` in `uring`, where there is no call of ours to count.
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

    /// Reports what the kernel took for `peer` in `uring`, where there is no call of ours to count.
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

    /// Takes one of `most` places, if one is free; [`close`](Counters::close) gives it back.
    pub fn take_place(&self, most: usize) -> bool {
        // In one step: several threads may want the last place at a time.
        let next = |taken| (taken < most).then(|| taken + 1);
        self.places.fetch_update(Relaxed, Relaxed, next).is_ok()
    }

    /// Reports that the connection with `peer` ends as it begins, for want of a place.
    pub fn turn_away(&self, peer: SocketAddr, most: usize) {
        let why = format!("{most} connections are open, as many as --max-connections allows");
        self.ended(peer, &Err(io::Error::other(why)));
    }

    /// Reports the end of the connection with `peer`: how it came to it.
    pub fn close(&self, peer: SocketAddr, end: &io::Result<()>) {
        // Where there is no limit, nobody has taken one.
        self.places.fetch_update(Relaxed, Relaxed, |taken| taken.checked_sub(1)).ok();
        self.ended(peer, end);
    }

    fn ended(&self, peer: SocketAddr, end: &io::Result<()>) {
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

/// The time that a peer is with us: its drop is counted as the end of the connection.
///
/// So the end is counted wherever it comes from. `async` needs that: what waits there may be dropped
/// as its server ends, and never comes to the line that would say so.
pub struct Stay {
    /// Whose.
    pub peer: SocketAddr,
    /// Where it is counted.
    pub counters: Arc<Counters>,
    /// How it came to its end, as far as is known.
    pub end: io::Result<()>,
}

impl Stay {
    /// It begins.
    pub fn new(peer: SocketAddr, counters: &Arc<Counters>) -> Stay {
        Stay { peer, counters: Arc::clone(counters), end: Ok(()) }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.counters.close(self.peer, &self.end);
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
    fn of_all_who_want_the_last_places_at_a_time_as_many_get_one_as_there_are() {
        const PLACES: usize = 100;
        let counters = Counters::new("async", false);
        let come = || (0..PLACES).filter(|_| counters.take_place(PLACES)).count();
        let admitted = std::thread::scope(|scope| {
            let doors: Vec<_> = (0..4).map(|_| scope.spawn(come)).collect();
            doors.into_iter().map(|door| door.join().unwrap()).sum::<usize>()
        });
        assert_eq!(admitted, PLACES);
        // Who is turned away never had a place, and gives none back.
        counters.turn_away(PEER, PLACES);
        assert!(!counters.take_place(PLACES));
        counters.close(PEER, &Ok(()));
        assert!(counters.take_place(PLACES) && !counters.take_place(PLACES));
    }

    #[test]
    fn a_stay_that_is_cut_short_is_an_end() {
        let counters = Arc::new(Counters::new("async", false));
        drop(Stay::new(PEER, &counters));
        let mut stay = Stay::new(PEER, &counters);
        stay.end = err(ErrorKind::BrokenPipe);
        drop(stay);
        let ends = [&counters.closed, &counters.resets];
        assert_eq!(ends.map(|counter| counter.load(Relaxed)), [2, 1]);
    }

    #[test]
    fn a_long_message_is_shortened_in_the_log() {
        assert_eq!(excerpt(b"short"), "short");
        assert_eq!(excerpt(&[b'x'; 65]), "x".repeat(64) + "...");
    }
}
