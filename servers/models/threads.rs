//! # Threads: a thread per connection, so that nobody waits for another
//!
//! Problem: a thread that sleeps in one peer's read is deaf to all others.
//! Idea: give each peer a thread of its own. The code stays as simple as it was; a second client
//! costs a stack and a context switch per message, and there can't be many thousands.
//! Leaves out: a pool of threads. It bounds the price, and brings the queue back.
//! Read before: `blocking.rs`. Read next: `connection.rs`.
//! Try: `cargo run -- serve threads --max-connections 2`, and three times `cargo run -- client`

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::blocking::{pause, talk};
use crate::accept::admit;
use crate::counters::Counters;
use crate::idle::limit_waits;
use crate::options::Options;

/// Serves each connection of `listener` on a thread of its own.
///
/// # Errors
///
/// Only when the listener can't accept any more.
pub fn serve(
    listener: &TcpListener,
    options: &Options,
    counters: &Arc<Counters>,
) -> io::Result<Infallible> {
    // listen: `listen.rs` has done so.
    let options = Arc::new(options.clone());

    loop {
        // wait
        match counters.accept(|| listener.accept()) {
            Ok((connection, peer)) if admit(peer, &options, counters) => {
                start(connection, peer, &options, counters);
            }
            Ok(_) => {}
            Err(e) => pause(&e, counters)?,
        }
    }
}

/// Starts a thread for one peer. Where the system refuses one, that peer alone is turned away.
fn start(
    connection: TcpStream,
    peer: SocketAddr,
    options: &Arc<Options>,
    counters: &Arc<Counters>,
) {
    let (own_options, own_counters) = (Arc::clone(options), Arc::clone(counters));
    // IDEA: each thread sleeps in its own read, and the kernel runs those whose bytes have come.
    let work = move || serve_one(connection, peer, &own_options, &own_counters);
    if let Err(e) = thread::Builder::new().name(peer.to_string()).spawn(work) {
        let why = format!("no thread can be started: {e}; --max-connections sets a bound");
        counters.close(peer, &Err(io::Error::new(e.kind(), why)));
    }
}

fn serve_one(mut connection: TcpStream, peer: SocketAddr, options: &Options, counters: &Counters) {
    let end = options.new_buffer().and_then(|mut buffer| {
        limit_waits(&connection, options.idle_timeout)?;
        talk(&mut connection, peer, &mut buffer, options, counters)
    });

    // close
    counters.close(peer, &end);
}
