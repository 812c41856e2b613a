//! # Interest: what to be told of
//!
//! Problem: a peer reads slowly, so a part of what it is sent has to wait here until there is room.
//! Happened: `twitter/pelikan#116`: interest in writing was registered when a write would block,
//! and stayed until the connection ended. `Cargill/splinter#23`: it was there from the start.
//! Number: how many waits return with nothing to do, once all is sent. None would do.
//! Try: `cargo test -p dormouse-exercises --test exercises interest`
//! Hint: poll(2) reports what is so. How often is it so that a socket can be written to?

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// A connection with a peer that may be slow.
pub struct Connection {
    stream: TcpStream,
    interest: PollFlags,
    unsent: Vec<u8>,
    received: usize,
}

impl Connection {
    /// A connection on which nothing has been said yet.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Connection { stream, interest: PollFlags::IN, unsent: Vec::new(), received: 0 })
    }

    /// How many bytes still wait for room.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// How many bytes have come.
    pub fn received(&self) -> usize {
        self.received
    }

    /// Sends `bytes`: what there is room for at once, the rest when there is.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsent.extend_from_slice(bytes);
        self.flush()
    }

    /// Waits until something can be done, at most so long, and does it. Returns whether the wait
    /// ended before its time.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<bool> {
        let ready = self.wait(timeout)?;
        if ready.contains(PollFlags::OUT) {
            self.flush()?;
        }
        if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            self.read()?;
        }
        Ok(!ready.is_empty())
    }

    fn wait(&self, timeout: Duration) -> io::Result<PollFlags> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let mut entries = [PollFd::new(&self.stream, self.interest)];
        match poll(&mut entries, Some(&timeout)) {
            Ok(_) => Ok(entries[0].revents()),
            Err(Errno::INTR) => Ok(PollFlags::empty()),
            Err(e) => Err(e.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.stream.write(&self.unsent) {
            Ok(n) => drop(self.unsent.drain(..n)),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        if !self.unsent.is_empty() {
            self.interest |= PollFlags::OUT;
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        match self.stream.read(&mut [0; 4096]) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                self.received += n;
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(e),
        }
    }
}
