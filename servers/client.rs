//! # Client: the article's client
//!
//! Problem: to see a server work, somebody has to talk to it, at a pace that eyes can follow.
//! Idea: say the same thing again and again, and print what has come back in between.
//! Leaves out: load, and checking what comes back.
//! Read before: `output.rs`. Read next: `cli.rs`.
//! Try: `cargo run -- client --message hello --every 500ms --count 3`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use clap::builder::NonEmptyStringValueParser;

use crate::options::{parse_addr, parse_interval};
use crate::output::{print_line, printable};

/// Sends a message again and again, and prints what comes back
#[derive(Debug, clap::Args)]
pub struct Client {
    /// Where the server listens
    #[arg(long, default_value = "127.0.0.1:12345", value_parser = parse_addr)]
    pub addr: SocketAddr,
    /// What to send
    #[arg(long, value_name = "TEXT", default_value = "hello",
          value_parser = NonEmptyStringValueParser::new())]
    pub message: String,
    /// How long to wait after each message
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = parse_interval)]
    pub every: Duration,
    /// How many messages to send; for ever when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

impl Client {
    /// Talks to the server until all messages are sent and their intervals have passed.
    ///
    /// # Errors
    ///
    /// When nobody listens, when the server leaves, or when stdout can't be written.
    pub fn run(self) -> io::Result<()> {
        let addr = self.addr;
        let server = TcpStream::connect(addr).map_err(|e| {
            let hint = "start one there with `dormouse serve`, or choose another with --addr";
            io::Error::new(e.kind(), format!("connect {addr}: {e}; {hint}"))
        })?;
        let mut sent = 0;
        while self.count.is_none_or(|count| sent < count) {
            sent += 1;
            let told = (&server).write_all(self.message.as_bytes());
            told.map_err(|e| left(addr, &e.to_string()))?;
            let (answer, there) = listen(&server, self.every);
            if !answer.is_empty() {
                print_line(&printable(&answer))?;
            }
            there.map_err(|e| left(addr, &e.to_string()))?;
        }
        Ok(())
    }
}

/// Gathers what the server says for one interval; also says whether it is still there.
fn listen(mut server: &TcpStream, interval: Duration) -> (Vec<u8>, io::Result<()>) {
    // More than this is left in the kernel for the next line.
    const LONGEST: usize = 64 * 1024;

    let start = Instant::now();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = interval.saturating_sub(start.elapsed());
        if left.is_zero() {
            return (answer, Ok(()));
        }
        if answer.len() >= LONGEST {
            std::thread::sleep(left);
            continue;
        }
        match server.set_read_timeout(Some(left)).and_then(|()| server.read(&mut buffer)) {
            Ok(0) => return (answer, Err(io::Error::other("it closed the connection"))),
            Ok(n) => answer.extend_from_slice(&buffer[..n]),
            // Which of the two a timeout is depends on the platform; both mean: look at the clock.
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return (answer, Err(e)),
        }
    }
}

/// Never of kind `BrokenPipe`, which is for whoever reads our stdout.
fn left(addr: SocketAddr, why: &str) -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, format!("the server at {addr} left: {why}"))
}
