//! # Blocking: a read waits, so the second client waits too
//!
//! Problem: bytes arrive when the peer likes, and the server has one thread.
//! Idea: the thread sleeps in the call until there is something: simple, and deaf meanwhile.
//! Leaves out: a thread per connection, which buys a second client for the price of a stack.
//! Read before: `options.rs`; `accept.rs` and `idle.rs` when they are used. Read next: `threads.rs`.
//! Try: `cargo run -- serve blocking --print`, and `cargo run -- client` in two more terminals

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::accept::retry_after;
use crate::counters::Counters;
use crate::idle::{Patience, limit_waits, or_silence, send_now, silence};
use crate::options::Options;

/// Serves one connection after the other on `listener`, whose calls wait.
///
/// # Errors
///
/// Only when the listener can't accept any more.
pub fn serve(
    listener: &TcpListener,
    options: &Options,
    counters: &Counters,
) -> io::Result<Infallible> {
    // listen: `listen.rs` has done so.
    let mut buffer = options.new_buffer()?;

    loop {
        // wait
        // `counters` makes the call that it is given, counts it, and gives back its result: read on
        // as if the call stood here alone.
        let (mut connection, peer) = match counters.accept(|| listener.accept()) {
            Ok(newcomer) => newcomer,
            Err(e) => {
                pause(&e, counters)?;
                continue;
            }
        };
        let end = limit_waits(&connection, options.idle_timeout)
            .and_then(|()| talk(&mut connection, peer, &mut buffer, options, counters));

        // close
        counters.close(peer, &end);
    }
}

/// Answers one peer until it has no more to say; everybody else waits in the listener's queue.
pub(super) fn talk(
    connection: &mut TcpStream,
    peer: SocketAddr,
    buffer: &mut [u8],
    options: &Options,
    counters: &Counters,
) -> io::Result<()> {
    let mut patience = Patience::new(options.idle_timeout);
    loop {
        // read
        // IDEA: the thread sleeps here until this one peer speaks, and hears nobody else.
        // (`counters` lends the buffer to the call, and can show afterwards what came.)
        let n = match counters.read(peer, buffer, |buffer| connection.read(buffer)) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            // The time that `limit_waits` set is up (recv(2)).
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                return Err(silence(options.idle_timeout));
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {
                patience.interrupted(connection)?;
                continue;
            }
            Err(e) => return Err(e),
        };
        patience.moved(connection)?;

        // write
        let mut unsent = options.reply.answer(&mut buffer[..n]);
        while !unsent.is_empty() {
            match counters.write(peer, || connection.write(unsent)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => unsent = &unsent[n..],
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    // The time is up. There may be room all the same, as the kernel reports none
                    // before a good part of the buffer is free: so try once, without waiting.
                    let sent = counters.write(peer, || send_now(connection, unsent));
                    unsent = &unsent[or_silence(sent, options.idle_timeout)?..];
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    patience.interrupted(connection)?;
                    continue;
                }
                Err(e) => return Err(e),
            }
            patience.moved(connection)?;
        }
    }
}

/// Waits until another accept makes sense: where descriptors ran out, to ask again at once would spin.
pub(super) fn pause(error: &io::Error, counters: &Counters) -> io::Result<()> {
    let pause = retry_after(error)?;
    if !pause.is_zero() {
        counters.sleep(pause);
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use nix::errno::Errno;

    use super::*;

    /// Seen to fail when [`pause`] sleeps for no time, too.
    #[test]
    fn aborted_connections_are_not_slept_on() {
        let counters = Counters::new("blocking", false);
        for _ in 0..3 {
            pause(&Errno::ECONNABORTED.into(), &counters).unwrap();
        }
        assert_eq!(counters.waits.load(Relaxed), 0);
    }
}
