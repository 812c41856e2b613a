//! The echo servers: each a function that serves a listener for ever.
//!
//! Those of the study come as they are, with their counters and their narration. The others do
//! as little as they can: they read into a buffer per connection, and write back what came.
//! Their tasks are `async` blocks: an `async fn` keeps its argument twice
//! (rust-lang/rust#62958), as what it was called with and as the variable that it is.

// See above.
#![allow(clippy::manual_async_fn)]

use std::io;
use std::net::TcpListener;

use dormouse_study::models::Model;

mod on_dormouse;
mod on_mio;
mod on_smol;
mod on_tokio;
mod study;

/// Serves a listener, with a buffer of so many bytes for each connection, until the process ends.
pub type Serve = fn(TcpListener, usize) -> io::Result<()>;

/// All of them, each with its name.
pub const SERVERS: [(&str, Serve); 7] = [
    ("study's async", study::serve_async),
    ("study's mio", study::serve_mio),
    (ON_A_RING, study::serve_uring),
    ("dormouse", on_dormouse::serve),
    ("mio", on_mio::serve),
    ("tokio", on_tokio::serve),
    ("smol", on_smol::serve),
];

/// A server on two threads.
#[derive(Clone, Copy, Debug)]
pub struct Sharded {
    /// Its name.
    pub name: &'static str,
    /// How many listeners it wants, on one port.
    pub listeners: usize,
    /// Serves them, until the process ends.
    pub serve: fn(Vec<TcpListener>) -> io::Result<()>,
}

/// All of those.
pub const SHARDED: [Sharded; 4] = [
    Sharded { name: "study's, 2 shards", listeners: 2, serve: study::serve_shards },
    Sharded { name: "study's, handed over", listeners: 1, serve: study::serve_handed_over },
    Sharded { name: "dormouse, 2 shards", listeners: 2, serve: on_dormouse::serve_shards },
    Sharded { name: "tokio, 2 workers", listeners: 1, serve: on_tokio::serve_on_two_workers },
];

/// The one that not every kernel lets run.
const ON_A_RING: &str = "study's uring";

/// The names of those that this machine can run; says of the others why it can't.
pub fn possible() -> Vec<&'static str> {
    let can_run = |name: &&str| {
        let missing = if *name == ON_A_RING { Model::Uring.check().err() } else { None };
        if let Some(why) = &missing {
            println!("left out: {name}: {why}");
        }
        missing.is_none()
    };
    SERVERS.iter().map(|(name, _)| *name).filter(can_run).collect()
}

/// Whether a message gets no answer. No client but a firehose sends such.
pub fn is_swallowed(message: &[u8]) -> bool {
    message.starts_with(SWALLOWED)
}

/// How messages without an answer begin.
pub const SWALLOWED: &[u8] = b"x";

/// How much is read at a time, where nothing else is asked for.
pub const BUFFER: usize = 4096;
