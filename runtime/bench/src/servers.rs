//! The echo servers: each a function that serves a listener for ever.
//!
//! Those of the study come as they are, with their counters and their narration. The others do
//! as little as they can: they read into 4096 bytes per connection, and write back what came.

use std::io;
use std::net::TcpListener;

use dormouse_study::models::Model;

mod on_dormouse;
mod on_mio;
mod on_smol;
mod on_tokio;
mod study;

/// Serves a listener, until the process ends.
pub type Serve = fn(TcpListener) -> io::Result<()>;

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

/// How much is read at a time.
const BUFFER: usize = 4096;
