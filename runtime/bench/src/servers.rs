//! The echo servers: each a function that serves a listener for ever.
//!
//! The two of the study come as they are, with their counters and their narration. The others do
//! as little as they can: they read into 4096 bytes per connection, and write back what came.

use std::io;
use std::net::TcpListener;

mod on_dormouse;
mod on_mio;
mod on_smol;
mod on_tokio;
mod study;

/// Serves a listener, until the process ends.
pub type Serve = fn(TcpListener) -> io::Result<()>;

/// All of them, each with its name.
pub const SERVERS: [(&str, Serve); 6] = [
    ("study's async", study::serve_async),
    ("study's mio", study::serve_mio),
    ("dormouse", on_dormouse::serve),
    ("mio", on_mio::serve),
    ("tokio", on_tokio::serve),
    ("smol", on_smol::serve),
];

/// How much is read at a time.
const BUFFER: usize = 4096;
