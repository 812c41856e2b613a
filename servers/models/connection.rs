//! # Connection: what a waiting thread keeps on its stack, as a value
//!
//! Problem: with one thread for all, no connection may wait in the middle of its work.
//! Idea: what a thread would remember by where it sleeps (reading, or how far it has written) is a
//! value here, so the work can be left after any step, and taken up there later.
//! Leaves out: reading ahead while an answer is unsent, so a peer fills one buffer at most.
//! Read before: `threads.rs`. Read next: `nonblocking.rs`.
//! Try: `cargo run -- serve poll --buffer 7`, and a long `--message` from `cargo run -- client`

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;

use crate::counters::Counters;
use crate::options::Options;
use crate::reply::Reply;

/// One peer, and how far its work has come. The stream is that of std, or that of mio.
pub(super) struct Connection<S> {
    pub(super) stream: S,
    pub(super) peer: SocketAddr,
    buffer: Vec<u8>,
    state: State,
}

// IDEA: where the work stands is a value, not a place in the code that a thread sleeps at.
enum State {
    Reading,
    /// The part of the buffer that the kernel has not taken yet.
    Writing(Range<usize>),
}

/// What came of one step. Only `readiness.rs` tells the first two apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// As many bytes moved as were asked for, or a signal came between: try again, there may be
    /// more.
    Whole,
    /// Fewer bytes moved than were asked for.
    Short,
    /// None did: the call came back with `WouldBlock`, as the socket is not ready.
    NotYet,
    /// The peer has no more to say, and was sent all its answers.
    Ended,
}

impl<S: Read + Write> Connection<S> {
    pub(super) fn new(stream: S, peer: SocketAddr, options: &Options) -> io::Result<Connection<S>> {
        Ok(Connection { stream, peer, buffer: options.new_buffer()?, state: State::Reading })
    }

    /// Whether the next step is a write; otherwise it is a read.
    pub(super) fn wants_to_write(&self) -> bool {
        matches!(self.state, State::Writing(_))
    }

    /// Reads or writes once, on a socket that does not wait.
    pub(super) fn step(&mut self, reply: Reply, counters: &Counters) -> io::Result<Step> {
        match &self.state {
            State::Reading => self.read(reply, counters),
            State::Writing(unsent) => self.write(unsent.clone(), counters),
        }
    }

    /// One step, and after a read the write of its answer, unasked: there almost always is room.
    /// What becomes of that write is in the state; the caller wants to know whether to read on.
    pub(super) fn exchange(&mut self, reply: Reply, counters: &Counters) -> io::Result<Step> {
        let reads = !self.wants_to_write();
        let step = self.step(reply, counters)?;
        if reads && self.wants_to_write() {
            self.step(reply, counters)?;
        }
        Ok(step)
    }

    fn read(&mut self, reply: Reply, counters: &Counters) -> io::Result<Step> {
        // read
        match counters.read(self.peer, &mut self.buffer, |buffer| self.stream.read(buffer)) {
            Ok(0) => Ok(Step::Ended),
            Ok(n) => {
                let answer = reply.answer(&mut self.buffer[..n]).len();
                self.write_next(0..answer);
                Ok(moved(n, self.buffer.len()))
            }
            Err(e) => no_bytes(e),
        }
    }

    fn write(&mut self, unsent: Range<usize>, counters: &Counters) -> io::Result<Step> {
        // write
        let front = &self.buffer[unsent.clone()];
        match counters.write(self.peer, || self.stream.write(front)) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(n) => {
                self.write_next(unsent.start + n..unsent.end);
                Ok(moved(n, unsent.len()))
            }
            Err(e) => no_bytes(e),
        }
    }

    fn write_next(&mut self, unsent: Range<usize>) {
        self.state = if unsent.is_empty() { State::Reading } else { State::Writing(unsent) };
    }
}

fn moved(n: usize, asked: usize) -> Step {
    if n == asked { Step::Whole } else { Step::Short }
}

fn no_bytes(error: io::Error) -> io::Result<Step> {
    match error.kind() {
        ErrorKind::WouldBlock => Ok(Step::NotYet),
        // As if it had not been tried: the next step tries the same again.
        ErrorKind::Interrupted => Ok(Step::Whole),
        _ => Err(error),
    }
}
