//! # Nonblocking: never wait, ask every socket again
//!
//! Problem: a thread that sleeps in one read is deaf to all other peers.
//! Idea: make every call return at once, keep a list of the connections, ask each in turn, for
//! ever. Everybody is served, and a core burns to hear 'not yet' a million times a second.
//! Leaves out: any way to learn when asking is worth it.
//! Read before: `blocking.rs`. Read next: `mio/connection.rs`.
//! Try: `cargo run -- serve nonblocking --stats`, and Ctrl-C; again with `--every 1ms`

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::thread;
use std::time::Instant;

use crate::accept::retry_after;
use crate::counters::Counters;
use crate::options::Options;
use crate::reply::Reply;

/// Serves all connections of `listener` on this thread, without ever waiting for one.
///
/// # Errors
///
/// Only when the listener can't accept any more.
pub fn serve(
    listener: &TcpListener,
    options: &Options,
    counters: &Counters,
) -> io::Result<Infallible> {
    // listen
    listener.set_nonblocking(true)?;
    let mut accept_at = Instant::now();
    let mut connections = Vec::new();
    let mut to_delete = Vec::new();

    loop {
        // wait
        // IDEA: nowhere. The listener is asked, each connection is asked, and the round begins
        // again: whether anything has happened is found out by asking, almost always in vain.
        let mut busy = false;
        if accept_at <= Instant::now() {
            match counters.accept(listener.accept()) {
                Ok((stream, peer)) => {
                    busy = true;
                    connections.extend(Connection::open(stream, peer, options, counters));
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => accept_at = Instant::now() + retry_after(&e)?,
            }
        }
        busy |= ask_each(&mut connections, &mut to_delete, options.reply, counters);

        // close
        // From the back, so that taking one out moves none that is still to be taken out.
        for index in to_delete.drain(..).rev() {
            connections.swap_remove(index);
        }
        if let Some(pause) = options.every.filter(|_| !busy) {
            thread::sleep(pause);
            counters.slept(pause);
        }
    }
}

/// Asks each connection once, notes those to delete, and returns whether anything has happened.
fn ask_each(
    connections: &mut [Connection],
    to_delete: &mut Vec<usize>,
    reply: Reply,
    counters: &Counters,
) -> bool {
    let mut busy = false;
    for (index, connection) in connections.iter_mut().enumerate() {
        let end = match connection.ask(reply, counters) {
            Ok(Asked::NotYet) => continue,
            Ok(Asked::Moved) => {
                busy = true;
                continue;
            }
            Ok(Asked::Ended) => Ok(()),
            Err(e) => Err(e),
        };
        busy = true;
        to_delete.push(index);
        counters.close(connection.peer, &end);
    }
    busy
}

/// One peer, and the part of its last answer that the kernel has not taken yet.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    buffer: Vec<u8>,
    unsent: Range<usize>,
}

/// What came of asking one connection; the greater of two says more.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    NotYet,
    Moved,
    Ended,
}

impl Connection {
    fn open(
        stream: TcpStream,
        peer: SocketAddr,
        options: &Options,
        counters: &Counters,
    ) -> Option<Connection> {
        if let Err(e) = stream.set_nonblocking(true) {
            counters.close(peer, &Err(e));
            return None;
        }
        Some(Connection { stream, peer, buffer: vec![0; options.buffer], unsent: 0..0 })
    }

    /// Reads once, or not at all while an answer is unsent: a peer that never reads is not read
    /// from either, and one buffer is all that it can fill.
    fn ask(&mut self, reply: Reply, counters: &Counters) -> io::Result<Asked> {
        let mut asked = Asked::NotYet;
        if self.unsent.is_empty() {
            asked = self.read(reply, counters)?;
        }
        if !self.unsent.is_empty() {
            asked = asked.max(self.write(counters)?);
        }
        Ok(asked)
    }

    fn read(&mut self, reply: Reply, counters: &Counters) -> io::Result<Asked> {
        // read
        match counters.read(self.peer, self.stream.read(&mut self.buffer), &self.buffer) {
            Ok(0) => return Ok(Asked::Ended),
            Ok(n) => self.unsent = 0..reply.answer(&mut self.buffer[..n]).len(),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Asked::NotYet),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        Ok(Asked::Moved)
    }

    fn write(&mut self, counters: &Counters) -> io::Result<Asked> {
        // write
        let unsent = &self.buffer[self.unsent.clone()];
        match counters.write(self.peer, self.stream.write(unsent)) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => self.unsent.start += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Asked::NotYet),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        Ok(Asked::Moved)
    }
}
