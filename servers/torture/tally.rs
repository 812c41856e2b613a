//! # Tally: what a torture came to
//!
//! Problem: many clients see it, and one line must say it.
//! Idea: all of them write to one place; they share a thread, so plain cells do.
//! Leaves out: what the server has left over: `holdings.rs`.
//! Read before: `torture/wire.rs`. Read next: `torture/rogue.rs`.
//! Try: `cargo run -- torture mio --duration 2s`

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::plan::{Deed, Leave};
use super::wire::{PIECE, Wire};
use crate::load::payload::Payload;
use crate::load::slices::{histogram, record};
use crate::load::tally::Fault;

/// How many faults are told in full.
const TOLD: usize = 5;

/// What all clients of a torture share.
pub(super) struct Run {
    pub(super) addr: SocketAddr,
    duration: Duration,
    /// Nobody begins anything new from then on; unknown before the first rogue comes.
    ends: Cell<Option<Instant>>,
    payload: Rc<Payload>,
    numbers: Cell<usize>,
    pub(super) tally: Tally,
}

impl Run {
    pub(super) fn new(addr: SocketAddr, duration: Duration) -> Rc<Run> {
        Rc::new(Run {
            addr,
            duration,
            ends: Cell::default(),
            payload: Payload::new(PIECE),
            numbers: Cell::new(0),
            tally: Tally::default(),
        })
    }

    /// Says that its time runs from now on.
    pub(super) fn begin(&self) {
        self.ends.set(Some(Instant::now() + self.duration));
    }

    pub(super) fn is_over(&self) -> bool {
        self.ends.get().is_some_and(|ends| Instant::now() >= ends)
    }

    /// One more connection; it has its own number, and so its own bytes.
    pub(super) async fn connect(&self) -> Result<Wire, Fault> {
        let number = self.numbers.replace(self.numbers.get() + 1);
        let wire = Wire::connect(self.addr, number, &self.payload).await?;
        self.tally.connections.set(self.tally.connections.get() + 1);
        Ok(wire)
    }
}

/// What its clients did, and what became of it.
pub(super) struct Tally {
    /// All that were made, by whomever.
    pub(super) connections: Cell<u64>,
    deeds: RefCell<Deeds>,
    /// From a guest's message to its whole answer, while the guest stays: nanoseconds.
    pub(super) waits: RefCell<Histogram<u64>>,
    /// The same for guests that come and go, from the connect to the end.
    pub(super) visits: RefCell<Histogram<u64>>,
    pub(super) faults: RefCell<Faults>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            connections: Cell::default(),
            deeds: RefCell::default(),
            waits: RefCell::new(histogram()),
            visits: RefCell::new(histogram()),
            faults: RefCell::default(),
        }
    }
}

/// What went wrong: how often, and the first few that differ, in full.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) count: usize,
    pub(super) told: Vec<String>,
}

/// How often rogues did what.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deeds {
    pub(super) sends: u64,
    pub(super) reads: u64,
    pub(super) trickles: u64,
    pub(super) floods: u64,
    pub(super) silences: u64,
    pub(super) half_closes: u64,
    pub(super) closes: u64,
    pub(super) resets: u64,
    pub(super) vanished: u64,
    pub(super) outstayed: u64,
    pub(super) crowds: u64,
}

impl Tally {
    pub(super) fn did(&self, deed: Deed) {
        let mut deeds = self.deeds.borrow_mut();
        *match deed {
            Deed::Send(_) => &mut deeds.sends,
            Deed::Read(_) => &mut deeds.reads,
            Deed::Trickle(_) => &mut deeds.trickles,
            Deed::Flood(_) => &mut deeds.floods,
            Deed::Silence(_) => &mut deeds.silences,
        } += 1;
    }

    pub(super) fn left(&self, leave: Leave) {
        let mut deeds = self.deeds.borrow_mut();
        *match leave {
            Leave::HalfClose => &mut deeds.half_closes,
            Leave::Close => &mut deeds.closes,
            Leave::Reset => &mut deeds.resets,
            Leave::Vanish => &mut deeds.vanished,
            Leave::Outstay => &mut deeds.outstayed,
        } += 1;
    }

    pub(super) fn crowded(&self) {
        self.deeds.borrow_mut().crowds += 1;
    }

    pub(super) fn deeds(&self) -> Deeds {
        *self.deeds.borrow()
    }

    pub(super) fn waited(&self, since: Instant) {
        record(&mut self.waits.borrow_mut(), since.elapsed());
    }

    pub(super) fn visited(&self, since: Instant) {
        record(&mut self.visits.borrow_mut(), since.elapsed());
    }

    /// Notes what went wrong with `who`.
    pub(super) fn fault(&self, who: &str, fault: &Fault) {
        let mut faults = self.faults.borrow_mut();
        faults.count += 1;
        let what = format!("{who}: {fault}");
        if faults.told.len() < TOLD && !faults.told.contains(&what) {
            faults.told.push(what);
        }
    }
}
