//! # Partial write: an echo for a slow reader
//!
//! Problem: what comes in goes back, over a socket that has room for a part of it only.
//! Happened: `microsoft/WSL#40032`: a relay asked a terminal to take what was typed; when it took
//! less, the rest was lost, without a word. `MarkReedZ/mrloop#5`: the same in an echo server that
//! was there as an example; its own client, which waits for each answer, never noticed.
//! Number: how many of the bytes that were sent come back.
//! Try: `cargo test -p dormouse-exercises --test exercises partial_write`
//! Hint: write(2), 'RETURN VALUE'.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// What a connection has moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes that came.
    pub received: usize,
    /// Bytes that the kernel took for the peer.
    pub sent: usize,
}

/// Sends back whatever comes, until the peer has no more.
pub fn echo(mut stream: TcpStream) -> io::Result<Totals> {
    stream.set_nonblocking(true)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut totals = Totals::default();
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(totals),
            Ok(n) => {
                totals.received += n;
                totals.sent += send(&mut stream, &buffer[..n])?;
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => wait(&stream, PollFlags::IN)?,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Sends `bytes`, and returns how many they were.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => return Ok(n),
            Err(e) if e.kind() == ErrorKind::WouldBlock => wait(stream, PollFlags::OUT)?,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Sleeps until the socket is ready.
fn wait(stream: &TcpStream, ready: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::new(stream, ready)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
