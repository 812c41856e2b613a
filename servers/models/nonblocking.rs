//! # Nonblocking: never wait, ask every socket again
//!
//! Problem: a thread that sleeps in one read is deaf to all other peers.
//! Idea: make every call return at once, keep a list of the connections, ask each in turn, for
//! ever. Everybody is served, and a core burns to hear 'not yet' a million times a second.
//! Leaves out: any way to learn when asking is worth it.
//! Read before: `connection.rs`. Read next: `select.rs`.
//! Try: `cargo run -- serve nonblocking --stats`, and Ctrl-C; again with `--every 1ms`

use std::convert::Infallible;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use super::connection::{Connection, Step};
use crate::accept::Accepting;
use crate::counters::Counters;
use crate::idle::silence;
use crate::options::Options;

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
    // From here on an accept that would wait fails at once: `WouldBlock`, that is 'not yet'.
    listener.set_nonblocking(true)?;
    let mut accepting = Accepting::default();
    let mut members = Vec::new();

    loop {
        // wait
        // IDEA: it waits nowhere: listener and connections are asked in turn, almost always in vain.
        // Nobody announces a newcomer here, so each round asks for one.
        accepting.announce();
        let newcomer = accepting.next(options, counters, || listener.accept())?;
        // Due at once: somebody came, if only to be turned away, and there may be another.
        let mut busy = accepting.deadline().is_some_and(|at| at <= Instant::now());
        if let Some((stream, peer)) = newcomer {
            let ready = stream.set_nonblocking(true);
            match ready.and_then(|()| Connection::new(stream, peer, options)) {
                Ok(connection) => members.push(Member::new(connection)),
                Err(e) => counters.close(peer, &Err(e)),
            }
        }
        members.retain_mut(|member| {
            let end = match member.ask(options, counters) {
                Ok(Step::NotYet) => return true,
                Ok(Step::Whole | Step::Short) => {
                    busy = true;
                    return true;
                }
                Ok(Step::Ended) => Ok(()),
                Err(e) => Err(e),
            };

            // close
            busy = true;
            counters.close(member.connection.peer, &end);
            false
        });
        if let Some(pause) = options.every.filter(|_| !busy) {
            counters.sleep(pause);
        }
    }
}

/// One of those who are asked in turn.
struct Member {
    connection: Connection<TcpStream>,
    silent_since: Instant,
}

impl Member {
    fn new(connection: Connection<TcpStream>) -> Member {
        Member { connection, silent_since: Instant::now() }
    }

    /// Asks once, and says what came of it: an error, too, after too long a silence.
    fn ask(&mut self, options: &Options, counters: &Counters) -> io::Result<Step> {
        let Some(limit) = options.idle_timeout else {
            return self.connection.exchange(options.reply, counters);
        };
        // Taken before the call: what the call takes is not the peer's silence.
        let silent_for = self.silent_since.elapsed();
        match self.connection.exchange(options.reply, counters)? {
            Step::NotYet if silent_for >= limit => Err(silence(options.idle_timeout)),
            Step::NotYet => Ok(Step::NotYet),
            step => {
                self.silent_since = Instant::now();
                Ok(step)
            }
        }
    }
}
