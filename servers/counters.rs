//! # Counters: what a server asked of the kernel, and what came of it
//!
//! Problem: how often a server asks *in vain*, which is to hear 'not yet' or nothing, is the story
//! of this project, and any thread should be able to read it while the server runs.
//! Idea: one struct of counters that only grow.
//! Leaves out: who counts: `counters/calls.rs`; and when each call began and ended: `record.rs`,
//! which nobody needs who reads the servers.
//! Read before: `output.rs`. Read next: `counters/calls.rs`.
//! Try: `cargo run -- serve mio --stats`, then Ctrl-C

mod calls;
mod told;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering::Relaxed};

use log::{info, warn};
use serde::Serialize;

use crate::record::Recorder;
use crate::record::event::{Kind, Outcome};
use crate::stats::Stats;

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
    /// Takes down when each call began and ended, where `--record` asks for it.
    #[serde(skip)]
    pub(crate) recorder: Option<Recorder>,
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
            recorder: None,
        }
    }

    /// The same, and from now on each call is recorded: see [`record`](crate::record).
    #[must_use]
    pub fn recorded(self) -> Counters {
        Counters { recorder: Some(Recorder::default()), ..self }
    }

    /// What is counted so far.
    ///
    /// # Errors
    ///
    /// None: the one has all the numbers of the other.
    pub fn stats(&self) -> io::Result<Stats> {
        Ok(serde_json::from_value(serde_json::to_value(self)?)?)
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
        let held = self.happened(Kind::Close, peer, Outcome::Done);
        add(&self.closed, 1);
        let reset = end.as_ref().is_err_and(is_reset);
        add(&self.resets, u64::from(reset));
        drop(held);
        match end {
            Ok(()) => info!("{peer} left"),
            Err(e) if reset => info!("{peer} is gone: {e}"),
            Err(e) => warn!("{peer} is dropped: {e}"),
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

/// The first write after the peer's reset says `ConnectionReset`, the next ones `BrokenPipe`.
fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

#[cfg(test)]
mod tests;
