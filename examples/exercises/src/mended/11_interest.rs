//! # Interest, mended: in writing only while something waits to be written
//!
//! Fault: interest in writing came with the first write that did not take all, and stayed. A socket
//! has room nearly always, so from then on each wait returned at once.
//! Mend: after each write, interest is what it should be: there if something is unsent, gone if
//! not. Derived from the one thing that it depends on, it can't be left behind.
//! In dormouse: `Server::wait` in `servers/models/poll.rs` makes a new list for each call, and asks
//! `Connection::wants_to_write` in `servers/models/connection.rs`. The runtime has both interests
//! all the time, without this fault, as mio reports changes only: `Reactor::register` in
//! `runtime/src/reactor.rs`.

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
        self.interest.set(PollFlags::OUT, !self.unsent.is_empty());
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
