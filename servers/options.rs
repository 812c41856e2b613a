//! # Options: what a server was asked for
//!
//! Problem: every model takes the same few settings, and wrong ones must fail before it starts.
//! Idea: one struct, filled and checked by the command line, handed to every model.
//! Leaves out: settings of the process, like the address: `serve.rs`.
//! Read before: `reply.rs`. Read next: `idle.rs`.
//! Try: `cargo run -- serve nonblocking --buffer 7 --every 1ms`

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::reply::Reply;

/// What every model is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What to answer
    #[arg(long, value_enum, default_value_t = Reply::Upper)]
    pub reply: Reply,
    /// How many bytes to ask for in one read
    #[arg(long, value_name = "BYTES", default_value = "4096", value_parser = parse_buffer)]
    pub buffer: usize,
    /// How many connections may be open; one more is closed at once (not `blocking`: it has one)
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub max_connections: Option<usize>,
    /// Close a connection on which nothing has moved for so long
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    pub idle_timeout: Option<Duration>,
    /// How long to sleep after a round in which nothing happened (`nonblocking` only)
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    pub every: Option<Duration>,
}

impl Options {
    /// A buffer for one connection.
    ///
    /// # Errors
    ///
    /// Where there is no memory for it. To ask without looking would end the process, and so all
    /// other connections.
    pub fn new_buffer(&self) -> io::Result<Vec<u8>> {
        // Only asked for, and given back: what nobody has written to yet takes no memory.
        Vec::<u8>::new().try_reserve_exact(self.buffer).map_err(|_| {
            let why = format!("no memory for {} bytes: choose a smaller --buffer", self.buffer);
            io::Error::new(io::ErrorKind::OutOfMemory, why)
        })?;
        Ok(vec![0; self.buffer])
    }
}

const LARGEST_BUFFER: usize = 1 << 30;

fn parse_buffer(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes @ 1..=LARGEST_BUFFER) => Ok(bytes),
        _ => Err(format!("give a number of bytes from 1 to {LARGEST_BUFFER}")),
    }
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("give a number of connections, 1 or more".into()),
        Ok(count) => Ok(count),
    }
}

/// Reads a duration longer than nothing: `500ms`, `2s`, `1m 30s`.
///
/// # Errors
///
/// One line that says what is wrong and what to write instead.
pub fn parse_interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("give a time longer than zero, for example 500ms".into()),
        Ok(interval) => Ok(interval),
        Err(e) => Err(format!("{e}; write it like 500ms or 2s")),
    }
}

/// Reads an IP address with its port.
///
/// # Errors
///
/// One line that says what to write instead.
pub fn parse_addr(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "give an IP address and a port, like 127.0.0.1:12345".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_holds_at_least_one_byte() {
        assert_eq!(parse_buffer("1"), Ok(1));
        assert_eq!(parse_buffer("7"), Ok(7));
        for wrong in ["0", "-1", "", "4k", "99999999999999999999", "2000000000"] {
            assert!(parse_buffer(wrong).unwrap_err().contains("from 1 to"), "{wrong}");
        }
    }

    #[test]
    fn at_least_one_connection_may_be_open() {
        assert_eq!(parse_count("1"), Ok(1));
        for wrong in ["0", "-1", "", "many"] {
            assert!(parse_count(wrong).unwrap_err().contains("1 or more"), "{wrong}");
        }
    }

    #[test]
    fn an_interval_is_longer_than_zero() {
        assert_eq!(parse_interval("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["0s", "500", "soon", "", "-1s"] {
            assert!(parse_interval(wrong).unwrap_err().contains("500ms"), "{wrong}");
        }
    }
}
