//! The echo servers: each a function that serves a listener for ever.
//!
//! All read into 4096 bytes per connection and write back what they read.

use std::io;
use std::net::TcpListener;

mod on_dormouse;
mod on_mio;
mod on_smol;
mod on_tokio;

/// Serves a listener, until the process ends.
pub type Serve = fn(TcpListener) -> io::Result<()>;

/// All of them. The ratios of the table are to the first two.
pub const SERVERS: &[(&str, Serve)] = &[
    ("dormouse", on_dormouse::serve),
    ("mio", on_mio::serve),
    ("tokio", on_tokio::serve),
    ("smol", on_smol::serve),
];

/// How much is read at a time.
const BUFFER: usize = 4096;
