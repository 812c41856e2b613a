//! # Partial write, mended: go on where the kernel left off
//!
//! Fault: a write that took a part was taken for one that took all. The rest was still in the
//! buffer as the next read filled it again.
//! Mend: a write says how much it took; what is left goes out next, after a wait for room, and
//! there is no read until then. That also holds a peer back that sends and never reads: one buffer,
//! and no more. (`write_all` would not do: at 'not yet' it gives up, and does not say how far it
//! came.)
//! In dormouse: `Connection::write` in `servers/models/connection.rs`: what is unsent is a range of
//! the buffer, kept until it is empty, and no read comes before that.

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

/// Sends `bytes`, all of them, and returns how many they were.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => sent += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => wait(stream, PollFlags::OUT)?,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(sent)
}

/// Sleeps until the socket is ready.
fn wait(stream: &TcpStream, ready: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::new(stream, ready)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
