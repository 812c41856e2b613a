//! # Told: what came of a call, in numbers and in the log
//!
//! Problem: a call of the server, an operation that the kernel did for it, and one that the runtime
//! made mean the same to whoever reads the log.
//! Idea: all of them end here, with their result, whoever made the call.
//! Leaves out: the number of calls: of some there was none.
//! Read before: `counters/calls.rs`. Read next: `reply.rs`.
//! Try: `RUST_LOG=debug cargo run -- serve mio --print`

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use log::{debug, info, trace, warn};

use super::{Counters, add};
use crate::output;
use crate::record::Held;

impl Counters {
    /// `held` until it is counted, here and below.
    pub(super) fn note_accepted<S>(
        &self,
        held: Option<Held<'_>>,
        result: io::Result<(S, SocketAddr)>,
    ) -> io::Result<(S, SocketAddr)> {
        let error = result.as_ref().err().filter(|e| e.kind() != ErrorKind::WouldBlock);
        let number = error.and_then(io::Error::raw_os_error).unwrap_or(0);
        let same = self.failing.swap(number, Relaxed) == number;
        add(&self.accepted, u64::from(result.is_ok()));
        drop(held);
        match &result {
            Ok((_, peer)) => info!("{peer} connected"),
            Err(e) if e.kind() == ErrorKind::WouldBlock => trace!("accept: nobody yet"),
            Err(e) if same => debug!("accept: {e}, still"),
            Err(e) => warn!("accept: {e}"),
        }
        result
    }

    pub(super) fn note_received(
        &self,
        held: Option<Held<'_>>,
        peer: SocketAddr,
        result: io::Result<usize>,
        buffer: &[u8],
    ) -> io::Result<usize> {
        add(&self.bytes_in, result.as_ref().map_or(0, |n| *n as u64));
        drop(held);
        match &result {
            Ok(0) => debug!("{peer} has no more to say"),
            Ok(n) => {
                debug!("{peer} says {n} bytes: {}", excerpt(&buffer[..*n]));
                self.print(peer, &buffer[..*n]);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => trace!("{peer}: nothing to read yet"),
            Err(e) => trace!("{peer}: read: {e}"),
        }
        result
    }

    pub(super) fn note_sent(
        &self,
        held: Option<Held<'_>>,
        peer: SocketAddr,
        result: io::Result<usize>,
    ) -> io::Result<usize> {
        add(&self.bytes_out, result.as_ref().map_or(0, |n| *n as u64));
        drop(held);
        match &result {
            Ok(n) => debug!("{peer} is told {n} bytes"),
            Err(e) if e.kind() == ErrorKind::WouldBlock => trace!("{peer}: no room to write yet"),
            Err(e) => trace!("{peer}: write: {e}"),
        }
        result
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

/// Shortens a message for the log.
pub(super) fn excerpt(message: &[u8]) -> String {
    const LONGEST: usize = 64;
    match message.get(..LONGEST) {
        Some(front) if message.len() > LONGEST => format!("{}...", output::printable(front)),
        _ => output::printable(message),
    }
}
