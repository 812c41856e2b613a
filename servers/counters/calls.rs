//! # Calls: everything that a server asks of the kernel passes here, once
//!
//! Problem: counting, logging, printing and recording would bury the few lines of a server that
//! people come to read.
//! Idea: a server hands each system call to one method here, which makes it, and gives back what
//! came of it. Whoever wants to know what a server does listens here.
//! Leaves out: what a server does between its calls; and how a recording is kept: `record.rs`.
//! Read before: `counters.rs`. Read next: `counters/told.rs`.
//! Try: `RUST_LOG=trace cargo run -- serve mio --stats`

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use log::{trace, warn};

use super::{Counters, add};
use crate::record::clock::now;
use crate::record::event::{Kind, Outcome};
use crate::record::{About, Held, bytes, failure};

/// The calls that a server makes itself.
impl Counters {
    /// Makes one call that accepts.
    ///
    /// # Errors
    ///
    /// Those of the call, here and below.
    pub fn accept<S>(
        &self,
        call: impl FnOnce() -> io::Result<(S, SocketAddr)>,
    ) -> io::Result<(S, SocketAddr)> {
        // IDEA: the call goes through, so a server reads as if nobody were watching.
        let begin = self.begin();
        let result = call();
        let (about, outcome) = match &result {
            Ok((_, peer)) => (About::peer(*peer), Outcome::Done),
            Err(e) => (About::default(), failure(e)),
        };
        let held = self.record(Kind::Accept, about, begin, || outcome);
        count(&self.accepts, &self.vain_accepts, &result);
        self.note_accepted(held, result)
    }

    /// Makes one call that reads from `peer` into `buffer`.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub fn read(
        &self,
        peer: SocketAddr,
        buffer: &mut [u8],
        call: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let begin = self.begin();
        let result = call(buffer);
        let outcome = || bytes(&result, Outcome::End);
        let held = self.record(Kind::Read, About::peer(peer), begin, outcome);
        count(&self.reads, &self.vain_reads, &result);
        self.note_received(held, peer, result, buffer)
    }

    /// Makes one call that writes to `peer`.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub fn write(
        &self,
        peer: SocketAddr,
        call: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let begin = self.begin();
        let result = call();
        let outcome = || bytes(&result, Outcome::Bytes(0));
        let held = self.record(Kind::Write, About::peer(peer), begin, outcome);
        count(&self.writes, &self.vain_writes, &result);
        self.note_sent(held, peer, result)
    }

    /// Makes one call that waits for the kernel; it says how many events it brought.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub fn wait(&self, call: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        let begin = self.begin();
        let result = call();
        let interrupted = |e: &io::Error| e.kind() == ErrorKind::Interrupted;
        let outcome = || match &result {
            Ok(0) => Outcome::Nothing,
            Ok(events) => Outcome::Ready(*events),
            Err(e) if interrupted(e) => Outcome::Nothing,
            Err(e) => failure(e),
        };
        let held = self.record(Kind::Wait, About::default(), begin, outcome);
        add(&self.waits, 1);
        if result.as_ref().map_or_else(interrupted, |events| *events == 0) {
            add(&self.vain_waits, 1);
        }
        drop(held);
        match &result {
            Ok(0) => trace!("woke: nothing ready"),
            Ok(events) => trace!("woke: {events} ready"),
            Err(e) if interrupted(e) => trace!("woke: a signal came"),
            Err(e) => warn!("wait: {e}"),
        }
        result
    }

    /// Sleeps: a wait that never brings anything.
    pub fn sleep(&self, pause: Duration) {
        let begin = self.begin();
        thread::sleep(pause);
        let held = self.record(Kind::Wait, About::default(), begin, || Outcome::Nothing);
        add(&self.waits, 1);
        add(&self.vain_waits, 1);
        drop(held);
        trace!("slept {pause:?}");
    }

    fn begin(&self) -> u64 {
        if self.recorder.is_some() { now() } else { 0 }
    }

    /// Takes down a call that ends now, where there is a recorder. While the guard lives, nobody
    /// reads the recording: what it holds is counted by then. It is dropped before anything is
    /// logged or printed, as whoever should read that may have stopped reading.
    fn record(
        &self,
        kind: Kind,
        about: About,
        begin: u64,
        outcome: impl FnOnce() -> Outcome,
    ) -> Option<Held<'_>> {
        self.recorder.as_ref().map(|recorder| recorder.ends(kind, about, begin, outcome()))
    }
}

/// Where the kernel works without a call of ours: `uring`.
impl Counters {
    /// Reports that an operation on the connection with `peer` was handed to the kernel.
    pub fn submitted(&self, peer: SocketAddr) {
        trace!("{peer}: handed over");
        drop(self.happened(Kind::Submit, peer, Outcome::Done));
    }

    /// Reports a connection that the kernel took.
    ///
    /// # Errors
    ///
    /// None of its own, here and below.
    pub fn accepted<S>(&self, result: io::Result<(S, SocketAddr)>) -> io::Result<(S, SocketAddr)> {
        let peer = result.as_ref().ok().map(|(_, peer)| *peer);
        let held = peer.and_then(|peer| self.happened(Kind::Accept, peer, Outcome::Done));
        self.note_accepted(held, result)
    }

    /// Reports what the kernel received from `peer`.
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
        let held = self.happened(Kind::Complete, peer, bytes(&result, Outcome::End));
        self.note_received(held, peer, result, buffer)
    }

    /// Reports what the kernel took for `peer`.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn sent(&self, peer: SocketAddr, result: io::Result<usize>) -> io::Result<usize> {
        self.note_sent(None, peer, result)
    }
}

/// Where the runtime makes the calls: `async`. Those in vain it counts itself.
impl Counters {
    /// Reports an accept that was awaited.
    ///
    /// # Errors
    ///
    /// None of its own, here and below.
    pub fn awaited_accept<S>(
        &self,
        result: io::Result<(S, SocketAddr)>,
    ) -> io::Result<(S, SocketAddr)> {
        if let Ok((_, peer)) = &result {
            self.was_for(*peer);
        }
        count(&self.accepts, &self.vain_accepts, &result);
        self.note_accepted(None, result)
    }

    /// Reports a read from `peer` that was awaited.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn awaited_read(
        &self,
        peer: SocketAddr,
        result: io::Result<usize>,
        buffer: &[u8],
    ) -> io::Result<usize> {
        self.was_for(peer);
        count(&self.reads, &self.vain_reads, &result);
        self.note_received(None, peer, result, buffer)
    }

    /// Reports a write to `peer` that was awaited.
    ///
    /// # Errors
    ///
    /// None of its own.
    pub fn awaited_write(&self, peer: SocketAddr, result: io::Result<usize>) -> io::Result<usize> {
        count(&self.writes, &self.vain_writes, &result);
        self.note_sent(None, peer, result)
    }

    fn was_for(&self, peer: SocketAddr) {
        if let Some(recorder) = &self.recorder {
            recorder.was_for(peer);
        }
    }
}

/// What is no call.
impl Counters {
    /// Reports that the kernel sent a signal about the connection with `peer`.
    pub fn signalled(&self, peer: SocketAddr) {
        drop(self.happened(Kind::Signal, peer, Outcome::Done));
    }

    /// Takes down something that takes no time, if anybody wants to know when.
    pub(super) fn happened(
        &self,
        kind: Kind,
        peer: SocketAddr,
        outcome: Outcome,
    ) -> Option<Held<'_>> {
        self.recorder.as_ref().map(|recorder| recorder.happens(kind, About::peer(peer), outcome))
    }
}

/// Counts one system call, and whether it was vain.
fn count<T>(calls: &AtomicU64, vain: &AtomicU64, result: &io::Result<T>) {
    add(calls, 1);
    if matches!(result, Err(e) if e.kind() == ErrorKind::WouldBlock) {
        add(vain, 1);
    }
}
